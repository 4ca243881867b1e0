import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { HeadReader, type RequestHead } from './head-reader.ts';
import type { Refusal } from '../request-head.ts';

const GET = 'GET /get?a=b HTTP/1.1\r\nHost: shop\r\nX-A:  b\t\r\nX-B:\r\n\r\n';
const READ: RequestHead = {
  method: 'GET',
  target: '/get?a=b',
  httpVersion: '1.1',
  rawHeaders: ['Host', 'shop', 'X-A', 'b', 'X-B', ''],
};
const MAX_BYTES = 16_384;

type Outcome = {
  readonly head: RequestHead | Refusal | null;
  /** Of the last part, what is behind it. */
  readonly rest: string;
};

/** What is read of parts that come one after the other, up to the first head or refusal. */
function read(parts: readonly string[], maxBytes = MAX_BYTES): Outcome {
  const reader = new HeadReader(maxBytes);
  for (const part of parts) {
    const bytes = Buffer.from(part, 'latin1');
    const head = reader.read(bytes, 0);
    if (head === null) continue;
    return { head, rest: 'status' in head ? '' : bytes.toString('latin1', reader.end) };
  }
  return { head: null, rest: '' };
}

function statusOf(parts: readonly string[]): number | null {
  const { head } = read(parts);
  return head !== null && 'status' in head ? head.status : null;
}

describe('a head is read', () => {
  test('whole, with what is behind it left alone', () => {
    assert.deepEqual(read([`${GET}rest`]), { head: READ, rest: 'rest' });
  });

  test('in two pieces, wherever it is cut', () => {
    for (let cut = 1; cut < GET.length; cut += 1)
      assert.deepEqual(
        read([GET.slice(0, cut), `${GET.slice(cut)}rest`]),
        { head: READ, rest: 'rest' },
        `cut at ${cut}`,
      );
  });

  test('in three pieces, wherever it is cut', () => {
    for (let first = 1; first < GET.length; first += 1)
      for (let second = first + 1; second < GET.length; second += 1) {
        const parts = [GET.slice(0, first), GET.slice(first, second), GET.slice(second)];
        assert.deepEqual(read(parts).head, READ, `cut at ${first} and ${second}`);
      }
  });

  test('byte by byte, and the next one after it', () => {
    const reader = new HeadReader(MAX_BYTES);
    const heads = (GET + GET).split('').flatMap((byte) => reader.read(Buffer.from(byte, 'latin1'), 0) ?? []);

    assert.deepEqual(heads, [READ, READ]);
    assert.equal(reader.hasBegun, false);
  });

  test('where it begins behind another one', () => {
    const reader = new HeadReader(MAX_BYTES);
    const bytes = Buffer.from(GET + GET, 'latin1');

    assert.deepEqual(reader.read(bytes, 0), READ);
    assert.deepEqual(reader.read(bytes, reader.end), READ);
    assert.equal(reader.end, bytes.length);
  });

  test('of HTTP/1.0, in absolute form, with odd names and high bytes', () => {
    const text = "OPTIONS http://shop/?'\"<>[]{}|^`\\ HTTP/1.0\r\n!#$%&'*+.^_`|~: \x80 \t\xff\xa0\r\n\r\n";

    assert.deepEqual(read([text]).head, {
      method: 'OPTIONS',
      target: 'http://shop/?\'"<>[]{}|^`\\',
      httpVersion: '1.0',
      rawHeaders: ["!#$%&'*+.^_`|~", '\x80 \t\xff\xa0'],
    });
  });

  test('up to its bound, whole and in pieces', () => {
    const fits = `GET / HTTP/1.1\r\nX-A: ${'a'.repeat(100)}\r\n\r\n`;

    assert.equal('method' in read([fits], fits.length).head!, true);
    assert.equal('method' in read(fits.split(''), fits.length).head!, true);
    for (const parts of [[fits], fits.split(''), [fits.slice(0, -1), '\n']])
      assert.equal((read(parts, fits.length - 1).head as Refusal).status, 431);
  });

  test('without its end it is awaited, and refused when it grows too large', () => {
    const { head } = read(['GET / HTTP/1.1\r\n', ...Array.from({ length: 2000 }, () => 'X-A: aaaa\r\n')]);

    assert.equal(read(['GET / HTTP/1.1\r\n', 'X-A: aaaa\r\n']).head, null);
    assert.equal((head as Refusal).status, 431);
  });
});

