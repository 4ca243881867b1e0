import { HEADER, headerKind, lists, mayTrail, namesListed } from './header-kinds.ts';

/** A response's head, ready to be sent on: what belonged to the application's connection is gone. */
export type ResponseHead = {
  readonly statusCode: number;
  readonly statusMessage: string;
  /** Flat name, value, name, value. */
  readonly headers: string[];
  /** Bytes of body to come, 0 for none, null when only the end tells. */
  readonly bodyLength: number | null;
  readonly isEventStream: boolean;
  /** Protocol of a 101 answer, or null. */
  readonly upgrade: string | null;
  /** Of a call of gRPC: its status is in the trailers, or here where there is nothing else. Absent: none. */
  readonly isGrpc?: true;
};

/** Views are valid during the call only: the buffer is used again for the next read. */
export type ResponseSink = {
  onInformational(statusCode: number): void;
  onHead(head: ResponseHead): void;
  onBody(view: Buffer): void;
  onEnd(rawTrailers: string[] | null): void;
};

const MAX_HEAD_BYTES = 65_536;
const MAX_CHUNK_LINE = 4096;
const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/;
/** Control characters, and line ends that are not CRLF. */
// oxlint-disable-next-line no-control-regex -- they are what it looks for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]|\r(?!\n)|(?<!\r)\n/;
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?$/;

/**
 * Reads responses of an application (RFC 9112). Strict: lines end in CRLF, framing is unambiguous; `feed` returns what
 * is wrong, and then the connection is of no more use.
 */
export class ResponseReader {
  /** Whether the connection can carry another request once this response has ended. */
  keepAlive = true;
  /** From `Keep-Alive: timeout=`, or null. */
  keepAliveHintMs: number | null = null;
  private readonly sink: ResponseSink;
  private state:
    | 'head'
    | 'length'
    | 'chunk-line'
    | 'chunk-data'
    | 'chunk-end'
    | 'trailers'
    | 'close'
    | 'raw'
    | 'done' = 'done';
  private pending: Buffer | null = null;
  private left = 0;
  private isHead = false;
  private chunkedBody = false;
  private trailers: string[] | null = null;

  constructor(sink: ResponseSink) {
    this.sink = sink;
  }

  /** Expects a response to a request with this method. */
  begin(method: string): void {
    this.state = 'head';
    this.isHead = method === 'HEAD';
    this.pending = null;
    this.trailers = null;
  }

  /** After a 101: everything is passed as body. */
  get isRaw(): boolean {
    return this.state === 'raw';
  }

  /** Returns what is wrong with the response, or null. */
  feed(input: Buffer): string | null {
    let data = input;
    if (this.pending !== null) {
      data = Buffer.concat([this.pending, input]);
      this.pending = null;
    }
    let at = 0;
    while (at < data.length) {
      const before = at;
      const stateBefore = this.state;
      const next = this.step(data, at);
      if (typeof next === 'string') return next;
      at = next;
      if (at === before && this.state === stateBefore) {
        // Copied: the buffer that it is a view of is filled anew by the next read.
        this.pending = Buffer.from(data.subarray(at));
        return null;
      }
    }
    return null;
  }

  /** The application closed its side. Returns whether that ends the response properly. */
  finish(): boolean {
    if (this.state !== 'close') return false;
    this.state = 'done';
    this.sink.onEnd(null);
    return true;
  }

  /** Consumes from `at`; returns the new position, the same one when more is needed, or what is wrong. */
  private step(data: Buffer, at: number): number | string {
    switch (this.state) {
      case 'head':
        return this.readHead(data, at);
      case 'length':
      case 'chunk-data':
        return this.readCounted(data, at);
      case 'chunk-line':
        return this.readChunkLine(data, at);
      case 'chunk-end':
        if (data.length - at < 2) return at;
        if (data[at] !== 13 || data[at + 1] !== 10) return 'a chunk without its end';
        this.state = 'chunk-line';
        return at + 2;
      case 'trailers':
        return this.readTrailer(data, at);
      case 'close':
      case 'raw':
        this.sink.onBody(data.subarray(at));
        return data.length;
      case 'done':
        return 'bytes after the end of the response';
    }
  }

