import { METHODS } from 'node:http';
import { HEADER, headerKind } from '../header-kinds.ts';
import type { Refusal } from '../request-head.ts';
import { HeldBytes } from './held-bytes.ts';

export type RequestHead = {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: '1.0' | '1.1';
  /** Flat name, value, name, value. */
  readonly rawHeaders: string[];
};

const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');
const KNOWN_METHODS = new Set(METHODS);
const TARGET = /^[!-~]+$/;
/** Control characters, and line ends that are not CRLF. */
// oxlint-disable-next-line no-control-regex -- they are what it looks for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]|\r(?!\n)|(?<!\r)\n/;
const LINE = /^[A-Z][A-Z-]{0,31} [!-~]+ HTTP\/1\.[01]\r\n/;
/** What a first line may begin with. */
const LINE_SO_FAR = /^[A-Z][A-Z-]{0,31}(?: (?:[!-~]+(?: [HTP/1.0]{0,8}\r?)?)?)?$/;
/** A longer beginning is looked at when its end is there: each look reads it from its start. */
const MOST_LOOKED_AT = 2048;
const SPACE = 32;
const TAB = 9;

/**
 * Finds the heads of requests on one connection, whole or in pieces. Nothing is skipped: what is no head in the very form of RFC 9112
 * is refused, an empty line before it too, as soon as that can be seen.
 */
export class HeadReader {
  /** Behind the head, in the bytes that were given last. */
  end = 0;
  readonly #maxBytes: number;
  readonly #part = new HeldBytes();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a head has begun and is not over. */
  get hasBegun(): boolean {
    return this.#part.length > 0;
  }

  /** From `at`, where a head begins or goes on. Null: all was taken, and more has to come. */
  read(bytes: Buffer, at: number): RequestHead | Refusal | null {
    const before = this.#part.length;
    if (before === 0) {
      const end = bytes.indexOf(HEAD_END, at);
      if (end === -1) return this.#hold(bytes, at);
      if (end + HEAD_END.length - at > this.#maxBytes) return tooLarge(this.#maxBytes);
      this.end = end + HEAD_END.length;
      return readHead(bytes.toString('latin1', at, end + 2));
    }
    // No more than decides whether it is too large.
    const piece = bytes.subarray(at, at + this.#maxBytes - before);
    this.#part.append(piece);
    const end = this.#part.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length + 1));
    if (end === -1) return this.#partly(before);
    this.end = at + end + HEAD_END.length - before;
    return readHead(this.#part.take()!.toString('latin1', 0, end + 2));
  }

  #hold(bytes: Buffer, at: number): Refusal | null {
    if (bytes.length - at >= this.#maxBytes) return tooLarge(this.#maxBytes);
    this.#part.append(bytes.subarray(at));
    return this.#partly(0);
  }

  /** What can be seen of a head without its end. */
  #partly(seen: number): Refusal | null {
    if (this.#part.length >= this.#maxBytes) return tooLarge(this.#maxBytes);
    const from = this.#part.length <= MOST_LOOKED_AT ? 0 : Math.max(0, seen - 2);
    return problemSoFar(this.#part.latin1From(from), from === 0);
  }
}

/** `text`: all lines of a head, each with its end, without the empty one. */
export function readHead(text: string): RequestHead | Refusal {
  if (CONTROL.test(text)) return bad('a control character in its head, or a line end that is none');
  const lineEnd = text.indexOf('\r\n');
  const methodEnd = text.indexOf(' ');
  const method = text.slice(0, methodEnd);
  if (!KNOWN_METHODS.has(method)) return bad('a method that is none of HTTP');
  const versionAt = lineEnd - 9;
  if (!text.startsWith(' HTTP/1.', versionAt)) return bad('a first line without HTTP/1.1 or HTTP/1.0');
  const minor = text.charCodeAt(lineEnd - 1) - 48;
  if (minor !== 0 && minor !== 1) return bad('a version that is neither 1.0 nor 1.1');
  const target = text.slice(methodEnd + 1, versionAt);
  if (!TARGET.test(target)) return bad('a malformed first line');
  const rawHeaders: string[] = [];
  let at = lineEnd + 2;
  while (at < text.length) {
    const stop = text.indexOf('\r\n', at);
    if (!readField(text, { at, stop }, rawHeaders)) return bad('a malformed header field');
    at = stop + 2;
  }
  if (method === 'CONNECT') return { status: 405, text: 'CONNECT is not spoken here' };
  return { method, target, httpVersion: minor === 1 ? '1.1' : '1.0', rawHeaders };
}

type Span = { readonly at: number; readonly stop: number };

/** Name and value of one line, without what may stand around the value (RFC 9112, section 5.1); false: it is no field. */
function readField(text: string, { at, stop }: Span, into: string[]): boolean {
  const colon = text.indexOf(':', at);
  if (colon === -1 || colon >= stop) return false;
  const name = text.slice(at, colon);
  if (headerKind(name) === HEADER.malformed) return false;
  let from = colon + 1;
  let to = stop;
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
  into.push(name, text.slice(from, to));
  return true;
}

/** A trailer, with its line end; false: it is none, or says where the body would have ended. */
export function readTrailer(line: string, into: string[]): boolean {
  if (CONTROL.test(line) || !readField(line, { at: 0, stop: line.length - 2 }, into)) return false;
  const kind = headerKind(into.at(-2)!);
  return kind !== HEADER.contentLength && kind !== HEADER.transferEncoding;
}

/** What is wrong with the beginning of a head, or with what came behind it; null for nothing yet. */
function problemSoFar(text: string, isBeginning: boolean): Refusal | null {
  // The line feed may still come.
  const whole = text.endsWith('\r') ? text.slice(0, -1) : text;
  const first = isBeginning && !text.includes('\n') ? text : null;
  if (first !== null && !LINE_SO_FAR.test(first))
    return bad('a malformed first line, or something before it');
  if (isBeginning && first === null && !LINE.test(text))
    return bad('a malformed first line, or something before it');
  // Where it begins within, its first byte may end what was looked at before.
  return CONTROL.test(isBeginning ? whole : whole.replace(/^\n/, ''))
    ? bad('a control character in its head, or a line end that is none')
    : null;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function tooLarge(maxBytes: number): Refusal {
  return { status: 431, text: `the request has a head of more than ${maxBytes} bytes` };
}

function bad(what: string): Refusal {
  return { status: 400, text: `the request has ${what}` };
}
