import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { type TestContext, after, before, describe, test } from 'node:test';
import { type Stage, openStage, send, slotOf, sum, waitFor } from '../conformance.ts';
import type { Door, Hold, Mirror } from '../router.ts';
import { rulesConformance } from '../rules-conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';
import { builtinRouter } from './router.ts';

const HOLD: Hold = { maxMs: 20_000, maxRequests: 100, maxBytes: 10_000_000 };
const WRITES: Mirror = { slot: 'green', sharePercent: 100, methods: ['POST'] };

rulesConformance('the built-in proxy', () => openBuiltin(2));

describe('rules of the built-in proxy', () => {
  let bench: BuiltinBench;

  before(async () => {
    bench = await openBuiltin();
  });
  after(async () => bench.close());

  async function setUp(change: Partial<Door> = {}): Promise<Stage> {
    const stage = await openStage(bench.router, change);
    await stage.route({ serve: 'blue' });
    return stage;
  }

  test('requests leave a hold in the order of their arrival', async (t) => {
    const { port, route, applications, observed, close } = await setUp();
    t.after(close);
    const one = { blue: 1, green: 0 };
    await route({ serve: 'blue', replicas: one, hold: HOLD });
    const held: Promise<unknown>[] = [];
    for (let i = 0; i < 20; i += 1) {
      held.push(send({ port, path: `/${i}` }));
      await observed((seen) => seen.held === i + 1);
    }

    await route({ serve: 'blue', replicas: one });
    await Promise.all(held);

    assert.deepEqual(
      applications.blue[0]!.asked,
      held.map((_, i) => `/${i}`),
    );
  });

  test('what waits is bounded in bytes: a body counts with what of it may be read', async (t) => {
    const { port, route, observed, batched, door, close } = await setUp();
    t.after(close);
    const { cursor } = await bench.router.traffic(door.service, null);
    await route({ serve: 'blue', hold: { ...HOLD, maxBytes: 200_000 } });
    const post = () => send({ port, path: '/', method: 'POST', body: Buffer.alloc(1_000_000) });
    const first = post();
    await observed((seen) => seen.held === 1);

    const second = await post();

    assert.deepEqual([second.status, second.headers['retry-after']], [503, '1']);
    await batched(cursor, (batch) => batch.holdRefused === 1);
    await route({ serve: 'blue' });
    assert.equal((await first).status, 200);
  });

  test('a client that leaves a hold is forgotten and reaches nobody', async (t) => {
    const { port, route, applications, observed, close } = await setUp();
    t.after(close);
    await route({ serve: 'blue', hold: HOLD });
    const client = connect(port, '127.0.0.1');
    await once(client, 'connect');
    client.write('GET /gone HTTP/1.1\r\nHost: shop\r\n\r\n');
    await observed((seen) => seen.held === 1);

    client.destroy();
    await observed((seen) => seen.held === undefined);
    await route({ serve: 'blue' });
    await send({ port, path: '/here' });

    assert.deepEqual(
      applications.blue.flatMap((each) => each.asked),
      ['/here'],
    );
  });

  test('a valid override does not wait, and needs exactly one such field', async (t) => {
    const secret = 'a-secret-of-some-length';
    const { port, route, close } = await setUp({
      override: { header: 'x-version', allow: { kind: 'secret', secret } },
    });
    t.after(close);
    const value = `green:${secret}`;
    const twice = await send({ port, path: '/', headers: { 'x-version': [value, value] } });
    assert.equal(slotOf(twice.body), 'blue');

    await route({ serve: 'blue', hold: HOLD });

    assert.equal(slotOf((await send({ port, path: '/', headers: { 'x-version': value } })).body), 'green');
  });

  test('behind a trusted proxy an override goes by the address that it names last', async (t) => {
    const { port, door, close } = await setUp();
    t.after(close);
    const override = { header: 'x-version', allow: { kind: 'networks', networks: ['10.0.0.0/8'] } } as const;
    const ask = async (forwarded: string) => {
      const headers = { 'x-version': 'green', 'x-forwarded-for': forwarded };
      return slotOf((await send({ port, path: '/', headers })).body);
    };

    await bench.router.install({ ...door, override });
    assert.equal(await ask('10.1.2.3'), 'blue', 'anybody could say so');
    await bench.router.install({ ...door, override, spec: { ...door.spec, trustForwarded: true } });
    assert.deepEqual([await ask('8.8.8.8, 10.1.2.3'), await ask('10.1.2.3, 8.8.8.8')], ['green', 'blue']);
  });

  test('named methods are copied with their bodies, whole', async (t) => {
    const { port, route, applications, close } = await setUp();
    t.after(close);
    const bodies: string[] = [];
    for (const each of [...applications.blue, ...applications.green]) {
      each.on.set('/write', (req, res) => {
        let text = '';
        req.on('data', (chunk: Buffer) => (text += chunk.toString()));
        req.on('end', () => {
          bodies.push(text);
          res.end();
        });
      });
    }
    await route({ serve: 'blue', mirror: WRITES });
    const body = 'x'.repeat(30_000);

    await send({ port, path: '/write', method: 'POST', headers: { 'content-length': '30000' }, body });
    await send({ port, path: '/write', method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body });

    await waitFor(
      async () => bodies.length,
      (count) => count === 4,
    );
    assert.ok(bodies.every((each) => each === body));
  });

  test('a copy that is too large, or that no healthy replica could take, is dropped and counted', async (t) => {
    const { port, route, applications, observed, batched, door, close } = await setUp();
    t.after(close);
    const { cursor } = await bench.router.traffic(door.service, null);
    await route({ serve: 'blue', mirror: { ...WRITES, methods: ['GET', 'POST'] } });
    const large = Buffer.alloc(200_000);

    await send({ port, path: '/', method: 'POST', body: large });
    const chunked = { 'transfer-encoding': 'chunked' };
    await send({ port, path: '/', method: 'POST', headers: chunked, body: large });
    for (const each of applications.green) each.healthy = false;
    await observed((seen) => seen.slots.green.replicas.every((each) => !each.healthy));
    await send({ port, path: '/' });

    const batch = await batched(cursor, (all) => (all.mirrorDropped ?? 0) >= 3);
    assert.deepEqual(
      [batch.mirrorDropped, sum(batch.mirrored ?? [], 'green', (one) => one.attempts)],
      [3, 0],
    );
    assert.equal(
      sum(batch.replicas, 'blue', (one) => one.requests),
      3,
    );
  });

  test('copies that hang are bounded, and those over the bound dropped', async (t) => {
    const { port, route, applications, batched, door, close } = await setUp();
    t.after(close);
    for (const each of applications.green) each.on.set('/', () => {});
    const { cursor } = await bench.router.traffic(door.service, null);
    await route({ serve: 'blue', mirror: { ...WRITES, methods: ['GET'] } });

    for (let i = 0; i < 100; i += 1) assert.equal((await send({ port, path: '/' })).status, 200);

    await batched(cursor, (all) => (all.mirrorDropped ?? 0) === 36);
    assert.equal(applications.green.flatMap((each) => each.asked).length, 64);
  });
});