  private readHead(data: Buffer, at: number): number | string {
    const end = data.indexOf(HEAD_END, at);
    if (end === -1) return data.length - at > MAX_HEAD_BYTES ? 'a head over 64 KiB' : at;
    const head = this.parseHead(data.toString('latin1', at, end));
    if (typeof head === 'string') return head;
    if (head.statusCode < 200 && head.statusCode !== 101) {
      this.sink.onInformational(head.statusCode);
      return end + 4;
    }
    if (head.statusCode === 101) this.state = 'raw';
    else if (head.bodyLength === 0) this.state = 'done';
    else if (head.bodyLength !== null) this.state = 'length';
    else this.state = this.chunkedBody ? 'chunk-line' : 'close';
    this.left = head.bodyLength ?? 0;
    this.sink.onHead(head);
    if (this.state === 'done') this.sink.onEnd(null);
    return end + 4;
  }

  private parseHead(text: string): ResponseHead | string {
    if (CONTROL.test(text)) return 'a control character in its head';
    let lineEnd = text.indexOf('\r\n');
    const status = STATUS_LINE.exec(lineEnd === -1 ? text : text.slice(0, lineEnd));
    if (status === null) return 'a malformed status line';
    const statusCode = Number(status[2]);
    const fields = { headers: [] as string[], connection: '', length: null as number | null, encoding: '' };
    let isEventStream = false;
    let upgrade: string | null = null;
    this.keepAliveHintMs = null;
    while (lineEnd !== -1) {
      const start = lineEnd + 2;
      lineEnd = text.indexOf('\r\n', start);
      const stop = lineEnd === -1 ? text.length : lineEnd;
      const colon = text.indexOf(':', start);
      if (colon <= start || colon >= stop || text.charCodeAt(start) <= 32) return 'a malformed header line';
      const name = text.slice(start, colon);
      const value = text.slice(colon + 1, stop).trim();
      const kind = headerKind(name);
      if (kind === HEADER.upgrade) upgrade = value;
      else if (kind === HEADER.contentType)
        isEventStream = value.toLowerCase().startsWith('text/event-stream');
      else if (kind === HEADER.keepAlive) this.keepAliveHintMs = keepAliveHint(value);
      const wrong = addField(fields, { kind, name, value });
      if (wrong !== null) return wrong;
    }
    const wrong = this.decideFraming(statusCode, status[1] === '1', fields);
    if (wrong !== null) return wrong;
    return {
      statusCode,
      statusMessage: status[3] ?? '',
      headers: withoutListed(fields.headers, fields.connection),
      bodyLength: this.bodyLength(statusCode, fields.length),
      isEventStream,
      upgrade,
    };
  }

  private decideFraming(statusCode: number, isHttp11: boolean, fields: Fields): string | null {
    if (fields.encoding !== '' && fields.encoding !== 'chunked')
      return `Transfer-Encoding ${fields.encoding}`;
    this.chunkedBody = fields.encoding === 'chunked';
    const says = (option: string): boolean => fields.connection !== '' && lists(fields.connection, option);
    this.keepAlive = isHttp11 ? !says('close') : says('keep-alive');
    const ambiguous = this.chunkedBody && fields.length !== null;
    const endless = !this.chunkedBody && fields.length === null && this.bodyLength(statusCode, null) === null;
    if (ambiguous || endless) this.keepAlive = false;
    // Transfer-Encoding wins over Content-Length, which must then not be passed on (RFC 9112, section 6.3).
    // A 204 has none (RFC 9110, section 8.6).
    if (ambiguous || statusCode === 204)
      fields.headers = fields.headers.filter((_, i, all) => !isLength(all[i - (i % 2)]!));
    return null;
  }

