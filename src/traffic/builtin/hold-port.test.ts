import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Address } from '../../lib/address.ts';
import { send, waitFor } from '../conformance.ts';
import type { HoldPort } from '../hold-port.ts';
import type { Hold } from '../router.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';

const HOLD: Hold = { maxMs: 20_000, maxRequests: 100, maxBytes: 100_000_000 };
const HEADERS = { 'x-bascule-hold': 'shop', 'x-bascule-return': '@shop_released' };

describe('the hold port', () => {
  let bench: BuiltinBench;
  let port: HoldPort;
  let backend: Server;
  let back: Address;
  const arrived: string[] = [];
  let revision = 0;

  before(async () => {
    bench = await openBuiltin(1);
    port = bench.router.holdPort;
    backend = createServer((req, res) => {
      arrived.push(req.url!);
      let length = 0;
      req.on('data', (chunk: Buffer) => (length += chunk.length));
      req.on('end', () => res.end(`${req.method} ${length}`));
    });
    backend.on('upgrade', (_req, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    });
    backend.listen(0, '127.0.0.1');
    await once(backend, 'listening');
    back = { host: '127.0.0.1', port: (backend.address() as AddressInfo).port };
  });
  after(async () => {
    await bench.close();
    backend.closeAllConnections();
    backend.close();
  });

  async function set(service: string, hold: Hold | null): Promise<void> {
    revision += 1;
    await port.set(service, revision, hold);
  }

  function waits(service: string, count: number): Promise<number> {
    return waitFor(
      () => port.waiting(service),
      (seen) => seen === count,
    );
  }

  test('redirect: what waits is sent back to the location that it names, in order', async (t) => {
    const at = await port.open({ service: 'shop', way: 'redirect' });
    t.after(() => port.close('shop'));
    const ask = (path = '/') => send({ port: at.port, path, method: 'POST', headers: HEADERS });
    const free = await ask();
    assert.deepEqual([free.status, free.headers['x-accel-redirect']], [200, '@shop_released']);
    await set('shop', HOLD);
    const order: number[] = [];
    const held: Promise<unknown>[] = [];
    for (let i = 0; i < 5; i += 1) {
      held.push(ask().then((answer) => order.push(answer.status === 200 ? i : -1)));
      await waits('shop', i + 1);
    }

    await set('shop', null);
    await Promise.all(held);

    assert.deepEqual(order, [0, 1, 2, 3, 4]);
  });

  test('redirect: past a bound 503 with Retry-After; without its headers 400; a stranger does not wait', async (t) => {
    const at = await port.open({ service: 'shop', way: 'redirect' });
    t.after(() => port.close('shop'));
    assert.deepEqual(await port.open({ service: 'other', way: 'redirect' }), at, 'one address for all');
    await port.close('other');
    await set('shop', { ...HOLD, maxRequests: 1 });
    const held = send({ port: at.port, path: '/', headers: HEADERS });
    await waits('shop', 1);
    const ask = (headers: Record<string, string>) => send({ port: at.port, path: '/', headers });

    const second = await ask(HEADERS);
    assert.deepEqual([second.status, second.headers['retry-after']], [503, '1']);
    assert.equal((await ask({ ...HEADERS, 'x-bascule-return': '/etc/passwd' })).status, 400);
    assert.equal((await ask({ 'x-bascule-hold': 'shop' })).status, 400);
    assert.equal((await ask({ ...HEADERS, 'x-bascule-hold': 'other' })).status, 200);
    await port.close('shop');
    assert.equal((await held).status, 503, 'closed while it waited');
  });

  test('relay: what waits is joined to its way back as it came, bodies and upgrades too', async (t) => {
    const at = await port.open({ service: 'relayed', way: 'relay', back });
    t.after(() => port.close('relayed'));
    await set('relayed', HOLD);
    const body = Buffer.alloc(500_000);
    const post = send({ port: at.port, path: '/first', method: 'POST', body });
    await waits('relayed', 1);
    const client = connect(at.port, '127.0.0.1');
    client.write('GET /socket HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    await waits('relayed', 2);
    assert.deepEqual(arrived, []);

    await set('relayed', null);

    assert.equal((await post).body, 'POST 500000');
    const [head] = (await once(client, 'data')) as [Buffer];
    assert.match(head.toString(), /^HTTP\/1.1 101 /);
    client.write('hello');
    assert.equal(String((await once(client, 'data'))[0]), 'hello');
    client.destroy();
  });

  test('relay: past a bound, and where nobody is behind, 503 with Retry-After', async (t) => {
    const at = await port.open({ service: 'full', way: 'relay', back: { host: '127.0.0.1', port: 1 } });
    t.after(() => port.close('full'));
    await set('full', { ...HOLD, maxBytes: 200_000 });
    const held = send({ port: at.port, path: '/' });
    await waits('full', 1);

    const second = await send({ port: at.port, path: '/' });
    assert.deepEqual([second.status, second.headers['retry-after']], [503, '1']);
    await set('full', null);
    const behind = await held;
    assert.deepEqual([behind.status, behind.body], [503, '503 the proxy behind does not answer\n']);
  });

  test('a client that leaves is forgotten, and a late revision is ignored', async (t) => {
    const at = await port.open({ service: 'left', way: 'relay', back });
    t.after(() => port.close('left'));
    await set('left', HOLD);
    await port.set('left', revision - 1, null);
    const client = connect(at.port, '127.0.0.1');
    await waits('left', 1);

    client.resetAndDestroy();

    await waits('left', 0);
  });

  test('a hold ends by itself', async (t) => {
    const at = await port.open({ service: 'short', way: 'relay', back });
    t.after(() => port.close('short'));
    await set('short', { ...HOLD, maxMs: 400 });

    assert.equal((await send({ port: at.port, path: '/' })).body, 'GET 0');
  });

  test('addresses and holds outlive the proxy, which ends the hold when it was to', async (t) => {
    const at = await port.open({ service: 'kept', way: 'relay', back });
    t.after(() => port.close('kept'));
    await set('kept', { ...HOLD, maxMs: 3000 });
    const sinceMs = performance.now();

    await bench.restart();
    const answer = await waitFor(
      () => send({ port: at.port, path: '/' }).catch(() => null),
      (seen) => seen !== null,
    );

    assert.equal(answer!.body, 'GET 0');
    const tookMs = performance.now() - sinceMs;
    assert.ok(tookMs > 1500 && tookMs < 4500, `${tookMs}ms`);
    assert.deepEqual(await port.open({ service: 'kept', way: 'relay', back }), at);
  });

  test('a torn file of holds keeps nobody from being served', async (t) => {
    await writeFile(join(bench.stateDir, 'holds.json'), '{"format":"bascule proxy ho');

    await bench.restart();

    const at = await port.open({ service: 'anew', way: 'relay', back });
    t.after(() => port.close('anew'));
    assert.equal((await send({ port: at.port, path: '/' })).body, 'GET 0');
  });
});
