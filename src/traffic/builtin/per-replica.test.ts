import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, after, before, describe, test } from 'node:test';
import { type PerReplica, USUAL_PER_REPLICA } from '../../release/resilience.ts';
import type { BuiltinProxy } from '../../release/service.ts';
import { type Handler, type Stage, openStage, send, splitTo, waitFor } from '../conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';

const PATIENCE_MS = 60_000;

/** Requests that the application has and has not answered. */
class Gate {
  most = 0;
  readonly order: string[] = [];
  readonly #open: (() => void)[] = [];

  readonly handler: Handler = (req, res) => {
    this.order.push(req.url!);
    this.#open.push(() => res.end('let through'));
    this.most = Math.max(this.most, this.#open.length);
  };

  get held(): number {
    return this.#open.length;
  }

  letOne(): void {
    this.#open.shift()?.();
  }

  /** One after the other, until all of these are answered. */
  async letAll(asked: readonly Promise<unknown>[]): Promise<void> {
    const timer = setInterval(() => this.letOne(), 2);
    await Promise.allSettled(asked);
    clearInterval(timer);
  }
}

describe('bounds and a queue for each replica of the built-in proxy', () => {
  let bench: BuiltinBench;

  before(async () => {
    bench = await openBuiltin(2);
  });
  after(async () => bench.close());

  /** One replica in use, whose answers wait at a gate. */
  async function setUp(t: TestContext, rules: Partial<PerReplica>, more: Partial<BuiltinProxy> = {}) {
    const perReplica = { ...USUAL_PER_REPLICA, queueTimeoutMs: 30_000, ...rules };
    const stage = await openStage(bench.router, {}, undefined, { kind: 'builtin', perReplica, ...more });
    t.after(stage.close);
    const gate = new Gate();
    for (const slot of [stage.applications.blue, stage.applications.green])
      for (const each of slot) each.on.set('/gate', gate.handler);
    await stage.route({ serve: 'blue', replicas: { blue: 1, green: 1 } });
    return { stage, gate };
  }

  test(
    'no more than the bound is in flight, over all workers, and all get their turn',
    { timeout: PATIENCE_MS },
    async (t) => {
      const { stage, gate } = await setUp(t, { maxRequests: 3 });
      const asked = Array.from({ length: 40 }, () => ask(stage));
      await waitFor(
        async () => gate.held,
        (held) => held === 3,
      );
      const seen = await stage.observed(({ slots }) => slots.blue.queued === 37);
      assert.equal(seen.slots.blue.inFlight, 40);
      await gate.letAll(asked);

      assert.deepEqual(new Set(await Promise.all(asked)), new Set([200]));
      assert.equal(gate.most, 3);
    },
  );

  test('a bound of one is one, however many workers there are', { timeout: PATIENCE_MS }, async (t) => {
    const { stage, gate } = await setUp(t, { maxRequests: 1 });
    const asked = Array.from({ length: 20 }, () => ask(stage));

    await gate.letAll(asked);

    assert.deepEqual(new Set(await Promise.all(asked)), new Set([200]));
    assert.equal(gate.most, 1);
  });

  test(
    'past the queue it is 503 with Retry-After at once, and counted for the slot',
    { timeout: PATIENCE_MS },
    async (t) => {
      const { stage, gate } = await setUp(t, { maxRequests: 1, maxQueue: 1 });
      const { cursor } = await bench.router.traffic(stage.door.service, null);
      // Each of two workers rounds up: at most two wait.
      const asked = Array.from({ length: 30 }, () => send({ port: stage.port, path: '/gate', agent: false }));
      const refused = asked.map((each) =>
        each.then(({ status, headers }) => [status, headers['retry-after']]),
      );
      const first = await Promise.race(refused);

      assert.deepEqual(first, [503, '1']);
      await waitFor(
        async () => gate.held,
        (held) => held === 1,
      );
      const timer = setInterval(() => gate.letOne(), 5);
      const statuses = (await Promise.all(asked)).map(({ status }) => status);
      clearInterval(timer);
      const passed = statuses.filter((status) => status === 200).length;
      const batch = await stage.batched(cursor, ({ queueRefused }) => queueRefused?.blue === 30 - passed);
      assert.ok(passed >= 2 && passed < 30, `${passed} passed`);
      assert.equal(batch.queueRefused?.green, 0);
      const failed = await stage.counted(
        cursor,
        (rows) => rows.reduce((sum, { classes }) => sum + classes.connectFailure, 0) === 30 - passed,
      );
      assert.ok(failed.every(({ slot }) => slot === 'blue'));
    },
  );

  test(
    'who waits for longer than told gets 503, and the replica never hears of it',
    { timeout: PATIENCE_MS },
    async (t) => {
      const { stage, gate } = await setUp(t, { maxRequests: 1, queueTimeoutMs: 300 });
      const { cursor } = await bench.router.traffic(stage.door.service, null);
      const first = ask(stage);
      await waitFor(
        async () => gate.held,
        (held) => held === 1,
      );

      const answer = await send({ port: stage.port, path: '/gate?late', agent: false });
      gate.letOne();

      assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '1']);
      assert.match(answer.body, /no replica was free in time/);
      assert.equal(await first, 200);
      assert.deepEqual(gate.order, ['/gate']);
      const rows = await stage.counted(cursor, (seen) => seen.some(({ classes }) => classes.timeout > 0));
      assert.equal(
        rows.reduce((sum, { classes }) => sum + classes.timeout, 0),
        1,
      );
    },
  );