  private bodyLength(statusCode: number, length: number | null): number | null {
    if (this.isHead || statusCode === 204 || statusCode === 304 || statusCode < 200) return 0;
    return this.chunkedBody ? null : length;
  }

  private readCounted(data: Buffer, at: number): number {
    const take = Math.min(this.left, data.length - at);
    this.left -= take;
    const isLast = this.left === 0;
    const wasChunk = this.state === 'chunk-data';
    if (isLast) this.state = wasChunk ? 'chunk-end' : 'done';
    this.sink.onBody(at === 0 && take === data.length ? data : data.subarray(at, at + take));
    if (isLast && !wasChunk) this.sink.onEnd(null);
    return at + take;
  }

  private readChunkLine(data: Buffer, at: number): number | string {
    const end = data.indexOf('\r\n', at, 'latin1');
    if (end === -1) return data.length - at > MAX_CHUNK_LINE ? 'an endless chunk line' : at;
    const size = CHUNK_SIZE.exec(data.toString('latin1', at, end));
    if (size === null) return 'a malformed chunk size';
    this.left = Number.parseInt(size[1]!, 16);
    this.state = this.left === 0 ? 'trailers' : 'chunk-data';
    return end + 2;
  }

  private readTrailer(data: Buffer, at: number): number | string {
    const end = data.indexOf('\r\n', at, 'latin1');
    if (end === -1) return data.length - at > MAX_HEAD_BYTES ? 'a trailer over 64 KiB' : at;
    if (end === at) {
      this.state = 'done';
      this.sink.onEnd(this.trailers);
      return end + 2;
    }
    const line = data.toString('latin1', at, end);
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    this.trailers ??= [];
    if (headerKind(name) === HEADER.malformed || CONTROL.test(line) || this.trailers.length > 100)
      return 'a malformed trailer';
    if (mayTrail(name)) this.trailers.push(name, line.slice(colon + 1).trim());
    return end + 2;
  }
}

type Fields = { headers: string[]; connection: string; length: number | null; encoding: string };
type Field = { readonly kind: number; readonly name: string; readonly value: string };

/** Sorts one header field into place; returns what is wrong with it, or null. */
function addField(fields: Fields, { kind, name, value }: Field): string | null {
  switch (kind) {
    case HEADER.malformed:
      return 'a malformed header line';
    case HEADER.connection:
      fields.connection = fields.connection === '' ? value : `${fields.connection}, ${value}`;
      return null;
    case HEADER.transferEncoding:
      if (fields.encoding !== '') return 'Transfer-Encoding twice';
      fields.encoding = value.toLowerCase();
      return null;
    case HEADER.contentLength: {
      const length = /^\d{1,15}$/.test(value) ? Number(value) : null;
      if (length === null || (fields.length !== null && fields.length !== length))
        return 'a malformed Content-Length';
      if (fields.length === null) fields.headers.push(name, value);
      fields.length = length;
      return null;
    }
    case HEADER.hop:
    case HEADER.keepAlive:
    case HEADER.te:
    case HEADER.upgrade:
      return null;
    default:
      fields.headers.push(name, value);
      return null;
  }
}

function withoutListed(headers: string[], connection: string): string[] {
  const listed = connection === '' ? null : namesListed(connection);
  if (listed === null) return headers;
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (isLength(headers[i]!) || !listed.includes(headers[i]!.toLowerCase()))
      kept.push(headers[i]!, headers[i + 1]!);
  }
  return kept;
}

function isLength(name: string): boolean {
  return headerKind(name) === HEADER.contentLength;
}

/** `timeout=5, max=100` -> 5000. */
function keepAliveHint(value: string): number | null {
  const found = /timeout\s*=\s*(\d{1,6})/i.exec(value);
  return found === null ? null : Number(found[1]) * 1000;
}

/** Flat name, value, name, value as pairs. */
export function pairs(flat: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let i = 0; i < flat.length; i += 2) result.push([flat[i]!, flat[i + 1]!]);
  return result;
}
