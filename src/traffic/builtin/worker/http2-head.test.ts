import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { translateHead } from './http2-head.ts';

const BASE = [':method', 'GET', ':scheme', 'https', ':authority', 'a.test', ':path', '/'];

function headOf(...fields: string[]): ReturnType<typeof translateHead> {
  return translateHead([...BASE, ...fields], true);
}

test('pseudo-header fields become the first line and Host', () => {
  assert.deepEqual(headOf('x', '1'), {
    method: 'GET',
    url: '/',
    rawHeaders: ['host', 'a.test', 'x', '1'],
  });
});

test('Host stands in for :authority, and may not contradict it', () => {
  const without = [':method', 'GET', ':scheme', 'https', ':path', '/'];
  const named = translateHead([...without, 'host', 'b.test'], true);
  assert.deepEqual('rawHeaders' in named && named.rawHeaders, ['host', 'b.test']);
  assert.ok('rawHeaders' in headOf('host', 'A.test'));
  for (const refused of [headOf('host', 'b'), headOf('host', ''), translateHead(without, true)])
    assert.equal('status' in refused && refused.status, 400);
});

test('cookies are joined in their order, where the first one stood', () => {
  const head = headOf('cookie', 'a=1', 'x', '1', 'cookie', 'b=2');
  assert.deepEqual('rawHeaders' in head && head.rawHeaders.slice(2), ['cookie', 'a=1; b=2', 'x', '1']);
});

function post(isOver: boolean, ...more: string[]): unknown {
  const head = translateHead([':method', 'POST', ...BASE.slice(2), ...more], isOver);
  return 'rawHeaders' in head && head.rawHeaders.slice(2);
}

test('the body is framed by its length, or in chunks', () => {
  assert.deepEqual(post(false), ['transfer-encoding', 'chunked']);
  assert.deepEqual(post(false, 'content-length', '3'), ['content-length', '3']);
  assert.deepEqual(post(true), ['content-length', '0']);
});

test('fields of one connection of HTTP/1.1, and TE other than trailers, are refused', () => {
  const fields = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade'].map((name) => [name, 'x']);
  for (const [name, value] of [
    ...fields,
    ['te', 'gzip'],
    ['bad name', '1'],
    ['x', 'a\r\nb: c'],
    ['x', 'a\0'],
  ])
    assert.ok('status' in headOf(name!, value!), name);
  assert.ok('rawHeaders' in headOf('te', 'trailers'));
});

test('whatever comes, what is passed on is one first line and one line a field', () => {
  const text = fc
    .string({ unit: 'binary', maxLength: 12 })
    .map((value) => value.replaceAll(/[^\0-\u00ff]/g, ''));
  const name = fc.oneof(text, fc.constantFrom('host', 'cookie', 'te', 'content-length'));
  const pseudo = fc.record({
    ':method': fc.oneof(fc.constantFrom('GET', 'POST'), text),
    ':scheme': fc.constant('https'),
    ':authority': fc.oneof(fc.constant('a.test'), text),
    ':path': fc.oneof(
      text.map((value) => `/${value}`),
      text,
    ),
  });
  const fields = fc.array(fc.tuple(name, text), { maxLength: 6 });
  fc.assert(
    fc.property(pseudo, fields, fc.boolean(), (line, more, isOver) => {
      const head = translateHead([...Object.entries(line), ...more].flat(), isOver);
      if ('status' in head) return;
      assert.match(`${head.method} ${head.url} HTTP/1.1`, /^[\x21-\x7e]+ [\x21-\x7e]+ HTTP\/1\.1$/);
      for (const each of head.rawHeaders) assert.doesNotMatch(each, /[\r\n\0]/);
      for (let i = 0; i < head.rawHeaders.length; i += 2) assert.match(head.rawHeaders[i]!, /^[^\s:]+$/);
    }),
    { numRuns: 2000 },
  );
});
