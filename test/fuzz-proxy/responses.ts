import { rngOf } from '../judge-traffic.ts';
import { type Rng, cutsOf, mutated, pick, upTo } from './mutation.ts';

export type Response = {
  readonly bytes: string;
  /** Where the packets end. */
  readonly cuts: readonly number[];
  /** What an application does after it: most that are unsound leave nothing to wait for. */
  readonly then: 'keep' | 'end' | 'end later' | 'reset';
  /** Whether it must arrive, whole, with its mark. */
  readonly sound: boolean;
};

/**
 * Stands in every body and in a field of every head: an answer with the mark of another request is another's. What a
 * mutation makes of one is none.
 */
export function markOf(number: number): string {
  return `<${number}.${(Math.imul(number + 1, 0x9e3779b1) >>> 0).toString(16)}>`;
}

/** The numbers whose marks stand in a text. */
export function marksIn(text: string): number[] {
  return [...text.matchAll(/<(\d+)\.[0-9a-f]+>/g)]
    .filter(([mark, number]) => mark === markOf(Number(number)))
    .map(([, number]) => Number(number));
}

export function responseOf(seed: number, number: number): Response {
  const rng = rngOf(Math.imul(seed, 0x85ebca6b) ^ Math.imul(number + 1, 0x9e3779b1));
  rng();
  const mark = markOf(number);
  const bytes = soundResponse(rng, mark);
  if (rng() < 0.2) return { bytes, cuts: cutsOf(rng, bytes), then: 'keep', sound: true };
  const then = pick(rng, ['end', 'end', 'end later', 'reset'] as const);
  const unsound = mutated(bytes, rng);
  return { bytes: unsound, cuts: cutsOf(rng, unsound), then, sound: false };
}

function soundResponse(rng: Rng, mark: string): string {
  const body = `${mark}${'b'.repeat(Math.floor(rng() ** 6 * 5000))}`;
  const status = pick(rng, ['200 OK', '200 ', '200', '404 Not Found', '500 Oh \xe9', '299 x', '301 Moved']);
  const head = [`HTTP/1.1 ${status}`, `X-Mark: ${mark}`];
  for (let i = upTo(rng, 3); i > 0; i -= 1) head.push(pick(rng, FIELDS));
  const interims = pick(rng, [
    '',
    '',
    '',
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
    'HTTP/1.1 102 \r\n\r\n',
  ]);
  if (rng() < 0.6) return `${interims}${head.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const at = upTo(rng, body.length);
  const parts = [body.slice(0, at), body.slice(at)].filter((part) => part !== '');
  const chunks = parts.map((part) => `${part.length.toString(16)}${pick(rng, ['', ';a=b'])}\r\n${part}\r\n`);
  const trailers = pick(rng, ['', '', 'X-Sum: 1\r\n', 'Set-Cookie: a=b\r\n']);
  return `${interims}${head.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n${trailers}\r\n`;
}

const FIELDS: readonly string[] = [
  'Set-Cookie: a=b; Path=/',
  'Location: /x',
  'Connection: keep-alive',
  'Connection: X-Mark-2',
  'Keep-Alive: timeout=5, max=100',
  'Content-Type: text/event-stream',
  'Content-Type: text/plain',
  'Trailer: X-Sum',
  'X-A:',
  'X-A: \x80\xff',
  'Upgrade: h2c',
  'Proxy-Authenticate: Basic',
  'Date: x',
];
