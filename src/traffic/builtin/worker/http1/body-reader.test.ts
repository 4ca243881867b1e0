import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { scanRequest, isRefusal, type Refusal } from '../request-head.ts';
import { type BodyReader, bodyReader } from './body-reader.ts';

function readerFor(field: string, value: string): BodyReader | null {
  const scan = scanRequest(['Host', 'a', field, value]);
  assert.ok(!isRefusal(scan));
  return bodyReader(scan);
}

type Outcome = {
  readonly body: string;
  readonly isOver: boolean;
  readonly trailers: readonly string[];
  /** What was not taken of the last part. */
  readonly rest: string;
  readonly refusal: Refusal | null;
};

function read(reader: BodyReader, parts: readonly string[]): Outcome {
  let body = '';
  let rest = '';
  for (const part of parts) {
    const bytes = Buffer.from(part, 'latin1');
    let at = 0;
    while (at < bytes.length && !reader.isOver) {
      const next = reader.read(bytes, at);
      if (typeof next !== 'number')
        return { body, isOver: reader.isOver, trailers: reader.rawTrailers, rest: '', refusal: next };
      body += reader.found?.toString('latin1') ?? '';
      assert.ok(next > at, 'something is taken each time');
      at = next;
    }
    rest = bytes.toString('latin1', at);
  }
  return { body, isOver: reader.isOver, trailers: reader.rawTrailers, rest, refusal: null };
}

function chunked(parts: readonly string[]): Outcome {
  return read(readerFor('Transfer-Encoding', 'chunked')!, parts);
}

function cutInTwo(text: string): readonly (readonly string[])[] {
  return Array.from({ length: text.length - 1 }, (_, i) => [text.slice(0, i + 1), text.slice(i + 1)]);
}

const BODY = '5;a=1;b="c;\\"d"\r\nhel\r\n\r\n00A\r\n0123456789\r\n0\r\nX-T: 1\r\nX-U:\t2 \r\n\r\n';
const WHOLE: Outcome = {
  body: 'hel\r\n0123456789',
  isOver: true,
  trailers: ['X-T', '1', 'X-U', '2'],
  rest: '',
  refusal: null,
};

describe('a body in chunks', () => {
  test('is read whole, with what is behind it left alone', () => {
    assert.deepEqual(chunked([`${BODY}GET`]), { ...WHOLE, rest: 'GET' });
  });

  test('in two pieces, wherever it is cut, and byte by byte', () => {
    for (const parts of cutInTwo(BODY)) assert.deepEqual(chunked(parts), WHOLE, JSON.stringify(parts));
    assert.deepEqual(chunked(BODY.split('')), WHOLE);
  });

  test('may be empty, and is not over before its last line', () => {
    assert.deepEqual(chunked(['0\r\n\r\n']), { ...WHOLE, body: '', trailers: [] });
    assert.equal(chunked(['0\r\n']).isOver, false);
    assert.equal(chunked(['0\r\n\r']).isOver, false);
  });

  const MALFORMED: readonly (readonly [what: string, bytes: string])[] = [
    ['no size', '\r\nhello\r\n'],
    ['a size in other digits', 'g\r\n'],
    ['a sign', '+5\r\nhello\r\n'],
    ['a negative size', '-5\r\nhello\r\n'],
    ['0x', '0x5\r\nhello\r\n'],
    ['a space before the size', ' 5\r\nhello\r\n'],
    ['a space behind the size', '5 \r\nhello\r\n'],
    ['a tab behind the size', '5\t\r\nhello\r\n'],
    ['a size of nine digits', '000000005\r\nhello\r\n'],
    ['a size that overflows', 'ffffffffffffffff5\r\nhello\r\n'],
    ['LF behind the size', '5\nhello\r\n'],
    ['CR within the size line', '5\r;a\r\nhello\r\n'],
    ['an empty extension', '5;\r\nhello\r\n'],
    ['an extension that is none', '5;a b\r\nhello\r\n'],
    ['a control character in an extension', '5;a=\x01\r\nhello\r\n'],
    ['LF in an extension', '5;a\nb\r\nhello\r\n'],
    ['LF in a quoted extension', '5;a="\n"\r\nhello\r\n'],
    ['CR in a quoted extension', '5;a="\r"\r\nhello\r\n'],
    ['a quote without end', '5;a="b\r\nhello\r\n'],
    ['blanks around an extension', '5 ; a\r\nhello\r\n'],
    ['more than its size', '5\r\nhello!\r\n'],
    ['LF behind a chunk', '5\r\nhello\n0\r\n\r\n'],
    ['CR CR behind a chunk', '5\r\nhello\r\r\n'],
    ['a trailer without a colon', '0\r\nX-T\r\n\r\n'],
    ['a folded trailer', '0\r\nX-T: a\r\n b\r\n\r\n'],
    ['a space before a trailer’s colon', '0\r\nX-T : a\r\n\r\n'],
    ['NUL in a trailer', '0\r\nX-T: \0\r\n\r\n'],
    ['CR in a trailer', '0\r\nX-T: a\rb\r\n\r\n'],
    ['a trailer that ends in LF', '0\r\nX-T: a\n\r\n'],
    ['LF for the last line', '0\r\n\n'],
    ['a length in a trailer', '0\r\nContent-Length: 5\r\n\r\n'],
    ['a coding in a trailer', '0\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['a size line without end', `5;a=${'a'.repeat(2000)}`],
    ['extensions without end', `1;a=${'a'.repeat(900)}\r\nx\r\n`.repeat(20)],
  ];
  for (const [what, bytes] of MALFORMED)
    test(`is refused for ${what}, in whatever pieces`, () => {
      for (const before of ['', '3\r\nabc\r\n']) {
        const text = before + bytes;
        assert.equal(chunked([text]).refusal?.status, 400, 'whole');
        assert.equal(chunked(text.split('')).refusal?.status, 400, 'byte by byte');
        if (text.length < 200)
          for (const parts of cutInTwo(text))
            assert.equal(chunked(parts).refusal?.status, 400, JSON.stringify(parts));
      }
    });

  test('with more trailers than a head may have fields is too large', () => {
    for (const trailers of ['X-T: a\r\n'.repeat(101), `X-T: ${'a'.repeat(20_000)}\r\n`]) {
      const text = `0\r\n${trailers}\r\n`;
      assert.equal(chunked([text]).refusal?.status, 431);
      assert.equal(chunked(text.split('')).refusal?.status, 431);
    }
  });

  test('comes out as it went in, whatever the chunks and the pieces', () => {
    const chunks = fc.array(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(chunks, fc.integer({ min: 1, max: 50 }), (each, size) => {
        const text = `${each.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`;
        const parts = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
          text.slice(i * size, (i + 1) * size),
        );

        assert.deepEqual(chunked(parts), { ...WHOLE, body: each.join(''), trailers: [] });
      }),
    );
  });
});

describe('a body with a length', () => {
  test('ends where it is told to, wherever it is cut', () => {
    for (const parts of cutInTwo('helloGET')) {
      const outcome = read(readerFor('Content-Length', '5')!, parts);
      assert.deepEqual([outcome.body, outcome.isOver], ['hello', true], JSON.stringify(parts));
    }
    assert.equal(read(readerFor('Content-Length', '5')!, ['helloGET']).rest, 'GET');
    assert.equal(read(readerFor('Content-Length', '5')!, ['hell']).isOver, false);
  });

  test('of nothing there is none', () => {
    assert.equal(readerFor('Content-Length', '0'), null);
    assert.equal(readerFor('X-A', 'b'), null);
  });
});
