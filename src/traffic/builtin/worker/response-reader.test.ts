import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type ResponseHead, ResponseReader } from './response-reader.ts';

type Read = {
  head: ResponseHead | null;
  body: string;
  trailers: string[] | null;
  ended: boolean;
  wrong: string | null;
};

/** Reads a response that comes in these pieces. */
function read(pieces: readonly string[], method = 'GET'): Read & { readonly reader: ResponseReader } {
  const seen: Read = { head: null, body: '', trailers: null, ended: false, wrong: null };
  const reader = new ResponseReader({
    onInformational: () => {},
    onHead: (head) => {
      seen.head = head;
    },
    onBody: (view) => {
      seen.body += view.toString('latin1');
    },
    onEnd: (trailers) => {
      seen.trailers = trailers;
      seen.ended = true;
    },
  });
  reader.begin(method);
  for (const piece of pieces) seen.wrong ??= reader.feed(Buffer.from(piece, 'latin1'));
  return { ...seen, reader };
}

const responses: Record<string, readonly [text: string, body: string]> = {
  'with a length': ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello', 'hello'],
  chunked: [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n',
    'hello world',
  ],
  'chunked with trailers': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n',
    'a',
  ],
  'after 100 and 103': [
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'ok',
  ],
  empty: ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
  'without a reason': ['HTTP/1.1 204\r\n\r\n', ''],
};
for (const [name, [text, body]] of Object.entries(responses)) {
  test(`a response ${name} reads the same however it is cut into pieces`, () => {
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 12 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((end, i) => text.slice(at[i], end));

        const seen = read(pieces);

        assert.deepEqual([seen.wrong, seen.ended, seen.body], [null, true, body]);
        assert.equal(seen.reader.keepAlive, true);
      }),
    );
  });
}

const wrong: Record<string, string> = {
  'line feeds alone': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n',
  'two different lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
  'a signed length': 'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n',
  'an unknown encoding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
  'a header line without a colon': 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n',
  'a folded header line': 'HTTP/1.1 200 OK\r\nX: 1\r\n a: 2\r\n\r\n',
  'a chunk size that is none': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
  'a chunk longer than it says': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n',
  'bytes after its end': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab',
  'a head without end': `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(70_000)}`,
  'another protocol': 'SSH-2.0-OpenSSH\r\n\r\n\r\n',
};
for (const [name, text] of Object.entries(wrong)) {
  test(`a response with ${name} is refused`, () => {
    assert.notEqual(read([text]).wrong, null);
  });
}

test('Transfer-Encoding wins over Content-Length, which is not passed on, and the connection ends', () => {
  const seen = read([
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
  ]);

  assert.deepEqual(
    [seen.wrong, seen.body, seen.head!.headers, seen.reader.keepAlive],
    [null, 'a', [], false],
  );
});

test('the answer to HEAD has no body whatever its length says', () => {
  const seen = read(['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'], 'HEAD');

  assert.deepEqual([seen.ended, seen.body, seen.head!.headers], [true, '', ['Content-Length', '5']]);
});

test('a response without length or chunks lasts until the connection ends', () => {
  const seen = read(['HTTP/1.1 200 OK\r\n\r\nab', 'cd']);

  assert.deepEqual([seen.ended, seen.body, seen.reader.keepAlive], [false, 'abcd', false]);
  assert.equal(seen.reader.finish(), true);
});

test('an HTTP/1.0 connection is not kept unless it says so', () => {
  assert.equal(read(['HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n']).reader.keepAlive, false);
  assert.equal(
    read(['HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n']).reader.keepAlive,
    true,
  );
});
