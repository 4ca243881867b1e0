import { Connection } from './connection.ts';
import type { Exchange, Failure } from './connection.ts';
import type { LoadOptions } from './options.ts';
import type { ResponseHead } from './parser.ts';
import type { Tally } from './tally.ts';

/** One transfer: the request, and what checks its answer. */
export type Transfer = {
  readonly method: string;
  /** Up to and without the empty line that ends the head. */
  readonly head: string;
  readonly totalMs: number;
  /** After the head is sent: sends the body. Returns what stops that when the transfer is over. */
  send?(connection: Connection): () => void;
  answered(head: ResponseHead): void;
  body(part: Buffer, connection: Connection): void;
  /** The answer is complete: what was wrong with it, or null. */
  verdict(): Failure | null;
  /** Called once at the very end, however it came; `ok` when nothing was wrong. */
  over(ok: boolean): void;
};

/** A client with a connection of its own that does one transfer after another until it is stopped. */
export class Lane {
  readonly #what: string;
  readonly #options: LoadOptions;
  readonly #tally: Tally;
  readonly #next: () => Transfer;
  readonly #pauseMs: number;
  readonly #connection: Connection;
  #present: Transfer | null = null;
  #ended: (() => void) | null = null;
  #stopping = false;

  constructor(what: string, { options, tally, next, pauseMs }: LaneParts) {
    this.#what = what;
    this.#options = options;
    this.#tally = tally;
    this.#next = next;
    this.#pauseMs = pauseMs;
    this.#connection = new Connection(options, (failure) => tally.failure(what, failure));
  }

  begin(): void {
    if (this.#stopping) return;
    const transfer = this.#next();
    this.#present = transfer;
    let head: ResponseHead | null = null;
    const over = (failure: Failure | null): void => {
      stopSending?.();
      if (failure !== null) this.#tally.failure(this.#what, failure);
      this.#over(transfer, failure === null);
    };
    const exchange: Exchange = {
      method: transfer.method,
      request: `${transfer.head}Host: ${this.#options.hostHeader}\r\n\r\n`,
      limits: { idleMs: this.#options.timeoutMs, totalMs: transfer.totalMs },
      head: (answer) => {
        head = answer;
        transfer.answered(answer);
      },
      body: (part) => transfer.body(part, this.#connection),
      end: () => over(foreign(head!) ?? transfer.verdict()),
      failed: (failure) => over(failure),
    };
    this.#connection.send(exchange);
    const stopSending = transfer.send?.(this.#connection);
  }

  expire(nowMs: number): void {
    this.#connection.expire(nowMs);
  }

  /** Begins no more; resolves when the present transfer is done. */
  async finish(): Promise<void> {
    this.#stopping = true;
    if (this.#present !== null) await new Promise<void>((resolve) => (this.#ended = resolve));
    this.#connection.close();
  }

  /** Leaves the present transfer, as a client may. */
  leave(): void {
    this.#stopping = true;
    this.#connection.close();
    this.#present?.over(false);
    this.#present = null;
  }

  #over(transfer: Transfer, ok: boolean): void {
    this.#present = null;
    transfer.over(ok);
    this.#ended?.();
    if (!this.#stopping) setTimeout(() => this.begin(), this.#pauseMs);
  }
}

type LaneParts = {
  readonly options: LoadOptions;
  readonly tally: Tally;
  readonly next: () => Transfer;
  /** Between one transfer and the next. */
  readonly pauseMs: number;
};

function foreign(head: ResponseHead): Failure | null {
  if (head.headers.has('x-version')) return null;
  return { kind: 'foreign', detail: `${head.status} without X-Version` };
}
