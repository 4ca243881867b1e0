import { type Entry, type Listed, HIDDEN, family, head, post } from './entry.ts';

function chunked(body: string): string {
  return post(body, 'Transfer-Encoding: chunked');
}

const SIZES: readonly (readonly [name: string, size: string])[] = [
  ['a plus', '+5'],
  ['a minus', '-5'],
  ['0x', '0x5'],
  ['0X', '0X5'],
  ['h behind', '5h'],
  ['an underscore', '0_5'],
  ['a space before', ' 5'],
  ['a space behind', '5 '],
  ['a tab behind', '5\t'],
  ['a space within', '0 5'],
  ['a comma behind', '5,'],
  ['a point', '5.0'],
  ['empty', ''],
  ['a letter that is no digit', 'g'],
  ['in quotes', '"5"'],
  ['NUL behind', '5\0'],
  ['NUL before', '\x005'],
  ['a vertical tab before', '\x0b5'],
  ['0xa0 behind', '5\xa0'],
  ['a carriage return within', '\r5'],
  ['leading zeros', '00000005'],
  ['40 leading zeros', `${'0'.repeat(40)}5`],
  ['2^64 and 5', '10000000000000005'],
  ['2^63', '8000000000000000'],
  ['2^32 and 5', '100000005'],
  ['all ones', 'ffffffffffffffff'],
  ['an extension', '5;a=b'],
  ['an extension without value', '5;a'],
  ['an extension in quotes', '5;a="b c"'],
  ['an extension with an open quote', '5;a="b'],
  ['an extension with spaces', '5 ; a = b'],
  ['an empty extension', '5;'],
  ['two semicolons', '5;;'],
  ['an extension that is none', '5;=;='],
  ['an extension with a bare LF', '5;a\nb'],
  ['an extension with a bare CR', '5;a\rb'],
  ['an extension with NUL', '5;a\0b'],
  ['an extension with a control character', '5;a=\x01'],
  ['an extension with a high byte', '5;a=\xff'],
  ['an extension of 20,000 bytes', `5;a=${'b'.repeat(20_000)}`],
  ['a word behind', '5 a'],
];

const CHUNKS: Listed = [
  ['a size that ends in a bare LF', chunked(`5\nhello\r\n0\r\n\r\n`)],
  ['a size that ends in a bare CR', chunked(`5\rhello\r\n0\r\n\r\n`)],
  ['a size that ends in CR CR LF', chunked(`5\r\r\nhello\r\n0\r\n\r\n`)],
  ['a size that ends in LF CR', chunked(`5\n\rhello\r\n0\r\n\r\n`)],
  ['data that ends in a bare LF', chunked(`5\r\nhello\n0\r\n\r\n`)],
  ['data that ends in a bare CR', chunked(`5\r\nhello\r0\r\n\r\n`)],
  ['data without an end', chunked(`5\r\nhello0\r\n\r\n`)],
  ['data with two other bytes for its end', chunked(`5\r\nhelloXX0\r\n\r\n`)],
  ['more data than its size', chunked(`5\r\nhello world\r\n0\r\n\r\n`)],
  ['less data than its size', chunked(`9\r\nhello\r\n0\r\n\r\n`)],
  ['an empty line between', chunked(`5\r\nhello\r\n\r\n0\r\n\r\n`)],
  ['a last chunk 000', chunked(`5\r\nhello\r\n000\r\n\r\n`)],
  ['a last chunk with an extension', chunked(`5\r\nhello\r\n0;a=b\r\n\r\n`)],
  ['a last chunk -0', chunked(`5\r\nhello\r\n-0\r\n\r\n`)],
  ['a last chunk 0x0', chunked(`5\r\nhello\r\n0x0\r\n\r\n`)],
  ['a last chunk that ends in a bare LF', chunked(`5\r\nhello\r\n0\n\r\n`)],
  ['an end in a bare LF', chunked(`5\r\nhello\r\n0\r\n\n`)],
  ['an end in two bare LFs', chunked(`5\r\nhello\r\n0\n\n`)],
  ['no end', chunked(`5\r\nhello\r\n`)],
  ['an end without its last line', chunked(`5\r\nhello\r\n0\r\n`)],
  ['an end, and a request behind it', chunked(`0\r\n\r\n${HIDDEN}`), 2],
  ['an end without its last line, and a request behind it', chunked(`0\r\n${HIDDEN}`), 2],
  ['100 chunks of a byte', chunked(`${'1\r\na\r\n'.repeat(100)}0\r\n\r\n`)],
];

const TRAILERS: readonly (readonly [name: string, lines: string])[] = [
  ['Content-Length', 'Content-Length: 5'],
  ['Transfer-Encoding', 'Transfer-Encoding: chunked'],
  ['Host', 'Host: b'],
  ['X-Forwarded-For', 'X-Forwarded-For: 6.6.6.6'],
  ['X_Forwarded_For', 'X_Forwarded_For: 6.6.6.6'],
  ['Authorization', 'Authorization: Basic YTpi'],
  ['Connection', 'Connection: close'],
  ['a plain one', 'X-Sum: 1'],
  ['a folded one', 'X-Sum: 1\r\n 2'],
  ['a bare LF within', 'X-Sum: 1\nX-B: 2'],
  ['a bare CR within', 'X-Sum: 1\rX-B: 2'],
  ['a request hidden behind a bare LF', `X-Sum: 1\n\n${HIDDEN.trim()}`],
  ['NUL within', 'X-Sum: 1\x002'],
  ['no colon', 'X-Sum'],
  ['no name', ': 1'],
  ['a space before the colon', 'X-Sum : 1'],
  ['a space before the name', ' X-Sum: 1'],
  ['200 of them', Array.from({ length: 200 }, (_, i) => `X-${i}: 1`).join('\r\n')],
  ['20,000 bytes', `X-Sum: ${'1'.repeat(20_000)}`],
];

const UNDER_OTHER_METHODS: Listed = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'].flatMap((method) => [
  [
    `${method} with a length and a request as its body`,
    `${head(`${method} / HTTP/1.1`, 'Host: a', `Content-Length: ${HIDDEN.length}`)}${HIDDEN}`,
  ] as const,
  [
    `${method} with chunks`,
    `${head(`${method} / HTTP/1.1`, 'Host: a', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
  ] as const,
]);

const CUT_OFF: Listed = [
  ['a body shorter than its length', post('hell', 'Content-Length: 5')],
  ['a body longer than its length', post('hello world', 'Content-Length: 5'), 2],
  ['a POST without length or chunks, with bytes behind it', post('hello'), 2],
  ['length 0, with a request behind it', post(HIDDEN, 'Content-Length: 0'), 2],
];

export const BODIES: readonly Entry[] = [
  ...family(
    'chunk size',
    SIZES.map(([name, size]) => [name, chunked(`${size}\r\nhello\r\n0\r\n\r\n`)]),
  ),
  ...family('chunks', CHUNKS),
  ...family(
    'trailers',
    TRAILERS.map(([name, lines]) => [name, chunked(`5\r\nhello\r\n0\r\n${lines}\r\n\r\n`)]),
  ),
  ...family('bodies of methods that have none', UNDER_OTHER_METHODS),
  ...family('bodies and their length', CUT_OFF),
];
