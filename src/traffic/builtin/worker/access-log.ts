import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { mostBytes, turnAtBytes } from '../access-log-file.ts';

/** A line waits for others so long, */
const FLUSH_MS = 1000;
/** or until there is so much of them. */
const FLUSH_BYTES = 64 * 1024;
/** What waits for a slow disk; more is dropped, and told. */
const MOST_WAITING_BYTES = 1024 * 1024;
const TOLD_EVERY_MS = 60_000;

type AccessLogOptions = {
  readonly path: string;
  readonly keepBytes: number;
  /** It is time to put the file aside. */
  readonly onFull: () => void;
  readonly note: (text: string) => void;
};

/**
 * The access log of a service, as one worker writes it: lines at the end of a file that all workers append to. The file is opened
 * anew for each write, so that it can be put aside at any moment. Whatever becomes of the disk, no request waits for it.
 */
export class AccessLog {
  readonly path: string;
  keepBytes: number;
  readonly #options: AccessLogOptions;
  #lines: string[] = [];
  #bytes = 0;
  #dropped = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #isTorn = false;
  #writing: Promise<void> | null = null;
  #due: NodeJS.Timeout | null = null;

  constructor(options: AccessLogOptions) {
    this.#options = options;
    this.path = options.path;
    this.keepBytes = options.keepBytes;
    try {
      mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
    } catch {
      // The first write says what is wrong.
    }
  }

  /** `line` without its end. */
  append(line: string): void {
    if (this.#bytes >= MOST_WAITING_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#bytes += line.length + 1;
    if (this.#bytes >= FLUSH_BYTES && this.#writing === null) void this.flush();
    if (this.#due !== null) return;
    this.#due = setTimeout(() => {
      this.#due = null;
      void this.flush();
    }, FLUSH_MS).unref();
  }

  /** Resolves when what waits now is written, or dropped. */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
    if (this.#lines.length === 0) return;
    this.#writing = this.#write(this.#take()).finally(() => {
      this.#writing = null;
    });
    await this.#writing;
  }

  /** At the end of the process, when nothing is waited for any more. */
  flushNow(): void {
    if (this.#lines.length === 0) return;
    try {
      const descriptor = openSync(this.path, 'a', 0o600);
      writeSync(descriptor, this.#take().text);
      closeSync(descriptor);
    } catch {
      // There is nobody left to tell.
    }
  }

  async #write({ text, lines }: Taken): Promise<void> {
    try {
      const file = await open(this.path, 'a', 0o600);
      try {
        const { size } = await file.stat();
        const bytes = Buffer.from(text);
        if (size + bytes.length >= turnAtBytes(this.keepBytes)) this.#options.onFull();
        if (size + bytes.length > mostBytes(this.keepBytes)) throw new Error('the file is full');
        const { bytesWritten } = await file.write(bytes);
        this.#isTorn = bytesWritten < bytes.length;
        if (this.#isTorn) throw new Error('the disk is full');
      } finally {
        await file.close();
      }
    } catch (error) {
      this.#lost(lines, error);
    }
  }

  /** The log itself says how many lines are not in it. */
  #take(): Taken {
    const lines = this.#lines.length;
    const dropped = this.#dropped;
    if (dropped > 0) this.#lines.push(`{"time":"${new Date().toISOString()}","dropped":${dropped}}`);
    const text = `${this.#isTorn ? '\n' : ''}${this.#lines.join('\n')}\n`;
    this.#lines = [];
    this.#bytes = 0;
    this.#dropped = 0;
    return { text, lines: lines + dropped };
  }

  #lost(lines: number, error: unknown): void {
    this.#dropped += lines;
    const nowMs = performance.now();
    if (nowMs - this.#toldAtMs < TOLD_EVERY_MS) return;
    this.#toldAtMs = nowMs;
    const why = error instanceof Error ? error.message : String(error);
    this.#options.note(`${lines} lines of ${this.path} were dropped: ${why}`);
  }
}

type Taken = { readonly text: string; readonly lines: number };
