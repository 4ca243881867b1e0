import { constants } from 'node:fs';
import { lstat, open, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';

import { OperatingError } from '../lib/errors.ts';
import { formatSize } from './units.ts';

/** One thing in an artifact; its content is read when its turn comes. */
export type PackEntry =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly size: number;
      readonly executable: boolean;
      read(): AsyncIterable<Uint8Array>;
    }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'directory'; readonly path: string };

export type PackLimits = {
  readonly maxEntries: number;
  /** Of all files together, before compression. */
  readonly maxBytes: number;
};

/** Sockets, pipes and devices cannot be packed; they are named in `skipped`. */
export type EntryList = { readonly entries: readonly PackEntry[]; readonly skipped: readonly string[] };

/** What stands at the paths, in the order of their bytes, as git has it. Paths that are gone are left out. */
export async function entriesAt(root: string, paths: readonly string[]): Promise<EntryList> {
  const entries: PackEntry[] = [];
  const skipped: string[] = [];
  for (const path of paths.toSorted(byBytes)) {
    if (path.includes('\uFFFD')) throw unsafe(path, 'its name is not UTF-8');
    const found = await lstat(join(root, path)).catch(() => null);
    if (found === null) continue;
    if (found.isFile())
      entries.push({
        kind: 'file',
        path,
        size: found.size,
        executable: isExecutable(found.mode),
        read: () => readFixed(root, path, found.size),
      });
    else if (found.isSymbolicLink()) entries.push(linkEntry(path, await readlink(join(root, path))));
    else if (!found.isDirectory()) skipped.push(path);
    else entries.push(await directoryEntry(root, path));
  }
  return { entries, skipped };
}

export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function isExecutable(mode: number): boolean {
  return (mode & 0o100) !== 0;
}

/**
 * Refuses links that could lead out. `..` is taken at the beginning only: after a name it would be resolved from
 * wherever that name leads, which may be another link.
 */
export function linkEntry(path: string, target: string): PackEntry {
  const steps = target.split('/').filter((step) => step !== '' && step !== '.');
  const up = steps.findIndex((step) => step !== '..');
  const climbs = up < 0 ? steps.length : up;
  const depth = path.split('/').length - 1;
  if (target === '' || posix.isAbsolute(target)) throw unsafe(path, `it is a link to ${target}, outside`);
  if (climbs > depth || steps.slice(climbs).includes('..'))
    throw unsafe(path, `it is a link to ${target}, which may lead outside`);
  return { kind: 'link', path, target };
}

/** Empty directories are listed with a slash at the end; any other one is a repository within the repository. */
async function directoryEntry(root: string, path: string): Promise<PackEntry> {
  const isRepository = await lstat(join(root, path, '.git')).then(
    () => true,
    () => false,
  );
  if (isRepository || !path.endsWith('/'))
    throw unsafe(path.replace(/\/$/, ''), 'it is a git repository of its own');
  return { kind: 'directory', path };
}

/** Exactly `size` bytes, or PACK_CHANGED: what is released must be what was there when the packing began. */
async function* readFixed(root: string, path: string, size: number): AsyncGenerator<Uint8Array> {
  const handle = await open(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW).catch(
    (error: unknown) => {
      throw changed(path, error);
    },
  );
  try {
    const before = await handle.stat();
    if (before.size !== size) throw changed(path);
    let left = size;
    while (left > 0) {
      const buffer = Buffer.allocUnsafe(Math.min(left, 262_144));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) throw changed(path);
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    const after = await handle.stat();
    if (after.size !== size || after.mtimeMs !== before.mtimeMs) throw changed(path);
  } finally {
    await handle.close();
  }
}

/** Counts what goes into an artifact. */
export class PackBudget {
  readonly #limits: PackLimits;
  #entries = 0;
  #bytes = 0;
  #largest = { path: '', size: 0 };

  constructor(limits: PackLimits) {
    this.#limits = limits;
  }

  get entries(): number {
    return this.#entries;
  }

  /** PACK_TOO_LARGE once a limit is passed. */
  add(entry: PackEntry): void {
    this.#entries += 1;
    if (entry.kind === 'file') {
      this.#bytes += entry.size;
      if (entry.size > this.#largest.size) this.#largest = { path: entry.path, size: entry.size };
    }
    const { maxEntries, maxBytes } = this.#limits;
    if (this.#entries <= maxEntries && this.#bytes <= maxBytes) return;
    const limit = this.#entries > maxEntries ? `${maxEntries} files` : formatSize(maxBytes);
    const { path, size } = this.#largest;
    const message = `there is more to pack than ${limit}; the largest so far is ${path} (${formatSize(size)}). Nothing was packed. List in .basculeignore what the service does not need.`;
    throw new OperatingError('PACK_TOO_LARGE', message, { retryable: false });
  }
}

function unsafe(path: string, why: string): OperatingError {
  const message = `${path} cannot be packed: ${why}. Nothing was packed. Mend it, or list it in .basculeignore.`;
  return new OperatingError('PACK_UNSAFE', message, { retryable: false });
}

function changed(path: string, cause?: unknown): OperatingError {
  const message = `${path} changed while it was packed. Nothing was packed. Stop what writes there, or deploy a commit: --from HEAD.`;
  return new OperatingError('PACK_CHANGED', message, { retryable: true, cause });
}
