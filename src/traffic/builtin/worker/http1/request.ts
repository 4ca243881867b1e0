import type { ClientConnection, ClientRequest } from '../client-side.ts';
import type { RequestHead } from './head-reader.ts';

type OnData = (chunk: Buffer) => void;

type RequestPlace = {
  readonly socket: ClientConnection;
  readonly hasBody: boolean;
  /** There is room for more of the body. */
  readonly onRoom: () => void;
};

/** Of a body that came and was not taken yet. */
const MAX_WAITING_BYTES = 65_536;
/** What a piece costs beside its bytes: many small ones are bounded as well. */
const PIECE_BYTES = 128;

/** A request of HTTP/1.1 or 1.0. Its body waits until somebody listens, or has said that nobody will. */
export class Http1Request implements ClientRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: string[];
  readonly socket: ClientConnection;
  rawTrailers: string[] = [];
  complete: boolean;
  readonly #onRoom: () => void;
  #isFlowing = false;
  #isAboutToHand = false;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #hasEnd: boolean;
  #isClosed = false;
  #onData: OnData | null = null;
  #onEnd: (() => void) | null = null;
  #onClose: (() => void) | null = null;

  constructor(head: RequestHead, place: RequestPlace) {
    this.method = head.method;
    this.url = head.target;
    this.httpVersion = head.httpVersion;
    this.rawHeaders = head.rawHeaders;
    this.socket = place.socket;
    this.complete = !place.hasBody;
    this.#hasEnd = place.hasBody;
    this.#onRoom = place.onRoom;
  }

  on(event: 'data' | 'end', listener: OnData): void {
    if (event === 'data') {
      this.#onData = listener;
      this.resume();
    } else {
      this.#onEnd = listener as () => void;
    }
  }

  once(_event: 'close', listener: () => void): void {
    if (this.#isClosed) {
      listener();
      return;
    }
    const before = this.#onClose;
    this.#onClose =
      before === null
        ? listener
        : () => {
            before();
            listener();
          };
  }

  pause(): void {
    this.#isFlowing = false;
  }

  resume(): void {
    this.#isFlowing = true;
    if (this.#isAboutToHand || this.#isClosed) return;
    // Not before whoever said so has listened to the end as well.
    this.#isAboutToHand = true;
    queueMicrotask(this.#hand);
  }

  /** For its connection: whether more of the body has to wait outside. */
  get isFull(): boolean {
    return this.#waitingBytes >= MAX_WAITING_BYTES;
  }

  /** For its connection: a piece of the body. */
  hear(chunk: Buffer): void {
    if (this.#isFlowing && !this.#isAboutToHand && this.#waiting.length === 0) {
      this.#onData?.(chunk);
      return;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += PIECE_BYTES + chunk.length;
  }

  /** For its connection: the body is over. */
  finish(rawTrailers: string[]): void {
    this.rawTrailers = rawTrailers;
    this.complete = true;
    this.#sayEnd();
  }

  /** For its connection: nothing more comes of it. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isFlowing = false;
    this.#waiting = [];
    this.#onClose?.();
  }

  readonly #hand = (): void => {
    this.#isAboutToHand = false;
    let at = 0;
    while (this.#isFlowing && at < this.#waiting.length) {
      const chunk = this.#waiting[at++]!;
      this.#waitingBytes -= PIECE_BYTES + chunk.length;
      this.#onData?.(chunk);
    }
    this.#waiting = this.#waiting.slice(at);
    this.#sayEnd();
    if (!this.isFull) this.#onRoom();
  };

  #sayEnd(): void {
    const isThere = this.complete && this.#hasEnd && this.#waiting.length === 0;
    if (!isThere || !this.#isFlowing || this.#isAboutToHand) return;
    this.#hasEnd = false;
    this.#onEnd?.();
  }
}
