import { execFile } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs';
import {
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { Release } from '../../release/release.ts';
import type { SlotName } from '../../release/slot.ts';
import { fileNameOf, textOfFileName } from '../file-name.ts';
import type { SystemUser } from '../user.ts';

const KEPT_RELEASES = 10;
const CHUNK_BYTES = 1024 * 1024;
/** The older part may be this many times the size: more only comes together while no controller looks, and is dropped. */
const MOST_KEPT = 8;
/** Smaller blocks than this are not worth a try. */
const MIN_BLOCK_BYTES = 512;
const run = promisify(execFile);

/**
 * Output of replicas: `DIR/SERVICE/SLOT/LABEL/REPLICA.log`, and one older part `REPLICA.log.1`.
 *
 * A replica holds its file open for life, so that it can go on writing while we are dead; a renamed file would grow for ever.
 * So the beginning of a full file is copied to `.1` and then taken away in place (fallocate(2), FALLOC_FL_COLLAPSE_RANGE, on
 * ext4 and XFS): in one step, while its writer goes on, and not a line is lost. Other file systems cannot do that; there the
 * file is emptied, and what is written in the microseconds between the last read and that is lost (measured on two busy
 * cores: none of 160,000 lines at 20,000 a second, one in 1,000 at 200,000 a second).
 */
export class LogFiles {
  readonly #dir: string;
  readonly #largestBytes: number;
  readonly #turns = new Map<string, number>();
  readonly #turning = new Set<string>();
  readonly #moving = new Set<string>();
  readonly #skipped = new Map<string, number>();
  #canTakeAway = true;

  constructor(dir: string, largestBytes: number) {
    this.#dir = dir;
    this.#largestBytes = largestBytes;
  }

  /** Opens for appending. Owned by the service's user, so that the program can reopen /dev/stdout. */
  async open(place: LogPlace, owner: SystemUser | null): Promise<FileHandle> {
    const path = this.path(place);
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o640);
    if (owner !== null && process.geteuid!() === 0) await file.chown(owner.uid, owner.gid);
    return file;
  }

  /** Deletes what another release with this label wrote: it never got traffic, or its service was removed. */
  async claim(
    slot: SlotName,
    { service, label, artifactDigest, configDigest, createdAtMs }: Release,
  ): Promise<void> {
    const dir = join(this.#slotDir(service, slot), fileNameOf(label));
    const path = join(dir, 'release');
    const whose = `${artifactDigest} ${configDigest} ${createdAtMs}\n`;
    const found = await readFile(path, 'utf8').catch(() => null);
    if (found === whose) return;
    if (found !== null) await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true, mode: 0o750 });
    await writeFile(path, whose, { mode: 0o640 });
  }

  path(place: LogPlace): string {
    return join(this.#slotDir(place.service, place.slot), fileNameOf(place.label), `${place.replica}.log`);
  }

  /** How often this process has put the file aside: tells a reader that its offset counts from anew. */
  turns(path: string): number {
    return this.#turns.get(path) ?? 0;
  }

  /** Labels whose output is there, the one last written first. */
  async labels(service: string, slot: SlotName): Promise<string[]> {
    const dir = this.#slotDir(service, slot);
    const found = await Promise.all(
      (await readdir(dir).catch(() => [])).map(async (name) => ({
        name,
        atMs: await newest(join(dir, name)),
      })),
    );
    return found.sort((a, b) => b.atMs - a.atMs).map(({ name }) => textOfFileName(name));
  }

  /** Replicas of which there is output, in order. */
  async replicas(service: string, slot: SlotName, label: string): Promise<number[]> {
    const names = await readdir(join(this.#slotDir(service, slot), fileNameOf(label))).catch(() => []);
    return names
      .filter((name) => /^\d+\.log$/.test(name))
      .map((name) => Number.parseInt(name, 10))
      .sort((a, b) => a - b);
  }

  /** Deletes the output of all but the slot's ten newest releases. */
  async prune(service: string, slot: SlotName, using: string): Promise<void> {
    const old = (await this.labels(service, slot))
      .filter((label) => label !== using)
      .slice(KEPT_RELEASES - 1);
    for (const label of old) {
      await rm(join(this.#slotDir(service, slot), fileNameOf(label)), { recursive: true, force: true });
    }
  }

  /**
   * Puts the file aside once it is over its size. Error: what the disk says; the output then stays as it is. Resolves to what
   * had to be dropped, in bytes.
   */
  async turnIfLarge(path: string): Promise<number> {
    const found = statSync(path, { throwIfNoEntry: false });
    const size = found?.size ?? 0;
    if (size < this.#largestBytes || this.#turning.has(path)) return 0;
    this.#turning.add(path);
    try {
      // Whole blocks, and never all of the file.
      const blocks = size - 1 - ((size - 1) % found!.blksize);
      return await this.#turn(path, blocks === 0 ? size : blocks);
    } finally {
      this.#turning.delete(path);
    }
  }

  /** Whether the beginning of the file is being taken away at this moment: what is read of it has no certain place. */
  isMoving(path: string): boolean {
    return this.#moving.has(path);
  }

  /** How many bytes of the file's last turn came before the first one of its older part. */
  skipped(path: string): number {
    return this.#skipped.get(path) ?? 0;
  }

  async #turn(path: string, size: number): Promise<number> {
    const skipped = await this.#putAside(path, size);
    this.#moving.add(path);
    try {
      if (!(await this.#takeAway(path, size))) emptyAfterCopying(path, size, skipped < size);
      this.#skipped.set(path, skipped);
      this.#turns.set(path, this.turns(path) + 1);
      return skipped;
    } finally {
      this.#moving.delete(path);
    }
  }

  /** Copies the last of the first `size` bytes to `.1`; returns how many were left out. */
  async #putAside(path: string, size: number): Promise<number> {
    const copy = `${path}.1.tmp`;
    const start = Math.max(0, size - this.#largestBytes * MOST_KEPT);
    try {
      const to = createWriteStream(copy, { mode: 0o640 });
      await pipeline(createReadStream(path, { start, end: size - 1, highWaterMark: CHUNK_BYTES }), to);
      await rename(copy, `${path}.1`);
      return start;
    } catch (error) {
      await rm(copy, { force: true });
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      // No room for the older part, and this file is what takes it: a full disk would stop more than a lost line.
      await rm(`${path}.1`, { force: true });
      return size;
    }
  }

  /** Removes the first bytes in one step of the file system, which no write can come between. False: it cannot do that. */
  async #takeAway(path: string, bytes: number): Promise<boolean> {
    if (!this.#canTakeAway || bytes % MIN_BLOCK_BYTES !== 0) return false;
    try {
      await run('fallocate', ['--collapse-range', '--offset', '0', '--length', String(bytes), path], {
        env: { ...process.env, LC_ALL: 'C' },
      });
      return true;
    } catch (error) {
      const { code, stderr } = error as { readonly code?: unknown; readonly stderr?: string };
      if (code === 'ENOENT' || /not supported/i.test(stderr ?? '')) this.#canTakeAway = false;
      return false;
    }
  }

  #slotDir(service: string, slot: SlotName): string {
    return join(this.#dir, service, slot);
  }
}

export type LogPlace = {
  readonly service: string;
  readonly slot: SlotName;
  readonly label: string;
  readonly replica: number;
};

/** For file systems that cannot take the beginning of a file away: copies what came meanwhile, then empties the file. */
function emptyAfterCopying(path: string, from: number, keep: boolean): void {
  const file = openSync(path, 'r+');
  try {
    const { size } = fstatSync(file);
    // At most as much again, however fast the writer.
    const rest = Buffer.alloc(Math.min(size - from, from));
    const count = readSync(file, rest, 0, rest.length, from);
    if (keep) appendFileSync(`${path}.1`, rest.subarray(0, count));
    ftruncateSync(file, 0);
  } finally {
    closeSync(file);
  }
}

async function newest(dir: string): Promise<number> {
  const names = await readdir(dir).catch(() => []);
  const times = await Promise.all(names.map((name) => stat(join(dir, name)).catch(() => null)));
  return Math.max(0, ...times.map((found) => found?.mtimeMs ?? 0));
}
