import { type Entry, type Listed, HIDDEN, byteName, family, get, head, post, range } from './entry.ts';

const LINE_ENDS: Listed = [
  ['bare LF throughout', 'GET / HTTP/1.1\nHost: a\n\n'],
  ['bare CR throughout', 'GET / HTTP/1.1\rHost: a\r\r'],
  ['bare LF behind the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n'],
  ['bare LF behind a field', 'GET / HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n'],
  ['bare LF for the empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\n'],
  ['bare CR behind the request line', 'GET / HTTP/1.1\rHost: a\r\n\r\n'],
  ['bare CR behind a field', 'GET / HTTP/1.1\r\nHost: a\rX-A: b\r\n\r\n'],
  ['bare CR within a value', get('X-A: a\rb')],
  ['bare CR at the end of a value', get('X-A: a\r')],
  ['CR CR LF behind the request line', 'GET / HTTP/1.1\r\r\nHost: a\r\n\r\n'],
  ['CR CR LF for the empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\r\r\n'],
  ['LF CR behind a field', 'GET / HTTP/1.1\r\nHost: a\n\rX-A: b\r\n\r\n'],
  ['an empty line before the request', `\r\n${get()}`],
  ['three empty lines before the request', `\r\n\r\n\r\n${get()}`],
  ['a bare LF before the request', `\n${get()}`],
  ['a bare CR before the request', `\r${get()}`],
  ['a space before the request', ` ${get()}`],
  ['NUL before the request', `\0${get()}`],
  ['a byte order mark before the request', `\xef\xbb\xbf${get()}`],
  ['a head without its end', 'GET / HTTP/1.1\r\nHost: a\r\n'],
  ['a request hidden behind CR in a value', get(`X-A: a\r\r${HIDDEN.trim()}`)],
  ['a request hidden behind LF in a value', get(`X-A: a\n\n${HIDDEN.trim()}`)],
];

const FOLDS: Listed = [
  ['by a space', get('X-A: a\r\n b')],
  ['by a tab', get('X-A: a\r\n\tb')],
  ['with nothing behind it', get('X-A: a\r\n ')],
  ['of the first field', head('GET / HTTP/1.1', ' X-A: b', 'Host: a')],
  ['of the first field, which is Host', head('GET / HTTP/1.1', ' Host: a')],
  ['of Host', head('GET / HTTP/1.1', 'Host: a', ' b')],
  ['of an empty value', get('X-A:\r\n b')],
  ['that hides a length', post('hello', 'X-A: a\r\n Content-Length: 5', 'Content-Length: 5')],
  ['that hides a coding', post('0\r\n\r\n', 'X-A: a\r\n Transfer-Encoding: chunked')],
  ['behind a bare LF', get('X-A: a\n b')],
];

/** Every byte that is no part of a token (RFC 9110, section 5.6.2), but for the colon, which ends the name. */
const NOT_IN_NAMES = [
  ...range(0x00, 0x20).filter((byte) => byte !== 0x0d && byte !== 0x0a),
  ...Buffer.from('"(),/;<=>?@[\\]{}'),
  0x7f,
  0x80,
  0xa0,
  0xff,
];

const NAMES: Listed = [
  ...NOT_IN_NAMES.map((byte) => [byteName(byte), get(`X${String.fromCharCode(byte)}A: b`)] as const),
  ['none', get(': b')],
  ['only a colon', get(':')],
  ['no colon', get('X-A')],
  ['an empty name behind a space', get(' : b')],
  ['two colons', get('X-A:: b')],
  ['a space before the colon', get('X-A : b')],
  ['9,000 letters', get(`${'x'.repeat(9000)}: b`)],
  ['odd but allowed', get("!#$%&'*+.^_`|~: b")],
];

/** No field value may have them (RFC 9110, section 5.5). */
const VALUES: Listed = [...range(0x00, 0x1f), 0x7f]
  .filter((byte) => byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)
  .map((byte) => [byteName(byte), get(`X-A: a${String.fromCharCode(byte)}b`)] as const);

const MORE_VALUES: Listed = [
  ['high bytes, which are allowed', get('X-A: \x80\xff\xc3\xa9')],
  ['a tab within, which is allowed', get('X-A: a\tb')],
  ['none at all', get('X-A:')],
  ['spaces and tabs around', get('X-A: \t a \t ')],
];

const SIZES: Listed = [
  ['101 fields', get(...range(1, 100).map((i) => `X-${i}: a`))],
  ['1,000 fields', get(...range(1, 1000).map((i) => `X-${i}: a`))],
  ['100 times the same field', get(...range(1, 98).map(() => 'X-A: a'))],
  ['a value of 9,000 bytes', get(`X-A: ${'a'.repeat(9000)}`)],
  ['a value of 20,000 bytes', get(`X-A: ${'a'.repeat(20_000)}`)],
  ['a value of 200,000 bytes', get(`X-A: ${'a'.repeat(200_000)}`)],
  ['a target of 9,000 bytes', head(`GET /${'a'.repeat(9000)} HTTP/1.1`, 'Host: a')],
  ['a target of 100,000 bytes', head(`GET /${'a'.repeat(100_000)} HTTP/1.1`, 'Host: a')],
  ['a method of 20,000 bytes', head(`${'A'.repeat(20_000)} / HTTP/1.1`, 'Host: a')],
  ['a request line without end', `GET /${'a'.repeat(100_000)}`],
  ['50,000 empty lines', `${'\r\n'.repeat(50_000)}${get()}`],
];

export const HEADS: readonly Entry[] = [
  ...family('line ends', LINE_ENDS),
  ...family('folded fields', FOLDS),
  ...family('field names with', NAMES),
  ...family('field values with', [...VALUES, ...MORE_VALUES]),
  ...family('sizes', SIZES),
];
