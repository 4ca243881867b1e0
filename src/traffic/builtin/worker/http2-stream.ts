import { type ServerHttp2Stream, constants } from 'node:http2';
import type { Written } from './body-copies.ts';
import type { ClientAnswer, ClientConnection, ClientRequest } from './client-side.ts';
import type { TranslatedHead } from './http2-head.ts';

/** What belongs to one connection of HTTP/1.1 and is no field of HTTP/2 (RFC 9113, section 8.2.2). */
const HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

const WITHOUT_BODY = new Set(['204', '205', '304']);

/** The request of a stream. */
export class Http2Request implements ClientRequest {
  readonly method: string;
  readonly url: string;
  /** Of the form that it was brought into. */
  readonly httpVersion = '1.1';
  readonly rawHeaders: string[];
  rawTrailers: string[] = [];
  readonly socket: ClientConnection;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream, head: TranslatedHead) {
    this.#stream = stream;
    this.method = head.method;
    this.url = head.url;
    this.rawHeaders = head.rawHeaders;
    this.socket = {
      remoteAddress: stream.session?.socket?.remoteAddress,
      get destroyed() {
        return stream.destroyed;
      },
      // The answer is complete, and nobody wants the rest of the body.
      destroy: () => stream.close(constants.NGHTTP2_NO_ERROR),
    };
    stream.on('trailers', (_trailers: unknown, _flags: unknown, raw?: string[]) => {
      this.rawTrailers = raw ?? [];
    });
  }

  get complete(): boolean {
    return this.#stream.endAfterHeaders || this.#stream.readableEnded;
  }

  on(event: 'data' | 'end', listener: (chunk: Buffer) => void): void {
    if (event === 'data') {
      this.#stream.on('data', listener);
      return;
    }
    this.#stream.on('end', () => {
      // A stream that was reset ends as well: what came of it must not pass for the whole.
      if (!this.#stream.closed) (listener as () => void)();
    });
  }

  once(event: 'close', listener: () => void): void {
    this.#stream.once(event, listener);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }
}

/** The answer on a stream. */
export class Http2Answer implements ClientAnswer {
  headersSent = false;
  shouldKeepAlive = true;
  /** Of a length that nobody has told: only then is the end worth a wait for trailers. */
  chunkedEncoding = true;
  readonly #stream: ServerHttp2Stream;
  readonly #isHead: boolean;
  #head: string[] | null = null;
  #trailers: [string, string][] = [];

  constructor(stream: ServerHttp2Stream, isHead: boolean) {
    this.#stream = stream;
    this.#isHead = isHead;
    // What breaks closes the stream as well.
    stream.on('error', () => {});
    stream.on('wantTrailers', () => this.#sendTrailers());
  }

  get destroyed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  /** Held back until it is known whether a body follows. */
  writeHead(status: number, _message: string, headers: string[]): void {
    const head = [':status', String(status)];
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i]!.toLowerCase();
      if (name === 'content-length') this.chunkedEncoding = false;
      if (!HOP.has(name)) head.push(name, headers[i + 1]!);
    }
    this.#head = head;
    this.headersSent = true;
  }

  flushHeaders(): void {
    this.#respond(false);
  }

  writeContinue(): void {
    if (!this.destroyed && !this.headersSent) this.#stream.additionalHeaders({ ':status': 100 });
  }

  write(chunk: Buffer, written?: Written): boolean {
    this.#respond(false);
    return this.destroyed ? true : this.#stream.write(chunk, written);
  }

  addTrailers(trailers: [string, string][]): void {
    this.#trailers = trailers;
  }

  end(chunk?: Buffer, written?: Written): void {
    const isBare = chunk === undefined && this.#trailers.length === 0;
    this.#respond(isBare);
    if (this.destroyed) return;
    // Of an answer without a body (HEAD, 204, 304) Node has ended the stream.
    if (chunk === undefined || this.#stream.writableEnded) this.#stream.end();
    else this.#stream.end(chunk, written);
  }

  destroy(): void {
    if (!this.destroyed) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  on(event: 'close', listener: () => void): void {
    this.#stream.on(event, listener);
  }

  off(event: 'close', listener: () => void): void {
    this.#stream.off(event, listener);
  }

  once(event: 'drain', listener: () => void): void {
    this.#stream.once(event, listener);
  }

  #respond(endStream: boolean): void {
    const head = this.#head;
    if (head === null || this.destroyed) return;
    this.#head = null;
    const isOver = endStream || this.#isHead || WITHOUT_BODY.has(head[1]!);
    this.#stream.respond(head, isOver ? { endStream: true } : { waitForTrailers: this.chunkedEncoding });
  }

  #sendTrailers(): void {
    if (this.destroyed) return;
    const trailers: Record<string, string | string[]> = {};
    for (const [spelled, value] of this.#trailers) {
      const name = spelled.toLowerCase();
      const before = trailers[name];
      trailers[name] = before === undefined ? value : [before, value].flat();
    }
    this.#stream.sendTrailers(trailers);
  }
}