  test('a client that leaves the queue is forgotten', { timeout: PATIENCE_MS }, async (t) => {
    const { stage, gate } = await setUp(t, { maxRequests: 1 });
    const first = ask(stage);
    await waitFor(
      async () => gate.held,
      (held) => held === 1,
    );
    const left = request({ port: stage.port, path: '/gate?left', agent: false }).end();
    left.on('error', () => {});
    await stage.observed(({ slots }) => slots.blue.queued === 1);

    left.destroy();
    await stage.observed(({ slots }) => slots.blue.queued === undefined);
    gate.letOne();

    assert.equal(await first, 200);
    assert.equal(await ask(stage, '/'), 200);
    assert.deepEqual(gate.order, ['/gate']);
  });

  test(
    'a killed worker takes its permits to the one in its place, and the bound holds',
    { timeout: PATIENCE_MS },
    async (t) => {
      const { stage, gate } = await setUp(t, { maxRequests: 2 });
      const pids = workersOf(bench.router.pid()!);
      process.kill(pids[0]!, 'SIGKILL');
      await waitFor(
        async () => workersOf(bench.router.pid()!),
        (now) => now.length === 2 && !now.includes(pids[0]!),
      );
      await waitFor(
        async () => ask(stage, '/').catch(() => 0),
        (status) => status === 200,
      );
      gate.most = 0;

      const asked = Array.from({ length: 20 }, () => ask(stage).catch(() => 0));
      await waitFor(
        async () => gate.held,
        (held) => held === 2,
      );
      await gate.letAll(asked);

      assert.equal((await Promise.all(asked)).filter((status) => status === 200).length, 20);
      assert.equal(gate.most, 2);
    },
  );

  test('the access log says how long a request waited', { timeout: PATIENCE_MS }, async (t) => {
    const accessLog = {
      fields: ['queue-ms', 'ms'] as const,
      headers: [],
      samplePercent: 100,
      keepBytes: 1 << 20,
    };
    const { stage, gate } = await setUp(t, { maxRequests: 1 }, { accessLog });
    const [one, two] = [ask(stage), ask(stage)];
    await stage.observed(({ slots }) => slots.blue.queued === 1);
    await new Promise((resolve) => setTimeout(resolve, 100));

    gate.letOne();
    await waitFor(
      async () => gate.held,
      (held) => held === 1,
    );
    gate.letOne();
    await Promise.all([one, two]);

    const lines = await waitFor(
      async () => linesOf(bench.stateDir, stage.door.service),
      (seen) => seen.length === 2,
    );
    const waits = lines.map((line) => line['queue-ms']!).toSorted((a, b) => a - b);
    assert.ok(waits[1]! >= 95 && waits[0]! < waits[1]!, waits.join(' '));
  });

