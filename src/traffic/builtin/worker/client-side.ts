import type { Written } from './body-copies.ts';

/**
 * What the proxy uses of a request and of its answer, whichever protocol the client speaks: `http1/` has those of HTTP/1.1,
 * `http2-stream.ts` those of HTTP/2.
 */
export type ClientRequest = {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  /** Flat name, value, name, value, as HTTP/1.1 would have them. */
  readonly rawHeaders: string[];
  /** There once the body has ended. */
  readonly rawTrailers: string[];
  /** The whole request is here. */
  readonly complete: boolean;
  readonly socket: ClientConnection;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
};

/** Of HTTP/2, what belongs to the one request. */
export type ClientConnection = {
  readonly remoteAddress?: string | undefined;
  readonly destroyed: boolean;
  destroy(): unknown;
};

export type ClientAnswer = {
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  /** Trailers may follow. */
  readonly chunkedEncoding: boolean;
  /** False: the connection ends with the answer, where it carries no others. */
  shouldKeepAlive: boolean;
  /** `headers` flat: name, value, name, value. */
  writeHead(status: number, message: string, headers: string[]): unknown;
  flushHeaders(): void;
  writeContinue(): void;
  /** False: there is room again at `drain`. */
  write(chunk: Buffer, written?: Written): boolean;
  addTrailers(trailers: [string, string][]): void;
  end(chunk?: Buffer, written?: Written): unknown;
  /** The answer ends here, unfinished if it has begun. */
  destroy(): unknown;
  on(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  once(event: 'drain', listener: () => void): unknown;
};
