import type { ResponseSink } from './response-reader.ts';

/** Who uses a connection at the moment: an exchange. */
export type ConnectionUser = ResponseSink & {
  /** The request can be written now. */
  onConnected(): void;
  /** The connection is gone before the response ended. `nothingSent`: the application has seen nothing of the request. */
  onBroken(reason: string, nothingSent: boolean): void;
  /** What was written before has left; there is room again. */
  onDrain(): void;
  /** All that one read brought was handed over. */
  onReadDone(): void;
};

/** How the end of a request's body is known. */
export type BodyFraming = 'none' | 'length' | 'chunked';

/** A way to one replica of the application that carries one request, whatever is spoken on it. */
export type UpstreamLink = {
  /** Whether it has carried a request before: if it breaks now, the application may just have closed an idle connection. */
  readonly isReused: boolean;
  /** Begins a request; `user.onConnected` is called at once if the connection stands. */
  begin(user: ConnectionUser, method: string): void;
  /** First line and fields as HTTP/1.1 has them, empty line included. */
  sendHead(head: string, body: BodyFraming): void;
  /** Returns false when the writer should wait for `onDrain`. */
  sendBody(chunk: Buffer): boolean;
  endBody(rawTrailers: readonly string[]): void;
  pause(): void;
  resume(): void;
  /** The user has no more interest. Nothing is called back. */
  abandon(): void;
  /** It does not come to stand: the user is told that it broke. */
  giveUp(): void;
  /** `requestDone`: the whole request was written, so that the connection is in a clean state. */
  release(requestDone: boolean): void;
};

export function framingOf(scan: {
  readonly chunked: boolean;
  readonly contentLength: number | null;
}): BodyFraming {
  if (scan.chunked) return 'chunked';
  return (scan.contentLength ?? 0) > 0 ? 'length' : 'none';
}
