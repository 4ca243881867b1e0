import { CORPUS } from '../corpus/corpus.ts';

export type Rng = () => number;

export function pick<T>(rng: Rng, from: readonly T[]): T {
  return from[Math.floor(rng() * from.length)]!;
}

export function upTo(rng: Rng, most: number): number {
  return Math.floor(rng() * (most + 1));
}

/** One in so many comes in pieces. */
const IN_PIECES = 3;
const MOST_PIECES = 8;

/** Where it is cut, often at the end of a line or within one. */
export function cutsOf(rng: Rng, bytes: string): number[] {
  if (rng() * IN_PIECES >= 1) return [];
  const cuts = Array.from({ length: 1 + upTo(rng, MOST_PIECES) }, () => {
    const at = upTo(rng, bytes.length);
    const lineEnd = bytes.indexOf('\r\n', at);
    return rng() < 0.5 || lineEnd === -1 ? at : lineEnd + upTo(rng, 2);
  });
  return cuts.toSorted((a, b) => a - b);
}

/** Whatever stands in a line of the corpus, besides what means something to a parser of HTTP. */
const LINES: readonly string[] = [
  ...new Set(CORPUS.flatMap(({ bytes }) => bytes.split('\r\n').filter((line) => line.length < 200))),
];
const WORDS: readonly string[] = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\0',
  '\t',
  ' ',
  '\x0b',
  '\x7f',
  '\xa0',
  '\xff',
  ':',
  ',',
  ';',
  '=',
  '"',
  '/',
  '#',
  '?',
  '%00',
  '0',
  '-1',
  '+1',
  '0x1',
  'ffffffffffffffff',
  '99999999999999999999',
  '0\r\n\r\n',
  '1\r\na\r\n',
  'chunked',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n',
  'Content-Length: 5',
  'Content-Length: 0',
  'Transfer-Encoding: chunked',
  'Host: b',
  'Connection: close',
  'Connection: upgrade',
  'Upgrade: websocket',
  'Expect: 100-continue',
  'X-Forwarded-For: 6.6.6.6',
];

type Mutation = (text: string, rng: Rng) => string;

const MUTATIONS: readonly Mutation[] = [
  (text, rng) => spliced(text, rng, 0, pick(rng, WORDS)),
  (text, rng) => spliced(text, rng, 1 + upTo(rng, 3), pick(rng, WORDS)),
  (text, rng) => spliced(text, rng, 1 + upTo(rng, 8), ''),
  (text, rng) => spliced(text, rng, upTo(rng, 1), String.fromCharCode(upTo(rng, 255))),
  (text, rng) => lines(text, rng, (all, at) => all.splice(at, 0, all[at]!)),
  (text, rng) => lines(text, rng, (all, at) => all.splice(at, 1)),
  (text, rng) => lines(text, rng, (all, at) => all.splice(at, 0, pick(rng, LINES))),
  (text, rng) => lines(text, rng, (all, at) => (all[at] = pick(rng, LINES))),
  (text, rng) => lines(text, rng, (all, at) => all.splice(upTo(rng, all.length), 0, ...all.splice(at, 1))),
  (text, rng) => lines(text, rng, (all, at) => (all[at] = all[at]!.toUpperCase())),
  (text, rng) => text.replace(/\r\n/, pick(rng, ['\n', '\r', '\r\r\n', '\n\r', '\r\n ', '\r\n\t'])),
  (text, rng) => text.replaceAll(/\d+/g, (digits) => (rng() < 0.3 ? pick(rng, WORDS) : digits)),
  (text, rng) => text.slice(0, upTo(rng, text.length)),
  (text, rng) => spliced(text, rng, 0, pick(rng, WORDS).repeat(1 + upTo(rng, 40))),
  (text, rng) => spliced(text, rng, 0, 'x'.repeat(Math.floor(rng() ** 8 * 40_000))),
];

export function mutated(text: string, rng: Rng): string {
  let result = text;
  for (let i = 1 + Math.floor(rng() ** 2 * 4); i > 0; i -= 1) result = pick(rng, MUTATIONS)(result, rng);
  return result;
}

function spliced(text: string, rng: Rng, remove: number, insert: string): string {
  const at = upTo(rng, text.length);
  return text.slice(0, at) + insert + text.slice(at + remove);
}

function lines(text: string, rng: Rng, change: (all: string[], at: number) => unknown): string {
  const all = text.split('\r\n');
  change(all, Math.floor(rng() * all.length));
  return all.join('\r\n');
}
