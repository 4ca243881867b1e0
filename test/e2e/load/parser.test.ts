import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Malformed, ResponseParser } from './parser.ts';

const HEAD = 'HTTP/1.1 200 OK\r\n';

const WHOLE: readonly (readonly [name: string, wire: string, body: string, method?: string])[] = [
  ['a length', `${HEAD}Content-Length: 5\r\n\r\nhello`, 'hello'],
  ['an empty body', `${HEAD}content-length:0\r\n\r\n`, ''],
  [
    'chunks',
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n, my world\r\n0\r\n\r\n`,
    'hello, my world',
  ],
  [
    'chunks and trailers',
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\nX-B: 2\r\n\r\n`,
    'x',
  ],
  ['chunks that hold CRLF', `${HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\n\r\n0\r\r\n0\r\n\r\n`, '\r\n0\r'],
  ['no body by status', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
  ['no reason phrase', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', ''],
  ['no body by method', `${HEAD}Content-Length: 500\r\n\r\n`, '', 'HEAD'],
  ['an interim response first', `HTTP/1.1 100 Continue\r\n\r\n${HEAD}Content-Length: 1\r\n\r\nx`, 'x'],
];

for (const [name, wire, body, method] of WHOLE) {
  test(`reads ${name}, wherever it is cut`, () => {
    fc.assert(
      fc.property(fc.array(fc.nat(wire.length), { maxLength: 8 }), (cuts) => {
        const seen = read(cut(wire, cuts), method ?? 'GET');

        assert.deepEqual(
          { body: seen.body, heads: seen.heads, ends: seen.ends },
          { body, heads: 1, ends: 1 },
        );
      }),
      { numRuns: 60 },
    );
  });
}

const BROKEN: readonly (readonly [name: string, wire: string])[] = [
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
  ['bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 0\n\r\n\r\n'],
  ['a folded header', `${HEAD}X-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n`],
  ['a space before the colon', `${HEAD}Content-Length : 0\r\n\r\n`],
  ['two lengths', `${HEAD}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`],
  ['a length and chunks', `${HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ['a signed length', `${HEAD}Content-Length: +1\r\n\r\nx`],
  ['another coding', `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n`],
  ['no framing at all', `${HEAD}Connection: close\r\n\r\n`],
  ['more than the length', `${HEAD}Content-Length: 1\r\n\r\nxy`],
  ['a second response', `${HEAD}Content-Length: 0\r\n\r\n${HEAD}Content-Length: 0\r\n\r\n`],
  ['a chunk size that is no number', `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
  ['a chunk longer than its size', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n`],
  ['a switch of protocol not asked for', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ['a head without end', `${HEAD}X-A: ${'a'.repeat(70_000)}`],
];

for (const [name, wire] of BROKEN) {
  test(`refuses ${name}`, () => {
    assert.throws(() => read([Buffer.from(wire, 'latin1')], 'GET'), Malformed);
  });
}

test('refuses bytes that come while nothing is due', () => {
  const parser = new ResponseParser({ head: () => {}, body: () => {}, end: () => {} });

  assert.throws(() => parser.push(Buffer.from('x')), Malformed);
});

test('does not take a cut response for a whole one', () => {
  for (const [, wire, , method] of WHOLE) {
    for (let end = 0; end < wire.length; end++) {
      assert.equal(read([Buffer.from(wire.slice(0, end), 'latin1')], method ?? 'GET').ends, 0);
    }
  }
});

test('gives headers in lower case, repeated ones joined, cookies apart', () => {
  const wire = `${HEAD}Content-Length: 0\r\nVary: a\r\nvary:  b \r\nSet-Cookie: c=1; Path=/\r\nSet-Cookie: d=2\r\n\r\n`;
  let head;
  const parser = new ResponseParser({ head: (it) => (head = it), body: () => {}, end: () => {} });
  parser.expect('GET');

  parser.push(Buffer.from(wire));

  assert.deepEqual(head, {
    status: 200,
    headers: new Map([
      ['content-length', '0'],
      ['vary', 'a, b'],
    ]),
    setCookies: ['c=1; Path=/', 'd=2'],
  });
});

function cut(wire: string, cuts: readonly number[]): Buffer[] {
  const bytes = Buffer.from(wire, 'latin1');
  const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
}

function read(parts: readonly Buffer[], method: string): { body: string; heads: number; ends: number } {
  const seen = { body: '', heads: 0, ends: 0 };
  const parser = new ResponseParser({
    head: () => void seen.heads++,
    body: (part) => void (seen.body += part.toString('latin1')),
    end: () => void seen.ends++,
  });
  parser.expect(method);
  for (const part of parts) parser.push(part);
  return seen;
}
