import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../../lib/assert.ts';
import { syncDirectory } from '../../lib/durable-file.ts';
import { OperatingError } from '../../lib/errors.ts';
import { checkArchive, tooLarge } from './archive.ts';
import { asDiskError, assertSpace } from './disk.ts';
import type { StoreLimits } from './limits.ts';

const DIGEST = /^[0-9a-f]{64}$/;
const CHECK_SPACE_EVERY_BYTES = 16 * 1024 * 1024;

/** Packed artifacts, one file each, named by their sha256. What has that name is whole, checked and on disk. */
export class Artifacts {
  readonly #dir: string;
  readonly #limits: StoreLimits;

  constructor(dir: string, limits: StoreLimits) {
    this.#dir = dir;
    this.#limits = limits;
  }

  path(digest: string): string {
    assert(DIGEST.test(digest), `"${digest}" is no sha256`);
    return join(this.#dir, digest);
  }

  async has(digest: string): Promise<boolean> {
    return (await this.bytes(digest)) !== null;
  }

  async bytes(digest: string): Promise<number | null> {
    return stat(this.path(digest)).then(
      (found) => found.size,
      () => null,
    );
  }

  /** Deletes what transfers of an earlier process left. */
  async open(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#dir)) {
      if (!DIGEST.test(name)) await rm(join(this.#dir, name), { recursive: true, force: true });
    }
  }

  async put(stream: AsyncIterable<Uint8Array>, digest: string): Promise<void> {
    const final = this.path(digest);
    if (await this.has(digest)) {
      const now = new Date();
      await utimes(final, now, now); // new again, so that no pruning takes it before its release is recorded
      return;
    }
    const temporary = join(this.#dir, `${randomUUID()}.part`);
    try {
      await this.#receive(stream, temporary, digest);
      await checkArchive(temporary, this.#limits);
      await rename(temporary, final);
      await syncDirectory(this.#dir);
    } catch (error) {
      await rm(temporary, { force: true });
      throw asDiskError(error, this.#dir, 'Taking an artifact');
    }
  }

  /** Deletes what is in none of `keep` and older than the limit says. Returns the digests. */
  async prune(keep: ReadonlySet<string>, nowMs: number): Promise<string[]> {
    const gone: string[] = [];
    for (const name of await readdir(this.#dir)) {
      if (!DIGEST.test(name) || keep.has(name)) continue;
      const path = join(this.#dir, name);
      if (nowMs - (await stat(path)).mtimeMs < this.#limits.pruneAfterMs) continue;
      await rm(path);
      gone.push(name);
    }
    return gone;
  }

  async #receive(stream: AsyncIterable<Uint8Array>, path: string, digest: string): Promise<void> {
    const hash = createHash('sha256');
    const file = await open(path, 'wx', 0o600);
    try {
      let bytes = 0;
      let checkedAt = -CHECK_SPACE_EVERY_BYTES;
      for await (const chunk of stream) {
        if (bytes - checkedAt >= CHECK_SPACE_EVERY_BYTES) {
          await assertSpace(this.#dir, this.#limits.reserveBytes, 'Taking an artifact');
          checkedAt = bytes;
        }
        bytes += chunk.length;
        if (bytes > this.#limits.packedBytes) throw tooLarge(`more than ${this.#limits.packedBytes} bytes`);
        hash.update(chunk);
        await file.writeFile(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    const found = hash.digest('hex');
    if (found !== digest) {
      throw new OperatingError(
        'ARTIFACT_DIGEST_MISMATCH',
        `The artifact was refused: its sha256 is ${found}, not ${digest} as announced. Nothing was kept; deploy again.`,
        { retryable: true },
      );
    }
  }
}
