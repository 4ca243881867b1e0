import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { constants } from 'node:http2';
import { STATUS_CODES } from 'node:http';
import { isGrpc } from './grpc-status.ts';
import { HEADER, headerKind, mayTrail } from './header-kinds.ts';
import type { ResponseHead } from './response-reader.ts';
import type { BodyFraming, ConnectionUser, UpstreamLink } from './upstream-link.ts';

/** Where a stream goes out, and what it needs to know of it. */
export type H2cHome = {
  readonly isConnected: boolean;
  readonly isUsed: boolean;
  readonly session: ClientHttp2Session;
  /** The stream is over. */
  left(stream: H2cStream): void;
  /** The connection did not come to stand. */
  giveUp(): void;
  /** Another connection to the same replica, which has taken the stream over. */
  another(stream: H2cStream): H2cHome;
};

/** How often a request is put on another connection that the application had not begun: it was about to close this one. */
const MAX_MOVES = 3;
/** A longer body is not kept for that. */
const MAX_KEPT_BYTES = 65_536;

/** One request to an application that speaks HTTP/2 in the clear: a stream of a connection that others share. */
export class H2cStream implements UpstreamLink {
  readonly isReused: boolean;
  #home: H2cHome;
  #user: ConnectionUser | null = null;
  #stream: ClientHttp2Stream | null = null;
  #head: { readonly text: string; readonly body: BodyFraming } | null = null;
  /** What was sent of the body, to be sent once more; null for too much. */
  #kept: Buffer[] | null = [];
  #keptBytes = 0;
  #bodyEnded = false;
  #moves = 0;
  #incoming: string[] | null = null;
  #outgoing: readonly string[] = [];

  constructor(home: H2cHome) {
    this.#home = home;
    this.isReused = home.isUsed;
  }

