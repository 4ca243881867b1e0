import { once } from 'node:events';
import type { FastifyReply } from 'fastify';
import { OperatingError } from '../lib/errors.ts';

export type StreamLimits = {
  /** A sign of life while there is nothing else to say, milliseconds. */
  readonly heartbeatMs: number;
  /** How long a client may leave what was sent to it unread until it is closed, milliseconds. */
  readonly slowMs: number;
  /** Streams at the same time, all sockets together. */
  readonly most: number;
};

export const STREAM_LIMITS: StreamLimits = { heartbeatMs: 15_000, slowMs: 10_000, most: 256 };

/** Every open stream of the server, so that their number is bounded and stopping ends them all. */
export class Streams {
  readonly limits: StreamLimits;
  readonly #open = new Map<Outlet, () => boolean>();

  constructor(limits: StreamLimits) {
    this.limits = limits;
  }

  /** Takes the reply over. `farewell` is sent when the server stops. */
  open(
    reply: FastifyReply,
    contentType: string,
    { farewell, stillHolds }: { readonly farewell: string; readonly stillHolds: () => boolean },
  ): Outlet {
    if (this.#open.size >= this.limits.most) {
      throw new OperatingError(
        'TOO_MANY_STREAMS',
        `${this.limits.most} clients follow the server already; this one was not added.`,
        { retryable: true },
      );
    }
    const outlet = new Outlet(reply, this.limits.slowMs, farewell);
    this.#open.set(outlet, stillHolds);
    outlet.signal.addEventListener('abort', () => this.#open.delete(outlet));
    outlet.begin(contentType);
    return outlet;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Cuts those whose token has ended since. */
  review(): void {
    for (const [outlet, stillHolds] of this.#open) if (!stillHolds()) outlet.cut();
  }

  endAll(): void {
    for (const outlet of this.#open.keys()) outlet.sayFarewell();
  }
}

/**
 * One client's side of a stream. Nothing is queued here: `write` waits until the client has taken what it got, and
 * closes one that does not.
 */
export class Outlet {
  readonly #reply: FastifyReply;
  readonly #slowMs: number;
  readonly #farewell: string;
  readonly #over = new AbortController();

  constructor(reply: FastifyReply, slowMs: number, farewell: string) {
    this.#reply = reply;
    this.#slowMs = slowMs;
    this.#farewell = farewell;
  }

  /** Aborted when the client is gone, too slow, or the server stops. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  begin(contentType: string): void {
    const { raw } = this.#reply;
    const headers = this.#reply.getHeaders() as Record<string, string>;
    this.#reply.hijack();
    raw.once('close', () => this.#over.abort());
    raw.writeHead(200, { ...headers, 'content-type': contentType, 'cache-control': 'no-store' });
    raw.flushHeaders();
  }

  /** Resolves when the client has room again; false when the stream is over. */
  async write(text: string): Promise<boolean> {
    const { raw } = this.#reply;
    if (this.#over.signal.aborted) return false;
    if (raw.write(text)) return true;
    const slow = AbortSignal.any([this.#over.signal, AbortSignal.timeout(this.#slowMs)]);
    try {
      await once(raw, 'drain', { signal: slow });
      return !this.#over.signal.aborted;
    } catch {
      this.cut();
      return false;
    }
  }

  end(): void {
    this.#reply.raw.end();
    this.#over.abort();
  }

  cut(): void {
    this.#reply.raw.destroy();
    this.#over.abort();
  }

  sayFarewell(): void {
    if (!this.#over.signal.aborted) this.#reply.raw.write(this.#farewell);
    this.end();
  }
}
