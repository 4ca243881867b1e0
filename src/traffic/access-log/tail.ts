import {
  closeSync,
  fstatSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';

/** How far a file was read; files are known by their inode, whatever their name is by now. */
export type Place = readonly [inode: number, offset: number];

export type TailOptions = {
  /** The file that the proxy writes; files put aside are `path.1`, `path.2`, … */
  readonly path: string;
  /** Past this size a file is put aside. */
  readonly maxBytes: number;
  /** Makes the proxy open `path` anew. Called after it was renamed. */
  readonly reopen: () => Promise<void>;
  /** Steady: never jumps. */
  readonly nowMs: () => number;
};

/** `again`: lies before the places up to which it was read once already. */
export type OnLine = (line: string, again: boolean) => void;

const CHUNK_BYTES = 256 * 1024;
/** Read in one go: bounds how long it holds up everything else. */
const MAX_BYTES_AT_ONCE = 4 * 1024 * 1024;
/** A line longer than this is no line. */
const MAX_LINE_BYTES = 64 * 1024;
/** A file that was put aside is deleted when nothing was added for so long: every worker writes the new one by then. */
const QUIET_MS = 30_000;
const REOPEN_RETRY_MS = 1000;

type Followed = {
  readonly inode: number;
  readonly fd: number;
  /** Null: under a name that somebody else gave it. */
  path: string | null;
  offset: number;
  /** Lines before it were read once already. */
  readonly againUntil: number;
  size: number;
  grewAtMs: number;
};

/**
 * Follows a log over its rotations. All files that still may grow are read in turn; a line is read when its end is
 * there. Positions are whole lines, so that going on from one of them reads each line once.
 */
export class Tail {
  /** Bytes that were not there any more when it came back for them. */
  hasLostLines = false;
  private readonly options: TailOptions;
  private readonly buffer = Buffer.alloc(CHUNK_BYTES);
  private files: Followed[] = [];
  private reopenAtMs: number | null = null;

  /** `from`: where to go on; null: at the end of what is there now. `again`: up to where it had been read then. */
  constructor(options: TailOptions, from: readonly Place[] | null, again: readonly Place[] = []) {
    this.options = options;
    const known = new Map(from ?? []);
    const asides = this.numbers().toSorted((a, b) => a - b);
    const names = [...asides.map((number) => `${options.path}.${number}`), options.path];
    for (const name of names) this.open(name, new Map(again));
    this.hasLostLines = [...known.keys()].some((inode) => this.files.every((file) => file.inode !== inode));
    const oldest = this.files.findIndex(({ inode }) => known.has(inode));
    for (const [index, file] of this.files.entries()) {
      if (from === null) file.offset = lastLineEnd(file);
      // What was put aside before the place was written down is read to its end already.
      else file.offset = known.get(file.inode) ?? (index < oldest ? file.size : 0);
    }
  }

  get places(): Place[] {
    return this.files.map(({ inode, offset }) => [inode, offset] as const);
  }

  /** Hands over every whole line that was added; true when nothing is left to read. */
  read(onLine: OnLine): boolean {
    this.findNew();
    let budget = MAX_BYTES_AT_ONCE;
    for (const file of this.files) {
      file.size = fstatSync(file.fd).size;
      if (file.size < file.offset) {
        // Somebody cut it short.
        file.offset = 0;
        this.hasLostLines = true;
      }
      while (file.offset < file.size && budget > 0) {
        const read = this.readChunk(file, onLine);
        if (read === 0) break;
        budget -= read;
      }
    }
    return budget > 0;
  }

  /** Puts a file aside that is too large, and deletes those that are done with. */
  tidy(): void {
    const { path, maxBytes, nowMs } = this.options;
    const current = this.files.find((file) => file.path === path);
    if (current !== undefined && current.size >= maxBytes) {
      const aside = `${path}.${this.highest() + 1}`;
      renameSync(path, aside);
      current.path = aside;
      this.reopenAtMs = nowMs();
    }
    if (this.reopenAtMs !== null && nowMs() >= this.reopenAtMs) this.askToReopen();
    this.files = this.files.filter((file) => file.path === path || !this.retire(file));
  }

  close(): void {
    for (const file of this.files) closeSync(file.fd);
    this.files = [];
  }

  private askToReopen(): void {
    const { path, nowMs, reopen } = this.options;
    if (exists(path)) {
      this.reopenAtMs = null;
      return;
    }
    this.reopenAtMs = nowMs() + REOPEN_RETRY_MS;
    // Until it does, it goes on writing to the file that was renamed, which is read all the same.
    reopen().catch(() => undefined);
  }

  private retire(file: Followed): boolean {
    const isDone = file.offset >= file.size && this.options.nowMs() - file.grewAtMs > QUIET_MS;
    if (!isDone || !exists(this.options.path)) return false;
    closeSync(file.fd);
    if (file.path !== null) unlinkSync(file.path);
    return true;
  }

  private readChunk(file: Followed, onLine: OnLine): number {
    const length = readSync(file.fd, this.buffer, 0, CHUNK_BYTES, file.offset);
    const end = this.buffer.subarray(0, length).lastIndexOf(10) + 1;
    if (end === 0) {
      // What comes may still become a line, unless it is too long for one.
      if (length < MAX_LINE_BYTES) return 0;
      file.offset += length;
      return length;
    }
    const text = this.buffer.toString('latin1', 0, end);
    for (let from = 0; from < end;) {
      const to = text.indexOf('\n', from);
      onLine(text.slice(from, to), file.offset + from < file.againUntil);
      from = to + 1;
    }
    file.offset += end;
    file.grewAtMs = this.options.nowMs();
    return end;
  }

  /** The file that the proxy writes may be another one by now. */
  private findNew(): void {
    const { path } = this.options;
    const inode = inodeOf(path);
    const current = this.files.find((file) => file.path === path);
    if (inode === null || current?.inode === inode) return;
    // Somebody else rotates it as well: read on, and leave it to them.
    if (current !== undefined) current.path = null;
    this.open(path, new Map());
  }

  private open(path: string, again: ReadonlyMap<number, number>): void {
    if (!exists(path)) return;
    const fd = openSync(path, 'r');
    const { ino, size } = fstatSync(fd);
    const againUntil = again.get(ino) ?? 0;
    this.files.push({ inode: ino, fd, path, offset: 0, againUntil, size, grewAtMs: this.options.nowMs() });
  }

  private highest(): number {
    return Math.max(0, ...this.numbers());
  }

  private numbers(): number[] {
    const { path } = this.options;
    const prefix = `${basename(path)}.`;
    try {
      return readdirSync(dirname(path))
        .filter((name) => name.startsWith(prefix) && /^\d{1,15}$/.test(name.slice(prefix.length)))
        .map((name) => Number(name.slice(prefix.length)));
    } catch {
      return [];
    }
  }
}

/** Where a line begins that is being written, or the end. */
function lastLineEnd({ fd, size }: Followed): number {
  const from = Math.max(0, size - MAX_LINE_BYTES);
  const bytes = Buffer.alloc(size - from);
  const length = readSync(fd, bytes, 0, bytes.length, from);
  return from + bytes.subarray(0, length).lastIndexOf(10) + 1;
}

function inodeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null;
}

function exists(path: string): boolean {
  return inodeOf(path) !== null;
}