  begin(user: ConnectionUser): void {
    this.#user = user;
    if (this.#home.isConnected) user.onConnected();
  }

  /** Of the home. */
  connected(): void {
    if (this.#head === null) this.#user?.onConnected();
    else this.#open();
  }

  /** Of the home: it never stood. */
  failed(reason: string): void {
    if (this.#stream === null) this.#break(reason, true);
  }

  sendHead(text: string, body: BodyFraming): void {
    this.#head = { text, body };
    this.#open();
  }

  sendBody(chunk: Buffer): boolean {
    this.#keep(chunk);
    const stream = this.#stream;
    // Between two connections it is kept, and nothing more is asked for.
    if (stream === null) return false;
    return stream.writableEnded || stream.destroyed ? true : stream.write(chunk);
  }

  endBody(rawTrailers: readonly string[]): void {
    this.#bodyEnded = true;
    this.#outgoing = rawTrailers;
    if (this.#stream?.writableEnded === false) this.#stream.end();
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  abandon(): void {
    this.#user = null;
    this.#stream?.close(constants.NGHTTP2_CANCEL);
    this.#home.left(this);
  }

  giveUp(): void {
    if (this.#stream === null) this.#home.giveUp();
    else this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  release(requestDone: boolean): void {
    this.#user = null;
    if (!requestDone) this.#stream?.close(constants.NGHTTP2_NO_ERROR);
    this.#home.left(this);
  }

  #open(): void {
    const { text, body } = this.#head!;
    let stream: ClientHttp2Stream;
    try {
      stream = this.#home.session.request(fieldsOf(text), {
        endStream: body === 'none',
        waitForTrailers: body === 'chunked',
      });
    } catch (error) {
      this.#move(String(error));
      return;
    }
    this.#stream = stream;
    this.#follow(stream);
    for (const chunk of this.#kept ?? []) stream.write(chunk);
    if (this.#bodyEnded) stream.end();
    else if (this.#moves > 0) this.#user?.onDrain();
  }

  #follow(stream: ClientHttp2Stream): void {
    stream.on('wantTrailers', () => stream.sendTrailers(trailersOf(this.#outgoing)));
    stream.on('headers', (headers) => this.#user?.onInformational(headers[':status'] ?? 100));
    stream.on('response', (_headers: unknown, flags: number, raw?: string[]) =>
      this.#answered(raw ?? [], (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0),
    );
    stream.on('data', (chunk: Buffer) => {
      this.#user?.onBody(chunk);
      this.#user?.onReadDone();
    });
    stream.on('trailers', (_headers: IncomingHttpHeaders, _flags: number, raw?: string[]) => {
      this.#incoming = (raw ?? []).filter((_, i, all) => mayTrail(all[i - (i % 2)]!));
    });
    stream.on('drain', () => this.#user?.onDrain());
    stream.on('end', () => {
      // A stream that was reset ends as well.
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR) this.#user?.onEnd(this.#incoming);
    });
    stream.on('error', () => {});
    stream.on('close', () => {
      const reason = `the stream ended with code ${stream.rstCode}`;
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) this.#move(reason);
      else this.#break(reason, false);
    });
  }

  #answered(raw: readonly string[], isOver: boolean): void {
    const head = headOf(raw, isOver);
    if (typeof head === 'string') {
      this.#break(`the application sent ${head}`, false);
      this.#stream?.close(constants.NGHTTP2_PROTOCOL_ERROR);
      return;
    }
    this.#kept = null;
    this.#user?.onHead(head);
    if (!isOver) this.#user?.onReadDone();
  }

  /** The application has not begun it, and says so (RFC 9113, section 8.7): it goes out once more, unseen. */
  #move(reason: string): void {
    this.#moves += 1;
    this.#stream = null;
    if (this.#user === null) return;
    if (this.#moves > MAX_MOVES || this.#kept === null) {
      this.#break(reason, false);
      return;
    }
    this.#home.left(this);
    this.#home = this.#home.another(this);
    if (this.#home.isConnected) this.#open();
  }

  #keep(chunk: Buffer): void {
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > MAX_KEPT_BYTES) this.#kept = null;
    else this.#kept?.push(chunk);
  }

  #break(reason: string, nothingSent: boolean): void {
    const user = this.#user;
    this.#user = null;
    this.#home.left(this);
    user?.onBroken(reason, nothingSent);
  }
}

/** What was written for HTTP/1.1, which is the proxy's own text, as fields of HTTP/2. */
function fieldsOf(head: string): string[] {
  const lines = head.split('\r\n');
  const [method, path] = lines[0]!.split(' ');
  const fields = [':method', method!, ':scheme', 'http', ':path', path!];
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 2);
    const kind = headerKind(name);
    if (kind === HEADER.host) fields.push(':authority', value);
    else if (kind !== HEADER.transferEncoding && kind !== HEADER.connection && kind !== HEADER.upgrade)
      fields.push(name, value);
  }
  return fields;
}

/** A response's head as the reader of HTTP/1.1 gives it, or what is wrong with it. */
function headOf(raw: readonly string[], isOver: boolean): ResponseHead | string {
  const headers: string[] = [];
  let statusCode = 0;
  let length: number | null = null;
  let isEventStream = false;
  let grpc = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    if (name === ':status') {
      statusCode = Number(value);
      continue;
    }
    if (/[\r\n\0]/.test(value)) return 'a control character in its head';
    const kind = headerKind(name);
    if (kind === HEADER.malformed) return 'a malformed header field';
    if (kind === HEADER.contentLength) length = Number(value);
    if (kind === HEADER.contentType) {
      isEventStream = value.toLowerCase().startsWith('text/event-stream');
      grpc = isGrpc(value);
    }
    headers.push(name, value);
  }
  if (!(statusCode >= 200 && statusCode <= 599)) return `a status of ${statusCode}`;
  return {
    statusCode,
    statusMessage: STATUS_CODES[statusCode] ?? '',
    headers,
    bodyLength: isOver ? 0 : length,
    isEventStream,
    upgrade: null,
    ...(grpc && { isGrpc: true }),
  };
}

function trailersOf(raw: readonly string[]): Record<string, string | string[]> {
  const trailers: Record<string, string | string[]> = {};
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (!mayTrail(name)) continue;
    const before = trailers[name];
    trailers[name] = before === undefined ? raw[i + 1]! : [before, raw[i + 1]!].flat();
  }
  return trailers;
}
