export type ResponseHead = {
  readonly status: number;
  /** Names in lower case. A repeated one is joined by `, `, Set-Cookie apart. */
  readonly headers: ReadonlyMap<string, string>;
  readonly setCookies: readonly string[];
};

export type ResponseSink = {
  head(head: ResponseHead): void;
  /** A part of the body, chunk framing taken off. */
  body(part: Buffer): void;
  end(): void;
};

/** The server broke the protocol. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

const MAX_HEAD_BYTES = 65_536;
const MAX_LINE_BYTES = 1024;
const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) [\t\u0020-\u007e\u0080-\u00ff]*$/;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\u0020-\u007e\u0080-\u00ff]*?)[\t ]*$/;
const CHUNK_SIZE = /^[0-9A-Fa-f]{1,8}$/;
const EMPTY = Buffer.alloc(0);

type State = 'idle' | 'head' | 'length' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailers';

/**
 * Reads HTTP/1.1 responses (RFC 9112), one at a time, and forgives nothing: what two readers could take differently,
 * and a body whose truncation could not be told (framed by the end of the connection), is `Malformed`.
 */
export class ResponseParser {
  readonly #sink: ResponseSink;
  #state: State = 'idle';
  #method = '';
  #held: Buffer = EMPTY;
  /** Bytes of the body or of the chunk that are still to come. */
  #left = 0;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** Call when a request is sent: exactly one final response is due from now on. */
  expect(method: string): void {
    if (this.#state !== 'idle') throw new Error('a response is still due');
    this.#method = method;
    this.#state = 'head';
  }

  /** Whether some of the due response has come. */
  get begun(): boolean {
    return (this.#state !== 'head' && this.#state !== 'idle') || this.#held.length > 0;
  }

  push(part: Buffer): void {
    let rest = this.#held.length > 0 ? Buffer.concat([this.#held, part]) : part;
    this.#held = EMPTY;
    while (rest.length > 0) {
      if (this.#state === 'idle') throw new Malformed(`bytes after the end of a response: ${quote(rest)}`);
      const used = this.#step(rest);
      if (used === 0) {
        this.#held = rest;
        return;
      }
      rest = rest.subarray(used);
      if (this.#finished()) {
        // Looked at before the next request goes out: these could otherwise pass for its response.
        if (rest.length > 0) throw new Malformed(`bytes after the end of a response: ${quote(rest)}`);
        this.#sink.end();
      }
    }
  }

  #finished(): boolean {
    if (this.#state !== 'length' || this.#left > 0) return false;
    this.#state = 'idle';
    return true;
  }

  /** Takes one piece off the front; returns its size, or 0 when it has not come whole. */
  #step(rest: Buffer): number {
    switch (this.#state) {
      case 'head':
        return this.#takeHead(rest);
      case 'length':
      case 'chunk-data':
        return this.#takeBody(rest);
      case 'chunk-size':
        return this.#takeChunkSize(rest);
      case 'chunk-end':
        return this.#takeChunkEnd(rest);
      default:
        return this.#takeTrailer(rest);
    }
  }

  #takeHead(rest: Buffer): number {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) {
      if (rest.length > MAX_HEAD_BYTES) throw new Malformed(`a head of more than ${MAX_HEAD_BYTES} bytes`);
      const start = rest.toString('latin1', 0, 9);
      if (!'HTTP/1.1 '.startsWith(start)) throw new Malformed(`not a status line: ${quote(rest)}`);
      return 0;
    }
    const head = parseHead(rest.toString('latin1', 0, end));
    if (head.status === 101) throw new Malformed('101 without an upgrade asked for');
    if (head.status >= 200) {
      this.#frame(head);
      this.#sink.head(head);
    }
    return end + 4;
  }

  #frame(head: ResponseHead): void {
    const length = head.headers.get('content-length');
    const coding = head.headers.get('transfer-encoding');
    if (length !== undefined && coding !== undefined)
      throw new Malformed('both a length and a transfer coding');
    if (coding !== undefined && coding.toLowerCase() !== 'chunked') throw new Malformed(`coding "${coding}"`);
    if (length !== undefined && !/^\d{1,15}$/.test(length)) throw new Malformed(`Content-Length "${length}"`);
    const bodiless = this.#method === 'HEAD' || head.status === 204 || head.status === 304;
    if (!bodiless && coding === undefined && length === undefined) {
      throw new Malformed(`a ${head.status} whose end only the end of the connection tells`);
    }
    this.#state = !bodiless && coding !== undefined ? 'chunk-size' : 'length';
    this.#left = bodiless ? 0 : Number(length ?? 0);
  }

  #takeBody(rest: Buffer): number {
    const size = Math.min(this.#left, rest.length);
    this.#left -= size;
    if (this.#left === 0 && this.#state === 'chunk-data') this.#state = 'chunk-end';
    this.#sink.body(size === rest.length ? rest : rest.subarray(0, size));
    return size;
  }

  #takeChunkSize(rest: Buffer): number {
    const line = takeLine(rest);
    if (line === null) return 0;
    if (!CHUNK_SIZE.test(line)) throw new Malformed(`chunk size "${line}"`);
    this.#left = Number.parseInt(line, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk-data';
    return line.length + 2;
  }

  #takeChunkEnd(rest: Buffer): number {
    if (rest[0] !== 13 || (rest.length > 1 && rest[1] !== 10)) {
      throw new Malformed(`a chunk not followed by CRLF: ${quote(rest)}`);
    }
    if (rest.length < 2) return 0;
    this.#state = 'chunk-size';
    return 2;
  }

  #takeTrailer(rest: Buffer): number {
    const line = takeLine(rest);
    if (line === null) return 0;
    if (line !== '' && !FIELD.test(line)) throw new Malformed(`trailer "${line}"`);
    if (line === '') this.#state = 'length';
    return line.length + 2;
  }
}

function takeLine(rest: Buffer): string | null {
  const end = rest.indexOf('\r\n');
  if (end > MAX_LINE_BYTES || (end < 0 && rest.length > MAX_LINE_BYTES))
    throw new Malformed('a line too long');
  return end < 0 ? null : rest.toString('latin1', 0, end);
}

function parseHead(text: string): ResponseHead {
  const lines = text.split('\r\n');
  const status = STATUS_LINE.exec(lines[0]!);
  if (status === null) throw new Malformed(`status line "${lines[0]!.slice(0, 100)}"`);
  const headers = new Map<string, string>();
  const setCookies: string[] = [];
  for (let i = 1; i < lines.length; i++) {
    const field = FIELD.exec(lines[i]!);
    if (field === null) throw new Malformed(`header line "${lines[i]!.slice(0, 100)}"`);
    const name = field[1]!.toLowerCase();
    const value = field[2]!;
    const former = headers.get(name);
    if (name === 'set-cookie') setCookies.push(value);
    else if (former === undefined) headers.set(name, value);
    else if (name === 'content-length' || name === 'transfer-encoding') throw new Malformed(`${name} twice`);
    else headers.set(name, `${former}, ${value}`);
  }
  return { status: Number(status[1]), headers, setCookies };
}

function quote(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1', 0, 60));
}
