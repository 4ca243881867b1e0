import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { SPEC } from '../../rollout/fixtures.ts';
import type { Release } from '../../release/release.ts';
import { runtimeByOwner } from '../by-owner.ts';
import type { SlotWorkload } from '../runtime.ts';
import { externalRuntime } from './external-runtime.ts';
import { probe } from './probe.ts';

const addresses = [7001, 7002].map((port) => ({ host: '127.0.0.1', port }));
const release = (label: string, run: string | null): Release => ({
  id: `shop/${label}`,
  service: 'shop',
  label,
  artifactDigest: null,
  configDigest: '',
  environmentDigest: '',
  spec: { ...SPEC.release, run },
  createdAtMs: 0,
  createdBy: 'ana',
});
const standing = (label: string, run: string | null = null): SlotWorkload => ({
  service: 'shop',
  slot: 'blue',
  release: release(label, run),
  replicas: 2,
  addresses,
});
const HEALTH = { ...SPEC.release.health, timeoutMs: 300 };

test('what is ensured is noted with its replicas, another release in its place, and forgotten when stopped', async () => {
  const runtime = externalRuntime(systemClock);

  await runtime.ensure(standing('v1'));
  await runtime.ensure(standing('v2'));
  const seen = await runtime.observe('shop');
  assert.deepEqual(
    seen.map(({ replica, releaseId, running, pid }) => ({ replica, releaseId, running, pid })),
    [0, 1].map((replica) => ({ replica, releaseId: 'shop/v2', running: true, pid: null })),
  );
  assert.deepEqual(await runtime.diagnose('shop', 'blue'), [
    'Bascule does not run v2: what blue is, and its output, are with whoever does',
  ]);

  await runtime.stop('shop', 'blue', 0);
  await runtime.stop('shop', 'blue', 0);
  assert.deepEqual(await runtime.observe('shop'), []);
  assert.deepEqual(await runtime.diagnose('shop', 'blue'), []);
});

test('a slot may pass from one owner to the other: each knows its own', async () => {
  const ours = externalRuntime(systemClock);
  const theirs = externalRuntime(systemClock);
  const both = runtimeByOwner([ours, theirs], ({ spec }) => (spec.run === null ? theirs : ours));
  const told: string[] = [];
  const unsubscribe = both.onChange((service, slot) => told.push(`${service} ${slot}`));

  await both.ensure(standing('current'));
  assert.equal((await theirs.observe('shop')).length, 2);
  assert.match((await both.diagnose('shop', 'blue'))[0]!, /does not run current/u);
  await both.stop('shop', 'blue', 0);
  await both.ensure(standing('v2', 'app'));

  assert.deepEqual(
    (await both.observe('shop')).map(({ releaseId }) => releaseId),
    ['shop/v2', 'shop/v2'],
  );
  assert.deepEqual(await theirs.observe('shop'), []);
  assert.equal(told.length, 3);
  unsubscribe();
  await both.stop('shop', 'blue', 0);
  assert.equal(told.length, 3);
});

test('a probe is well with a 2xx below the prefix, and says what it found otherwise', async (t) => {
  const port = await answering(t, { '/healthz': 200, '/canary/healthz': 503, '/login/healthz': 302 });
  const at = (pathPrefix: string) => probe({ host: '127.0.0.1', port, pathPrefix }, HEALTH);

  assert.equal(await at(''), null);
  assert.equal(await at('/canary'), 'it answers 503');
  assert.equal(await at('/login'), 'it answers 302');
  assert.equal(await at('/hangs'), 'no answer within 300ms');
});

test('a probe of a closed port says so', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  t.diagnostic(String(port));

  assert.equal(await probe({ host: '127.0.0.1', port, pathPrefix: '' }, HEALTH), 'connection refused');
});

/** A server that answers these paths, and never any other. */
async function answering(t: TestContext, paths: Readonly<Record<string, number>>): Promise<number> {
  const server = createServer((req, res) => {
    const status = paths[req.url!];
    if (status !== undefined) res.writeHead(status).end();
  }).listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
