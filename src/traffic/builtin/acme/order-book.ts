import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileDurablySync } from '../../../lib/durable-file.ts';
import { MOST_AN_HOUR, NO_TRIES, recentOf, type Tries } from './renewal.ts';

type Written = { readonly format: string; readonly orders: number[]; readonly tries: Record<string, Tries> };

/** Of names that no door has any more. */
const FORGOTTEN_MS = 86_400_000;
const FORMAT = 'bascule proxy orders 1';

/** What was asked for, on disk before it is: a proxy that is started again and again asks no more often than one that runs. */
export class OrderBook {
  readonly #folder: string;
  readonly #path: string;
  #orders: readonly number[] = [];
  #tries = new Map<string, Tries>();

  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, 'orders.json');
    const written = readBook(this.#path);
    if (written === null) return;
    this.#orders = written.orders;
    this.#tries = new Map(Object.entries(written.tries));
  }

  triesOf(key: string): Tries {
    return this.#tries.get(key) ?? NO_TRIES;
  }

  hasRoom(nowMs: number): boolean {
    return recentOf(this.#orders, nowMs).length < MOST_AN_HOUR;
  }

  /** Errors are those of the file system: then nothing is asked for. */
  begin(nowMs: number): void {
    this.#orders = [...recentOf(this.#orders, nowMs), nowMs];
    for (const [key, { nextMs }] of this.#tries) if (nextMs < nowMs - FORGOTTEN_MS) this.#tries.delete(key);
    this.#write();
  }

  /** Null: it came to a good end. */
  end(key: string, tries: Tries | null): void {
    if (tries === null) this.#tries.delete(key);
    else this.#tries.set(key, tries);
    this.#write();
  }

  #write(): void {
    const written: Written = {
      format: FORMAT,
      orders: [...this.#orders],
      tries: Object.fromEntries(this.#tries),
    };
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    writeFileDurablySync(this.#path, `${JSON.stringify(written)}\n`, 0o600);
  }
}

/** One that is not whole is as good as none: an hour later nobody would look at it. */
function readBook(path: string): Written | null {
  try {
    const written = JSON.parse(readFileSync(path, 'utf8')) as Written;
    return written.format === FORMAT ? written : null;
  } catch {
    return null;
  }
}
