import type { ClientConnection, ClientRequest } from '../client-side.ts';
import type { RequestHead } from './head-reader.ts';

type OnData = (chunk: Buffer) => void;

type BodyPlace = {
  readonly socket: ClientConnection;
  /** More of the body may come: not before whoever said so has listened to its end as well. */
  readonly onFlow: () => void;
  readonly onPause: () => void;
};

/** A request of HTTP/1.1 or 1.0. Its body comes when somebody listens, or has said that nobody will. */
export class Http1Request implements ClientRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: string[];
  readonly socket: ClientConnection;
  rawTrailers: string[] = [];
  complete: boolean;
  /** Whether more of the body may be handed over now. */
  isFlowing = false;
  readonly #body: BodyPlace;
  #onData: OnData | null = null;
  #onEnd: (() => void) | null = null;
  #onClose: (() => void) | null = null;
  #isClosed = false;

  constructor(head: RequestHead, place: BodyPlace & { readonly hasBody: boolean }) {
    this.method = head.method;
    this.url = head.target;
    this.httpVersion = head.httpVersion;
    this.rawHeaders = head.rawHeaders;
    this.socket = place.socket;
    this.complete = !place.hasBody;
    this.#body = place;
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
    this.isFlowing = false;
    this.#body.onPause();
  }

  resume(): void {
    if (this.isFlowing) return;
    this.isFlowing = true;
    this.#body.onFlow();
  }

  /** For its connection: a piece of the body. */
  hear(chunk: Buffer): void {
    this.#onData?.(chunk);
  }

  /** For its connection: the body is over. */
  finish(rawTrailers: string[]): void {
    this.rawTrailers = rawTrailers;
    this.complete = true;
    this.#onEnd?.();
  }

  /** For its connection: nothing more comes of it. */
  close(): void {
    this.#isClosed = true;
    const listener = this.#onClose;
    this.#onClose = null;
    listener?.();
  }
}
