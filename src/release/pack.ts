import { createHash, randomBytes, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import tar from 'tar-stream';

import { OperatingError } from '../lib/errors.ts';
import { gitArchive } from './git.ts';
import {
  entriesAt,
  isExecutable,
  linkEntry,
  PackBudget,
  type PackEntry,
  type PackLimits,
} from './pack-entries.ts';
import { describeCommit, listDirectory, type PackSource } from './pack-source.ts';

export type Packed = {
  /** sha256 hex of the file's bytes. */
  readonly digest: string;
  /** Size of the file. */
  readonly bytes: number;
  /** The artifact (tar.gz); whoever asked for it removes it. */
  readonly file: string;
  readonly entries: number;
  /** Sockets, pipes and devices that were left out. */
  readonly skipped: readonly string[];
  /** `git describe`, `-dirty` at its end where there are changes; null outside of git. */
  readonly describe: string | null;
};

export type PackOptions = {
  /** Where the artifact is written. */
  readonly temporaryDirectory: string;
  readonly limits: PackLimits;
  /** Ends the packing with its reason. */
  readonly signal?: AbortSignal;
};

export const PACK_LIMITS: PackLimits = { maxEntries: 100_000, maxBytes: 2 * 1024 ** 3 };

/**
 * A directory or commit as one file, the same bytes for the same content: sorted, no times, owners or names, and modes
 * 0644 or 0755. Nothing is left behind on any error. Errors: PACK_SOURCE_MISSING (nothing to pack), PACK_TOO_LARGE,
 * PACK_UNSAFE, PACK_CHANGED (retryable), PACK_GIT_FAILED.
 */
export async function packSource(source: PackSource, options: PackOptions): Promise<Packed> {
  const file = join(options.temporaryDirectory, `bascule-${randomBytes(8).toString('hex')}.tar.gz`);
  const budget = new PackBudget(options.limits);
  try {
    if (source.kind === 'commit') {
      const written = await write(file, (pack) => packCommit(pack, source, budget), options.signal);
      requireEntries(budget.entries, source);
      const describe = await describeCommit(source.directory, source.commit);
      return { ...written, file, entries: budget.entries, skipped: [], describe };
    }
    const { paths, describe } = await listDirectory(source.directory);
    const { entries, skipped } = await entriesAt(source.directory, paths);
    for (const entry of entries) budget.add(entry);
    requireEntries(budget.entries, source);
    const written = await write(file, (pack) => packEntries(pack, entries), options.signal);
    return { ...written, file, entries: budget.entries, skipped, describe };
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

function requireEntries(count: number, source: PackSource): void {
  if (count > 0) return;
  const what = source.kind === 'commit' ? `commit ${source.commit}` : source.directory;
  throw new OperatingError('PACK_SOURCE_MISSING', `${what} holds no files. Nothing was packed.`, {
    retryable: false,
  });
}

async function packEntries(pack: tar.Pack, entries: readonly PackEntry[]): Promise<void> {
  for (const entry of entries) await addEntry(pack, entry);
}

/** git writes the tree in the order of its bytes as well, so that a clean work tree and its commit give one digest. */
async function packCommit(
  pack: tar.Pack,
  source: Extract<PackSource, { kind: 'commit' }>,
  budget: PackBudget,
): Promise<void> {
  const extract = tar.extract();
  const fed = pipeline(Readable.from(gitArchive(source.directory, source.commit)), extract);
  // The loop below meets the same failure; without this it would count as unhandled meanwhile.
  fed.catch(() => undefined);
  for await (const entry of extract) {
    const packed = fromHeader(entry);
    if (packed === null) {
      entry.resume();
      continue;
    }
    budget.add(packed);
    await addEntry(pack, packed);
    entry.resume();
  }
  await fed;
}

/** What tar-stream gives for an entry, cut down to what is used. */
type TarEntry = AsyncIterable<unknown> & { readonly header: tar.Header };

function fromHeader(entry: TarEntry): PackEntry | null {
  const { name, type, linkname, mode, size } = entry.header;
  if (type === 'symlink') return linkEntry(name, linkname ?? '');
  if (type !== 'file') return null;
  return {
    kind: 'file',
    path: name,
    size: size ?? 0,
    executable: isExecutable(mode ?? 0),
    read: () => entry as AsyncIterable<Uint8Array>,
  };
}

const SAME_FOR_ALL = { mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' };

async function addEntry(pack: tar.Pack, entry: PackEntry): Promise<void> {
  if (entry.kind === 'link') {
    pack.entry({ ...SAME_FOR_ALL, name: entry.path, type: 'symlink', linkname: entry.target, mode: 0o777 });
  } else if (entry.kind === 'directory') {
    pack.entry({ ...SAME_FOR_ALL, name: entry.path, type: 'directory', mode: 0o755 });
  } else {
    const mode = entry.executable ? 0o755 : 0o644;
    const sink = pack.entry({ ...SAME_FOR_ALL, name: entry.path, type: 'file', mode, size: entry.size });
    await pipeline(entry.read(), sink);
  }
}

/** Fills an artifact by `fill`; its digest and size. */
async function write(
  file: string,
  fill: (pack: tar.Pack) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<{ digest: string; bytes: number }> {
  const pack = tar.pack();
  const hash = createHash('sha256');
  const count = { bytes: 0 };
  signal?.throwIfAborted();
  const abort = (): void => pack.destroy(signal!.reason as Error);
  signal?.addEventListener('abort', abort);
  const stored = pipeline(
    Readable.from(pack),
    createGzip({ level: 6 }),
    (chunks: AsyncIterable<Buffer>) => measured(chunks, hash, count),
    createWriteStream(file, { flags: 'wx', mode: 0o600 }),
  );
  const filled = fill(pack).then(
    () => pack.finalize(),
    (error: unknown) => {
      pack.destroy(error as Error);
      throw error;
    },
  );
  // Both are waited for, whichever fails first, so that nothing writes to a file that is about to be removed.
  const [fillResult, storeResult] = await Promise.allSettled([filled, stored]);
  signal?.removeEventListener('abort', abort);
  if (fillResult.status === 'rejected') throw fillResult.reason;
  if (storeResult.status === 'rejected') throw storeResult.reason;
  return { digest: hash.digest('hex'), bytes: count.bytes };
}

async function* measured(
  chunks: AsyncIterable<Buffer>,
  hash: Hash,
  count: { bytes: number },
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    // Byte 9 of a gzip header names the operating system (RFC 1952): 255, unknown, so that all of them agree.
    if (count.bytes === 0 && chunk.length > 9) chunk[9] = 255;
    hash.update(chunk);
    count.bytes += chunk.length;
    yield chunk;
  }
}
