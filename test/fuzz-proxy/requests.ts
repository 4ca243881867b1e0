import { CORPUS } from '../corpus/corpus.ts';
import { rngOf } from '../judge-traffic.ts';
import { type Rng, cutsOf, mutated, pick, upTo } from './mutation.ts';
import { refusedForm } from './refused-forms.ts';

/** What one client sends on one connection, without waiting. */
export type Asked = { readonly method: string; readonly target: string };

export type Conversation = {
  readonly bytes: string;
  /** Where the packets end. */
  readonly cuts: readonly number[];
  /** How many requests that is, by the generator's book. */
  readonly sent: number;
  /** Those that are sound and stand before the first that is not: each must be answered, in order. */
  readonly sound: readonly Asked[];
  /** Whether the last of them asks for the end of the connection, and nothing in it is unsound. */
  readonly ends: boolean;
  /** Whether what follows the sound ones has to be refused with 400, and nothing behind it heard. */
  readonly refused: boolean;
};

const MOST_SOUND = 30;
/** One in so many is sound to its end. */
const ALL_SOUND = 4;
/** One in so many is an upgrade alone: behind others it is none. */
const TUNNELS = 12;

/** Of those that are not, so many have a form that must be refused. */
const REFUSED = 0.3;

/** A function of seed and number: a failing one is named by both. */
export function conversationOf(seed: number, number: number): Conversation {
  const rng = rngOf(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  rng();
  if (number % TUNNELS === 1) {
    const bytes = upgrade(rng);
    return { bytes, cuts: cutsOf(rng, bytes), sent: 1, sound: [], ends: false, refused: false };
  }
  const sound = Array.from({ length: upTo(rng, MOST_SOUND) }, (_, i) => soundRequest(rng, `/${number}-${i}`));
  const bytes = sound.map((each) => each.bytes).join('');
  const target = `/${number}-last`;
  const last = `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
  const ends = number % ALL_SOUND === 0;
  const refused = !ends && rng() < REFUSED;
  const odd = refused ? refusedForm(soundRequest(rng, '/odd').bytes, rng) : ends ? '' : hostile(rng);
  const all = bytes + odd + last;
  return {
    bytes: all,
    cuts: cutsOf(rng, all),
    sent: sound.length + (ends ? 1 : 2),
    sound: ends ? [...sound, { method: 'GET', target }] : sound,
    ends,
    refused,
  };
}

/** One in so many asks for another protocol. */
const UPGRADES = 12;

function hostile(rng: Rng): string {
  if (rng() * UPGRADES < 1) return upgrade(rng);
  const base = rng() < 0.3 ? pick(rng, CORPUS).bytes : soundRequest(rng, '/odd').bytes;
  return base.length > 30_000 && rng() < 0.9
    ? mutated('GET / HTTP/1.1\r\nHost: a\r\n\r\n', rng)
    : mutated(base, rng);
}

type Made = Asked & { readonly bytes: string };

/** With frames behind it that a WebSocket may have, or not. */
function upgrade(rng: Rng): string {
  const protocol = pick(rng, ['websocket', 'websocket', 'WebSocket', 'echo', 'h2c', 'websocket, h2c']);
  const head = `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
  const frames = Array.from({ length: upTo(rng, 5) }, () => {
    const first = pick(rng, ['\x81', '\x82', '\x01', '\x80', '\x88', '\x89', '\x8a', '\xff', '\x00']);
    const size = pick(rng, [
      '\x80',
      '\x85',
      '\x05',
      '\xfe\x00\x05',
      '\xff\xff\xff\xff\xff\xff\xff\xff\xff',
      '\x7f',
    ]);
    return `${first}${size}${'maskhello'.slice(0, upTo(rng, 9))}`;
  }).join('');
  return rng() < 0.3 ? mutated(head + frames, rng) : head + frames;
}

/** Odd in every way that the grammar and the limits allow. */
function soundRequest(rng: Rng, target: string): Made {
  const method = pick(rng, ['GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);
  const host = pick(rng, ['a', 'a', 'shop.test', 'SHOP.test:8080', '[::1]', '127.0.0.1:80']);
  const absolute = rng() < 0.1 ? `http://${host}` : '';
  const query = pick(rng, ['', '', '?a=b', '?', '?a=%00&b=/../', '?\'"<>[]{}|^`\\']);
  const head = [
    `${method} ${absolute}${target}${query} HTTP/1.1`,
    `${pick(rng, ['Host', 'host', 'HOST'])}: ${host}`,
  ];
  for (let i = upTo(rng, 4); i > 0; i -= 1) head.push(pick(rng, FIELDS));
  const body = 'b'.repeat(Math.floor(rng() ** 6 * 5000));
  if (rng() < 0.2) return { method, target, bytes: withChunks(rng, head, body) };
  if (body !== '' || rng() < 0.2) head.push(`Content-Length: ${body.length}`);
  return { method, target, bytes: `${head.join('\r\n')}\r\n\r\n${body}` };
}

const FIELDS: readonly string[] = [
  'X-A:',
  'X-A:b',
  'X-A: \t b \t ',
  'X-A: a, b, "c;d"',
  "!#$%&'*+.^`|~: odd",
  'X-B: \x80\xff',
  'Cookie: a=b; c=d',
  'Cookie: bascule_id=0123456789abcdef0123456789abcdef',
  'X-Request-ID: 1',
  'X-Forwarded-For: 6.6.6.6',
  'Forwarded: for=6.6.6.6',
  'Connection: keep-alive',
  'Connection: X-A, keep-alive',
  'TE: trailers',
  'Keep-Alive: timeout=5',
  'Accept: */*',
  'Range: bytes=0-1',
  'Content-Type: text/plain',
];

function withChunks(rng: Rng, head: readonly string[], body: string): string {
  let text = `${head.join('\r\n')}\r\nTransfer-Encoding: ${pick(rng, ['chunked', 'Chunked'])}\r\n\r\n`;
  for (let at = 0; at < body.length;) {
    const size = 1 + upTo(rng, body.length - at - 1);
    const digits = rng() < 0.5 ? size.toString(16) : size.toString(16).toUpperCase();
    text += `${digits}${pick(rng, ['', '', ';a', ';a=b', ';a="b c"'])}\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  return `${text}0\r\n${pick(rng, ['', '', 'X-Sum: 1\r\n', 'X-Sum: 1\r\nHost: b\r\n'])}\r\n`;
}
