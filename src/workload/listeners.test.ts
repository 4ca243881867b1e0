import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { covers, listenersOf, parseListeners } from './listeners.ts';

// Lines as Linux 6.1 prints them: 127.0.0.1:8080, a connection (not listening), [::1]:8081, [::]:80, ::ffff:10.0.0.1.
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11111 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 22222 1 0 100 0 0 10 0
   2: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 33333 1
   3: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 44444 1
   4: 0000000000000000FFFF00000100000A:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 55555 1
`;

test('listening sockets are read from the kernel table', () => {
  assert.deepEqual(parseListeners(TABLE), [
    { address: { host: '127.0.0.1', port: 8080 }, uid: 1000, inode: '11111' },
    { address: { host: '::1', port: 8081 }, uid: 0, inode: '33333' },
    { address: { host: '::', port: 80 }, uid: 33, inode: '44444' },
    { address: { host: '10.0.0.1', port: 81 }, uid: 33, inode: '55555' },
  ]);
});

test('the sockets of a process are found', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  assert.ok(
    listenersOf([process.pid]).some((address) => address.host === '127.0.0.1' && address.port === port),
  );
  assert.deepEqual(listenersOf([1 << 30]), []);
});

test('what a listener answers', () => {
  const wanted = { host: '127.0.0.1', port: 80 };

  assert.ok(covers({ host: '127.0.0.1', port: 80 }, wanted));
  assert.ok(covers({ host: '0.0.0.0', port: 80 }, wanted));
  assert.ok(covers({ host: '::', port: 80 }, wanted));
  assert.ok(!covers({ host: '::1', port: 80 }, wanted));
  assert.ok(!covers({ host: '127.0.0.1', port: 81 }, wanted));
  assert.ok(!covers({ host: '0.0.0.0', port: 80 }, { host: '::1', port: 80 }));
});