/** Refused whatever pieces they come in. */
const MALFORMED: readonly (readonly [what: string, bytes: string])[] = [
  ['an empty line before it', `\r\n${GET}`],
  ['a line feed before it', `\n${GET}`],
  ['a space before it', ` ${GET}`],
  ['NUL before it', `\0${GET}`],
  ['a TLS greeting', `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${GET}`],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['two spaces before the target', GET.replace(' /', '  /')],
  ['two spaces behind the target', GET.replace(' HTTP', '  HTTP')],
  ['a space in the target', GET.replace('a=b', 'a= b')],
  ['a space behind the version', GET.replace('1.1', '1.1 ')],
  ['a tab behind the target', GET.replace('a=b', 'a=b\t')],
  ['a tab for the first space', GET.replace('GET ', 'GET\t')],
  ['no target', GET.replace('/get?a=b ', '')],
  ['an empty target', GET.replace('/get?a=b', '')],
  ['NUL in the target', GET.replace('a=b', 'a=\0')],
  ['a high byte in the target', GET.replace('a=b', 'a=\x80')],
  ['DEL in the target', GET.replace('a=b', 'a=\x7f')],
  ['no version', GET.replace(' HTTP/1.1', '')],
  ['another protocol', GET.replace('HTTP/1.1', 'RTSP/1.0')],
  ['a version in lower case', GET.replace('HTTP/1.1', 'http/1.1')],
  ...['HTTP/1.2', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.01', 'HTTP/1.10', 'HTTP/1', 'HTTP/11.1', 'HTTP/1,1'].map(
    (version) => [version, GET.replace('HTTP/1.1', version)] as const,
  ),
  ['a method in lower case', GET.replace('GET', 'get')],
  ['a method that nobody knows', GET.replace('GET', 'GETS')],
  ['a method of RTSP', GET.replace('GET', 'DESCRIBE')],
  ['no method', GET.replace('GET', '')],
  ['bare LF throughout', GET.replaceAll('\r\n', '\n')],
  ['bare LF behind the first line', GET.replace('\r\n', '\n')],
  ['bare LF behind a field', GET.replace('shop\r\n', 'shop\n')],
  ['bare LF for the empty line', GET.replace('X-B:\r\n\r\n', 'X-B:\r\n\n')],
  ['bare CR behind the first line', GET.replace('\r\n', '\r')],
  ['bare CR in a value', GET.replace('shop', 'sh\rop')],
  ['CR CR LF behind a field', GET.replace('shop\r\n', 'shop\r\r\n')],
  ['NUL in a value', GET.replace('shop', 'sh\0op')],
  ['DEL in a value', GET.replace('shop', 'sh\x7fop')],
  ['a vertical tab in a value', GET.replace('shop', 'sh\x0bop')],
  ['a form feed before a value', GET.replace(' shop', ' \x0cshop')],
  ['a fold by a space', GET.replace('X-B:', ' b')],
  ['a fold by a tab', GET.replace('X-B:', '\tb')],
  ['a fold of the first field', GET.replace('Host', ' Host')],
  ['a space before the colon', GET.replace('Host:', 'Host :')],
  ['a tab before the colon', GET.replace('Host:', 'Host\t:')],
  ['no colon', GET.replace('X-B:', 'X-B')],
  ['no name', GET.replace('X-B:', ':')],
  ['a space in a name', GET.replace('X-B:', 'X B:')],
  ['a high byte in a name', GET.replace('X-B:', 'X\x80B:')],
  ...['"', '(', ')', ',', '/', ';', '<', '=', '>', '?', '@', '[', '\\', ']', '{', '}'].map(
    (char) => [`${char} in a name`, GET.replace('X-B:', `X${char}B:`)] as const,
  ),
];

describe('a head is refused', () => {
  for (const [what, bytes] of MALFORMED)
    test(`for ${what}`, () => {
      assert.equal(statusOf([bytes]), 400, 'whole');
      assert.equal(statusOf(bytes.split('')), 400, 'byte by byte');
      for (let cut = 1; cut < bytes.length; cut += 1)
        assert.equal(statusOf([bytes.slice(0, cut), bytes.slice(cut)]), 400, `cut at ${cut}`);
    });

  test('for CONNECT, as a method that is not spoken', () => {
    assert.equal(statusOf(['CONNECT shop:443 HTTP/1.1\r\nHost: shop:443\r\n\r\n']), 405);
  });

  test('as soon as it can be seen, without its end', () => {
    for (const beginning of [
      '\r',
      '\n',
      'get',
      'G\0',
      'GET  ',
      'GET /\t',
      'GET / RTSP',
      'GET / HTTP/1.1\n',
      'GET\r\n',
      'GET / HTTP/1.2\r\n',
      'GET / HTTP/1.1\r\nA: \x01',
      'GET / HTTP/1.1\r\nA: b\rc',
    ])
      assert.equal(statusOf([beginning]), 400, JSON.stringify(beginning));
    for (const beginning of [
      'G',
      'GET',
      'GET ',
      'GET /',
      'GET / ',
      'GET / HTTP/1.1\r',
      'GET / HTTP/1.1\r\nA:\r',
    ])
      assert.equal(statusOf([beginning]), null, JSON.stringify(beginning));
  });
});

test('whatever comes, in whatever pieces, is read as it is read in one', () => {
  const letters = [
    'GET /',
    ' ',
    '\r\n',
    '\r',
    '\n',
    'HTTP/1.1',
    'Host: a',
    ':',
    'X',
    '\t',
    '\0',
    '\x80',
    '\r\n\r\n',
  ];
  const text = fc
    .array(fc.constantFrom(...letters), { maxLength: 12 })
    .map((parts) => `GET / ${parts.join('')}\r\n\r\n`);
  fc.assert(
    fc.property(text, fc.array(fc.nat({ max: 60 }), { maxLength: 4 }), (bytes, at) => {
      const cuts = [...new Set(at.filter((each) => each > 0 && each < bytes.length))].sort((a, b) => a - b);
      const parts = [0, ...cuts].map((from, i) => bytes.slice(from, cuts[i] ?? bytes.length));
      const [whole, pieces] = [read([bytes]).head, read(parts).head];

      if (whole !== null && 'status' in whole) assert.equal((pieces as Refusal).status, whole.status);
      else assert.deepEqual(pieces, whole);
    }),
    { numRuns: 2000 },
  );
});
