import type { Socket } from 'node:net';
import type { Written } from '../body-copies.ts';
import type { ClientAnswer } from '../client-side.ts';
import { type Framing, answerHead } from './answer-head.ts';
import type { Http1Request } from './request.ts';

/** What an answer needs of its connection. */
export type AnswerPlace = {
  readonly socket: Socket;
  readonly canWrite: boolean;
  readonly keptFields: string;
  /** The whole answer was given; some of it may still be on its way. */
  answered(): void;
  destroy(): void;
};

/** Up to here a piece goes out in one buffer with what stands around it. */
const SMALL_BYTES = 8192;
const EMPTY = Buffer.alloc(0);

/** The answer to a request of HTTP/1.1 or 1.0. */
export class Http1Answer implements ClientAnswer {
  headersSent = false;
  shouldKeepAlive: boolean;
  /** Nothing more comes of it: all was written, or the connection is gone. */
  isClosed = false;
  /** All of it was given. */
  isOver = false;
  readonly #place: AnswerPlace;
  readonly #req: Http1Request;
  /** Not sent yet: it goes with the first piece of the body. */
  #head = '';
  #framing: Framing = 'none';
  #left = 0;
  #trailers = '';
  #awaitsContinue: boolean;
  #isCorked = false;
  #onClose: (() => void)[] = [];
  #onDrain: (() => void) | null = null;

  constructor(
    place: AnswerPlace,
    req: Http1Request,
    traits: { keepsAlive: boolean; expectsContinue: boolean },
  ) {
    this.#place = place;
    this.#req = req;
    this.shouldKeepAlive = traits.keepsAlive;
    this.#awaitsContinue = traits.expectsContinue;
  }

  get destroyed(): boolean {
    return this.isClosed || this.#place.socket.destroyed;
  }

  get chunkedEncoding(): boolean {
    return this.#framing === 'chunked';
  }

  writeHead(status: number, message: string, headers: string[]): void {
    // A client that was not told to send its body may send it or not: what comes next could be either.
    const keepsAlive = this.shouldKeepAlive && !this.#awaitsContinue;
    const { method, httpVersion } = this.#req;
    const { keptFields } = this.#place;
    const head = answerHead({ status, message, headers }, { method, httpVersion, keepsAlive, keptFields });
    this.#head = head.text;
    this.#framing = head.framing;
    this.#left = head.length;
    this.shouldKeepAlive = head.keepsAlive;
    this.headersSent = true;
  }

  flushHeaders(): void {
    if (this.#head !== '') this.#send(EMPTY, '', undefined);
  }

  writeContinue(): void {
    if (this.headersSent) return;
    this.#awaitsContinue = false;
    if (this.#place.canWrite) this.#place.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  }

  write(chunk: Buffer, written?: Written): boolean {
    if (!this.#counts(chunk)) {
      written?.();
      return true;
    }
    if (this.#framing === 'chunked') this.#cork();
    return this.#send(chunk, '', written);
  }

  addTrailers(trailers: [string, string][]): void {
    for (const [name, value] of trailers) this.#trailers += `${name}: ${value}\r\n`;
  }

  end(chunk: Buffer = EMPTY, written?: Written): void {
    if (this.isOver) return;
    const hasMore = this.#counts(chunk);
    if (!hasMore) written?.();
    const isCut = this.#framing === 'length' && this.#left > 0;
    const last = this.#framing === 'chunked' ? `0\r\n${this.#trailers}\r\n` : '';
    this.#send(hasMore ? chunk : EMPTY, last, (error) => {
      if (hasMore) written?.(error);
      if ((error ?? null) === null) this.close();
    });
    if (this.#isCorked) this.#uncork();
    this.isOver = true;
    // Less than was promised: only the end of the connection says so.
    if (isCut) this.#place.destroy();
    else this.#place.answered();
  }

  destroy(): void {
    this.#place.destroy();
  }

  on(_event: 'close', listener: () => void): void {
    this.#onClose.push(listener);
  }

  off(_event: 'close', listener: () => void): void {
    this.#onClose = this.#onClose.filter((each) => each !== listener);
  }

  once(_event: 'drain', listener: () => void): void {
    this.#onDrain = listener;
  }

  /** For its connection: there is room again. */
  drained(): void {
    const listener = this.#onDrain;
    this.#onDrain = null;
    listener?.();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const listener of this.#onClose) listener();
  }

  /** Whether a piece belongs to the body that was promised. */
  #counts(chunk: Buffer): boolean {
    if (chunk.length === 0 || this.#framing === 'none' || this.isOver) return false;
    if (this.#framing !== 'length') return true;
    this.#left -= chunk.length;
    if (this.#left >= 0) return true;
    // More than was promised would be read as the next answer.
    this.#place.destroy();
    return false;
  }

  /** Writes a piece with what stands before and behind it; false: there is room again at `drain`. */
  #send(chunk: Buffer, last: string, written: Written | undefined): boolean {
    if (!this.#place.canWrite) return true;
    const { socket } = this.#place;
    const isChunk = this.#framing === 'chunked' && chunk.length > 0;
    const before = isChunk ? `${this.#head}${chunk.length.toString(16)}\r\n` : this.#head;
    const behind = isChunk ? `\r\n${last}` : last;
    this.#head = '';
    if (chunk.length === 0) return socket.write(before + behind, 'latin1', written);
    if (before === '' && behind === '') return socket.write(chunk, written);
    if (chunk.length > SMALL_BYTES) return this.#sendLarge(chunk, { before, behind }, written);
    const bytes = Buffer.allocUnsafe(before.length + chunk.length + behind.length);
    bytes.write(before, 0, 'latin1');
    chunk.copy(bytes, before.length);
    bytes.write(behind, before.length + chunk.length, 'latin1');
    return socket.write(bytes, written);
  }

  #sendLarge(
    chunk: Buffer,
    { before, behind }: { readonly before: string; readonly behind: string },
    written: Written | undefined,
  ): boolean {
    const { socket } = this.#place;
    socket.cork();
    if (before !== '') socket.write(before, 'latin1');
    let hasRoom = socket.write(chunk, behind === '' ? written : undefined);
    if (behind !== '') hasRoom = socket.write(behind, 'latin1', written);
    socket.uncork();
    return hasRoom;
  }

  /** What one read of the application's answer brings in pieces goes out in one write. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#place.socket.cork();
    process.nextTick(() => {
      if (this.#isCorked) this.#uncork();
    });
  }

  #uncork(): void {
    this.#isCorked = false;
    this.#place.socket.uncork();
  }
}
