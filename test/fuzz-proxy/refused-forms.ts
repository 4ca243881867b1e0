import { type Rng, pick } from './mutation.ts';

type Form = (bytes: string) => string;

function field(line: string): Form {
  return (bytes) => bytes.replace('\r\n', `\r\n${line}\r\n`);
}

/** What makes a sound request one that has to be refused before anybody hears of it. */
const HEADS: readonly Form[] = [
  ...['\r\n', '\r\n\r\n', '\n', '\r', ' ', '\t', '\0'].map((before) => (bytes: string) => before + bytes),
  (bytes) => bytes.replace(' ', '  '),
  (bytes) => bytes.replace(' ', '\t'),
  (bytes) => bytes.replace(' HTTP/', '  HTTP/'),
  (bytes) => bytes.replace(' HTTP/', '\tHTTP/'),
  (bytes) => bytes.replace(' HTTP/', '\x80 HTTP/'),
  (bytes) => bytes.replace(' HTTP/', '# HTTP/'),
  (bytes) => bytes.replace('HTTP/1.1', 'HTTP/1.1 '),
  ...['RTSP/1.0', 'http/1.1', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.01', 'HTTP/11'].map(
    (version) => (bytes: string) => bytes.replace('HTTP/1.1', version),
  ),
  (bytes) => bytes.replace('\r\n', '\n'),
  (bytes) => bytes.replace('\r\n', '\r'),
  (bytes) => bytes.replace('\r\n', '\r\r\n'),
  (bytes) => bytes.replace('\r\n\r\n', '\r\n\n'),
  (bytes) => bytes.toLowerCase().replace('http/1.1', 'HTTP/1.1'),
  ...['X-A : b', ' X-A: b', 'X-A', ': b', 'X A: b', 'X-A: a\0', 'X-A: a\rb', 'X-A: a\nb', 'X-A: \x7f'].map(
    field,
  ),
  ...['Host: b', 'Host: b c', 'X_Forwarded_For: 1', 'Content-Length: +1', 'Transfer-Encoding: gzip'].map(
    field,
  ),
  field('Content-Length: 1\r\nTransfer-Encoding: chunked'),
  field('Content-Length: 1\r\nContent-Length: 1'),
];

const CHUNKED = 'POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
/** Bodies that end before anything else is wrong with them, for a reader that passes over what is. */
const BODIES: readonly string[] = [
  ...[
    '5 ',
    ' 5',
    '+5',
    '-5',
    '0x5',
    '5h',
    '000000005',
    '5;',
    '5;a b',
    '5;a=',
    '5;a="',
    '5;\0',
    '5;a\n',
    '5 ; a',
    '5\r',
  ].map((size) => `${size}\r\nhello\r\n0\r\n\r\n`),
  '5\nhello\r\n0\r\n\r\n',
  '5\r\nhello\n0\r\n\r\n',
  '5\r\nhello0\r\n\r\n',
  '5\r\nhello\r\n0\n\r\n',
  '5\r\nhello\r\n0\r\n\n',
  ...[
    'X-T : a',
    ' X-T: a',
    'X-T',
    'X-T: \0',
    'X-T: a\nb',
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
  ].map((trailer) => `5\r\nhello\r\n0\r\n${trailer}\r\n\r\n`),
];

/** A request in a form that is answered with 400, whatever it is made of and behind, and with which its connection ends. */
export function refusedForm(sound: string, rng: Rng): string {
  return rng() < 0.4 ? CHUNKED + pick(rng, BODIES) : pick(rng, HEADS)(sound.replace(/^HEAD/, 'GET'));
}
