import { copyFileSync, fstatSync, ftruncateSync, writeSync } from 'node:fs';

const STDERR = 2;

/**
 * The log of the proxy's parent: lines to a descriptor that is open for appending. Whatever becomes of them, the proxy goes on: a
 * full disk costs lines, never the process, which an error of `process.stderr` would.
 */
export class ProxyLog {
  readonly #path: string | null;
  readonly #largestBytes: number;
  readonly #descriptor: number;

  /** `path`: of the file that the descriptor leads to, if it is one; it is put aside to `PATH.1` at its size. */
  constructor(path: string, largestBytes: number, descriptor: number = STDERR) {
    this.#path = isFile(descriptor) ? path : null;
    this.#largestBytes = largestBytes;
    this.#descriptor = descriptor;
  }

  write(text: string): void {
    try {
      this.#turnIfLarge();
      writeSync(this.#descriptor, `${new Date().toISOString()} ${text}\n`);
    } catch {
      // There is nowhere left to say it.
    }
  }

  /** We are the one who writes there, so that nothing comes between the copying and the emptying. */
  #turnIfLarge(): void {
    if (this.#path === null || fstatSync(this.#descriptor).size < this.#largestBytes) return;
    try {
      copyFileSync(this.#path, `${this.#path}.1`);
    } finally {
      ftruncateSync(this.#descriptor, 0);
    }
  }
}

function isFile(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isFile();
  } catch {
    return false;
  }
}