type Alone = { readonly bench: BuiltinBench; readonly stage: Stage };

/** A proxy of its own, ended in the end whatever became of its router. */
async function alone(t: TestContext): Promise<Alone> {
  const bench = await openBuiltin();
  const stage = await openStage(bench.router, {});
  t.after(async () => {
    await Promise.all([...stage.applications.blue, ...stage.applications.green].map((each) => each.close()));
    const { stateDir, command } = bench;
    const router = builtinRouter({ stateDir, command });
    await router.start();
    await router.stopProxy(0);
    await bench.close().catch(() => {});
    await rm(stateDir, { recursive: true, force: true });
  });
  await stage.route({ serve: 'blue' });
  return { bench, stage };
}

test('a hold ends without a controller', async (t) => {
  const { bench, stage } = await alone(t);
  await stage.route({ serve: 'blue', hold: { ...HOLD, maxMs: 1000 } });
  const held = send({ port: stage.port, path: '/' });
  bench.router.close();

  const answer = await held;

  assert.equal(slotOf(answer.body), 'blue');
});

test('a hold that was under way when the proxy died ends when it was to', async (t) => {
  const { bench, stage } = await alone(t);
  await stage.route({ serve: 'blue', hold: { ...HOLD, maxMs: 3000 } });
  const sinceMs = performance.now();

  await bench.restart();
  const answer = await waitFor(
    () => send({ port: stage.port, path: '/' }).catch(() => null),
    (seen) => seen !== null,
  );

  const tookMs = performance.now() - sinceMs;
  assert.equal(answer!.status, 200);
  assert.ok(tookMs > 1500 && tookMs < 4500, `${tookMs}ms`);
});

test('a proxy that is stopped tells those who wait', async (t) => {
  const { bench, stage } = await alone(t);
  await stage.route({ serve: 'blue', hold: HOLD });
  const held = send({ port: stage.port, path: '/' });
  await stage.observed((seen) => seen.held === 1);

  await bench.router.stopProxy(1000);

  const answer = await held;
  assert.deepEqual([answer.status, answer.body], [503, '503 the proxy is being stopped\n']);
});

test('holds, switches and a mirror under load fail nobody', async (t) => {
  const { bench, stage } = await alone(t);
  const mirror: Mirror = { slot: 'green', sharePercent: 50, methods: ['GET'] };
  const statuses: Record<string, number> = {};
  const over = new AbortController();
  const client = async (index: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!over.signal.aborted) {
      const post = index % 4 === 0 ? { method: 'POST', body: Buffer.alloc(20_000) } : {};
      const answer = await send({ port: stage.port, path: '/', agent, ...post }).catch(
        (error: Error) => error,
      );
      const key = 'status' in answer ? String(answer.status) : answer.message;
      statuses[key] = (statuses[key] ?? 0) + 1;
    }
    agent.destroy();
  };
  const clients = Array.from({ length: 16 }, (_, index) => client(index));

  for (let i = 0; i < 20; i += 1) {
    const [from, to] = i % 2 === 0 ? (['blue', 'green'] as const) : (['green', 'blue'] as const);
    await stage.route({ serve: from, hold: HOLD });
    await stage.observed((seen) => seen.held === 16);
    await stage.route({ serve: to, ...(to === 'blue' && { mirror }) });
    await pause(20);
  }
  over.abort();
  await Promise.all(clients);

  assert.deepEqual(Object.keys(statuses), ['200']);
  assert.equal((await bench.router.observe(stage.door.service)).held, undefined);
});
