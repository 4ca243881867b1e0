import type { Release } from '../release/release.ts';

/** Where artifacts and unpacked releases live on the server. */
export type ReleaseStore = {
  /**
   * Takes a packed artifact (tar, gzip allowed) from a stream, bounded in bytes and entries, checks the sha256 and keeps
   * it. Nothing is left behind on any error. Errors: ARTIFACT_DIGEST_MISMATCH, ARTIFACT_TOO_LARGE, ARTIFACT_UNSAFE (a path
   * that leaves the directory, a link out of it, a device), WORKLOAD_DISK_FULL.
   */
  put(stream: AsyncIterable<Uint8Array>, expectedDigest: string): Promise<void>;
  has(digest: string): Promise<boolean>;
  /** Unpacks and builds once; the directory of the release from then on. Errors: BUILD_FAILED with the last lines, ARTIFACT_MISSING, WORKLOAD_DISK_FULL, WORKLOAD_USER_NOT_ALLOWED. */
  prepare(release: Release): Promise<string>;
  /** Bytes free where releases live. */
  space(): Promise<{ readonly freeBytes: number }>;
  /** Deletes every artifact and directory that is not of these releases. Returns what went. */
  prune(keep: readonly Release[]): Promise<readonly string[]>;
};
