import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProxyHeader } from './proxy-header.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

function binary(command: number, family: number, said: readonly number[], rest = ''): Buffer {
  return Buffer.concat([
    Buffer.from(SIGNATURE, 'latin1'),
    Buffer.from([command, family, said.length >> 8, said.length & 255, ...said]),
    Buffer.from(rest),
  ]);
}

const V4 = [192, 0, 2, 1, 198, 51, 100, 1, 0x30, 0x39, 1, 187];
const V6 = [
  0x20,
  1,
  0x0d,
  0xb8,
  ...Array.from({ length: 11 }, () => 0),
  1,
  ...Array.from({ length: 20 }, () => 2),
];

test('version 1 names the client', () => {
  const tcp4 = 'PROXY TCP4 192.0.2.1 198.51.100.1 12345 443\r\n';
  const tcp6 = 'PROXY TCP6 2001:db8::1 2001:db8::2 12345 443\r\n';

  assert.deepEqual(readProxyHeader(Buffer.from(`${tcp4}GET /`)), {
    address: '192.0.2.1',
    length: tcp4.length,
  });
  assert.deepEqual(readProxyHeader(Buffer.from(tcp6)), { address: '2001:db8::1', length: tcp6.length });
  assert.deepEqual(readProxyHeader(Buffer.from('PROXY UNKNOWN ::1 x\r\n')), { address: null, length: 21 });
});

test('version 2 names the client, whatever else it says; LOCAL and other families name nobody', () => {
  assert.deepEqual(readProxyHeader(binary(0x21, 0x11, V4, 'GET /')), { address: '192.0.2.1', length: 28 });
  assert.deepEqual(readProxyHeader(binary(0x21, 0x11, [...V4, 4, 0, 1, 9])), {
    address: '192.0.2.1',
    length: 32,
  });
  assert.deepEqual(readProxyHeader(binary(0x21, 0x21, V6)), { address: '2001:db8::1', length: 52 });
  assert.deepEqual(readProxyHeader(binary(0x20, 0x00, [])), { address: null, length: 16 });
  assert.deepEqual(readProxyHeader(binary(0x21, 0x31, [1, 2])), { address: null, length: 18 });
});

test('every part of a header asks for more', () => {
  for (const whole of [Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n'), binary(0x21, 0x11, V4)]) {
    for (let i = 0; i < whole.length; i += 1)
      assert.equal(readProxyHeader(whole.subarray(0, i)), 'more', String(i));
  }
});

test('anything else is malformed', () => {
  for (const text of [
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n',
    'PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP6 192.0.2.1 192.0.2.1 1 2\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n',
    'PROXY  TCP4 192.0.2.1 198.51.100.1 1 2\r\n',
    `PROXY TCP4 ${'1'.repeat(120)}`,
  ])
    assert.equal(readProxyHeader(Buffer.from(text)), 'malformed', text);
  assert.equal(readProxyHeader(binary(0x11, 0x11, V4)), 'malformed');
  assert.equal(readProxyHeader(binary(0x22, 0x11, V4)), 'malformed');
  assert.equal(readProxyHeader(binary(0x21, 0x11, [1, 2])), 'malformed');
  assert.equal(readProxyHeader(binary(0x21, 0x21, V4)), 'malformed');
});
