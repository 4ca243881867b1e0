import type { Refusal, RequestScan } from '../request-head.ts';
import { MAX_HEADERS } from '../request-head.ts';
import { readTrailer } from './head-reader.ts';

/** Reads a body as it comes, in whatever pieces. */
export type BodyReader = {
  /** Of the body, what the last read came upon, or null. A view of the bytes that were given. */
  readonly found: Buffer | null;
  readonly isOver: boolean;
  readonly rawTrailers: string[];
  /** From `at`; up to where bytes were taken, or what is wrong. Everything is taken, unless a piece was found or the body is over. */
  read(bytes: Buffer, at: number): number | Refusal;
};

const CR = 13;
const LF = 10;
/** With its extensions. */
const MAX_SIZE_LINE = 1024;
/** Of one body, beyond the size lines' own. */
const MAX_EXTENSION_BYTES = 16_384;
const MAX_TRAILER_BYTES = 16_384;
/**
 * At most 8 digits, so that nobody's counter overflows; then extensions as RFC 9112 has them (section 7.1.1), which have to be passed over,
 * without the blanks that nobody needs to write.
 */
const SIZE =
  /^([0-9A-Fa-f]{1,8})((?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[\t !#-[\]-~\u0080-\u00ff]|\\[\t -~\u0080-\u00ff])*"))?)*)\r\n$/;

const TOO_MANY: Refusal = { status: 431, text: 'the request body has too many trailers' };

/** Null where there is none. */
export function bodyReader({ chunked, contentLength }: RequestScan): BodyReader | null {
  if (chunked) return new ChunkedBody();
  return contentLength === null || contentLength === 0 ? null : new CountedBody(contentLength);
}

class CountedBody implements BodyReader {
  found: Buffer | null = null;
  readonly rawTrailers: string[] = [];
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get isOver(): boolean {
    return this.#left === 0;
  }

  read(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.found = at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end);
    return end;
  }
}

class ChunkedBody implements BodyReader {
  found: Buffer | null = null;
  isOver = false;
  readonly rawTrailers: string[] = [];
  #state: 'size' | 'data' | 'CR' | 'LF' | 'trailers' = 'size';
  #left = 0;
  /** What came of a line whose end has not. */
  #line = '';
  #extensionBytes = 0;
  #trailerBytes = 0;

  read(bytes: Buffer, from: number): number | Refusal {
    this.found = null;
    let at = from;
    while (at < bytes.length && !this.isOver) {
      switch (this.#state) {
        case 'data':
          return this.#data(bytes, at);
        case 'CR':
        case 'LF':
          if (bytes[at] !== (this.#state === 'CR' ? CR : LF)) return bad('a chunk without its end');
          this.#state = this.#state === 'CR' ? 'LF' : 'size';
          at += 1;
          break;
        default: {
          const end = this.#lineFrom(bytes, at);
          if (typeof end !== 'number') return end;
          at = end;
        }
      }
    }
    return at;
  }

  #data(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#state = 'CR';
    this.found = bytes.subarray(at, end);
    return end;
  }

  #lineFrom(bytes: Buffer, at: number): number | Refusal {
    const isSize = this.#state === 'size';
    const most = (isSize ? MAX_SIZE_LINE : MAX_TRAILER_BYTES - this.#trailerBytes) - this.#line.length;
    const found = bytes.indexOf(LF, at);
    const end = found === -1 ? bytes.length : found + 1;
    if (end - at > most) return isSize ? bad('a chunk size without end') : TOO_MANY;
    this.#line += bytes.toString('latin1', at, end);
    if (found === -1) return end;
    const line = this.#line;
    this.#line = '';
    return (isSize ? this.#size(line) : this.#trailer(line)) ?? end;
  }

  #size(line: string): Refusal | null {
    const size = SIZE.exec(line);
    if (size === null) return bad('a malformed chunk size');
    this.#extensionBytes += size[2]!.length;
    if (this.#extensionBytes > MAX_EXTENSION_BYTES) return bad('too many chunk extensions');
    this.#left = Number.parseInt(size[1]!, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'data';
    return null;
  }

  #trailer(line: string): Refusal | null {
    this.#trailerBytes += line.length;
    if (line === '\r\n') {
      this.isOver = true;
      return null;
    }
    if (!line.endsWith('\r\n') || !readTrailer(line, this.rawTrailers)) return bad('a malformed trailer');
    return this.rawTrailers.length <= MAX_HEADERS * 2 ? null : TOO_MANY;
  }
}

function bad(what: string): Refusal {
  return { status: 400, text: `the request body has ${what}` };
}
