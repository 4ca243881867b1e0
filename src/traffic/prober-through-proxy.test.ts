import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { onAddress } from '../lib/upstream.ts';
import { Prober, type ProberOptions } from './prober.ts';
import type { Door, Route } from './router.ts';

const HEALTH = { path: '/healthz', intervalMs: 5, timeoutMs: 1000, rise: 1, fall: 2 };
const ROUTE = { replicas: { blue: 1, green: 0 } } as unknown as Route;

/** Of a replica that was well, where nothing listens; resolves to what was said of it after some probes. */
async function afterProbes(t: TestContext, options: (port: number) => Partial<ProberOptions>) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  const door = {
    service: 'shop',
    spec: { host: 'shop.test', proxy: { kind: 'builtin' } },
    health: { blue: HEALTH, green: HEALTH },
    slots: { blue: [onAddress({ host: '127.0.0.1', port })], green: [] },
  } as unknown as Door;
  let asked = 0;
  const changes: boolean[] = [];
  const prober = new Prober({
    random: () => 0.5,
    onChange: ({ healthy }) => void changes.push(healthy),
    ...options(port),
  });
  t.after(() => prober.stop());
  prober.follow(door, ROUTE, () => true);
  let last: unknown = null;
  const endMs = performance.now() + 5000;
  while (asked < 5 && performance.now() < endMs) {
    const seen = prober.observe('shop', 'blue')[0]!.lastProbe;
    if (seen !== last) asked += 1;
    last = seen;
    await sleep(2);
  }
  return { changes, seen: prober.observe('shop', 'blue')[0]! };
}

test('a replica that refuses is not well', async (t) => {
  const { changes, seen } = await afterProbes(t, () => ({}));

  assert.deepEqual(changes, [false]);
  assert.equal(seen.lastProbe?.found, 'connection refused');
});

test('a proxy that refuses says nothing of the replica behind it', async (t) => {
  const { changes, seen } = await afterProbes(t, (port) => ({
    ask: () => request({ host: '127.0.0.1', port, agent: false }),
  }));

  assert.deepEqual(changes, []);
  assert.deepEqual([seen.healthy, seen.lastProbe?.found], [true, 'the proxy: connection refused']);
});