  test('a bound that is taken out of the file lets everybody in', { timeout: PATIENCE_MS }, async (t) => {
    const { stage, gate } = await setUp(t, { maxRequests: 1 });
    const asked = [ask(stage), ask(stage), ask(stage)];
    await stage.observed(({ slots }) => slots.blue.queued === 2);

    await bench.router.install({ ...stage.door, spec: { ...stage.door.spec, proxy: { kind: 'builtin' } } });

    await waitFor(
      async () => gate.held,
      (held) => held === 3,
    );
    for (let i = 0; i < 3; i += 1) gate.letOne();
    assert.deepEqual(await Promise.all(asked), [200, 200, 200]);
  });

  test('an upgraded connection is in flight until it ends', { timeout: PATIENCE_MS }, async (t) => {
    const { stage } = await setUp(t, { maxRequests: 1 });
    for (const each of stage.applications.blue)
      each.server.on('upgrade', (_req, socket) => {
        socket.on('error', () => {}).on('end', () => socket.end());
        socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      });
    const socket = connect(stage.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    await once(socket, 'data');

    const waiting = ask(stage, '/');
    await stage.observed(({ slots }) => slots.blue.queued === 1);
    socket.destroy();

    assert.equal(await waiting, 200);
  });

  test('a fresh replica takes a part of its slot that grows', { timeout: PATIENCE_MS }, async (t) => {
    const { stage } = await setUp(t, { slowStartMs: 4000 });
    await stage.route({ serve: 'blue', replicas: { blue: 2, green: 2 } });
    const fresh = stage.applications.blue[1]!;
    fresh.healthy = false;
    await stage.observed(({ slots }) => slots.blue.replicas[1]?.healthy === false);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const ofFresh = async (count: number): Promise<number> => {
      let taken = 0;
      for (let i = 0; i < count; i += 1) if ((await stage.get('/')).body === 'blue-1') taken += 1;
      return taken;
    };

    fresh.healthy = true;
    await stage.observed(({ slots }) => slots.blue.replicas[1]?.healthy === true);
    const first = await ofFresh(40);
    const last = await waitFor(
      async () => ofFresh(40),
      (taken) => taken >= 16,
    );

    assert.ok(first < last && first <= 10, `${first}, then ${last} of 40`);
  });

  test('a slow start leaves slots their shares', { timeout: PATIENCE_MS }, async (t) => {
    const { stage } = await setUp(t, { slowStartMs: 600_000 });
    await bench.router.install({ ...stage.door, sticky: { by: 'header', header: 'X-User' } });
    await stage.route({ serve: 'blue', replicas: { blue: 1, green: 2 }, split: splitTo('green', 50) });

    const got = new Map<string, number>();
    for (let i = 0; i < 400; i += 1) {
      const { body } = await stage.get('/', { 'x-user': `user-${i}` });
      got.set(body, (got.get(body) ?? 0) + 1);
    }

    // All of green are fresh: they share as equals, and take what is theirs.
    const [one, two] = [got.get('green-0') ?? 0, got.get('green-1') ?? 0];
    assert.ok(one + two > 140 && one + two < 260, `${one + two} of 400 at 50 %`);
    assert.ok(Math.min(one, two) > 30, JSON.stringify([...got]));
  });
});

function workersOf(parent: number): number[] {
  return readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

function linesOf(stateDir: string, service: string): Record<string, number>[] {
  const path = join(stateDir, 'access', `${service}.log`);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, number>);
}

/** On a connection of its own, so that both workers get some. */
function ask({ port }: Stage, path = '/gate'): Promise<number> {
  return send({ port, path, agent: false }).then(({ status }) => status);
}
