import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, after, before, describe, test } from 'node:test';
import { type OutlierRules, USUAL_OUTLIERS } from '../../release/resilience.ts';
import { type Stage, openStage, send, splitTo, sum, waitFor } from '../conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';

const PATIENCE_MS = 60_000;

describe('ejections by the built-in proxy', () => {
  let bench: BuiltinBench;

  before(async () => {
    bench = await openBuiltin(2);
  });
  after(async () => bench.close());

  async function setUp(t: TestContext, rules: Partial<OutlierRules> = {}): Promise<Stage> {
    const outliers = { ...USUAL_OUTLIERS, consecutiveGatewayFailures: 3, baseMs: 2000, ...rules };
    const stage = await openStage(bench.router, { sticky: { by: 'none' } }, undefined, {
      kind: 'builtin',
      outliers,
    });
    t.after(stage.close);
    await stage.route({ serve: 'blue' });
    return stage;
  }

  /** Asks until that was seen. */
  async function askUntil(stage: Stage, is: Parameters<Stage['observed']>[0]): Promise<void> {
    await waitFor(async () => {
      await Promise.all(Array.from({ length: 8 }, () => send({ port: stage.port, path: '/', agent: false })));
      return bench.router.observe(stage.door.service);
    }, is);
  }

  test(
    'one that fails and is well by its health gets nothing for a while, and comes back',
    { timeout: PATIENCE_MS },
    async (t) => {
      const stage = await setUp(t);
      const { cursor } = await bench.router.traffic(stage.door.service, null);
      fails(stage, 'blue', 1, 503);

      await askUntil(stage, ({ slots }) => slots.blue.ejected?.[0] === 1);
      const seen = await bench.router.observe(stage.door.service);
      assert.equal(seen.slots.blue.replicas[1]!.healthy, true);
      assert.equal(await failing(stage, 20), 0);

      fails(stage, 'blue', 1, null);
      await stage.observed(({ slots }) => slots.blue.ejected === undefined);
      const asked = stage.applications.blue[1]!.asked.length;
      await askUntil(stage, () => stage.applications.blue[1]!.asked.length > asked);
      const log = readFileSync(join(bench.stateDir, 'proxy.log'), 'utf8');
      assert.match(
        log,
        new RegExp(`${stage.door.service} blue replica 1 is ejected for 2s: 3 gateway failures in a row`),
      );
      assert.match(log, new RegExp(`${stage.door.service} blue replica 1 is back from its ejection`));
      // What failed is counted for its slot, ejected or not.
      await stage.counted(cursor, (rows) => sum(rows, 'blue', ({ classes }) => classes.serverError) >= 3);
    },
  );

  test('where all fail, half of them stay', { timeout: PATIENCE_MS }, async (t) => {
    const stage = await setUp(t, { baseMs: 60_000 });
    for (const replica of [0, 1]) fails(stage, 'blue', replica, 503);

    await askUntil(stage, ({ slots }) => slots.blue.ejected !== undefined);
    const before = stage.applications.blue.map(({ asked }) => asked.length);
    await failing(stage, 20);

    const { slots } = await bench.router.observe(stage.door.service);
    assert.equal(slots.blue.ejected?.length, 1);
    const [out] = slots.blue.ejected;
    assert.equal(stage.applications.blue[out!]!.asked.length, before[out!]);
    assert.ok(stage.applications.blue[1 - out!]!.asked.length > before[1 - out!]!);
  });

  test(
    'the one that is out is let in when the other becomes unhealthy',
    { timeout: PATIENCE_MS },
    async (t) => {
      const stage = await setUp(t, { baseMs: 60_000 });
      fails(stage, 'blue', 1, 503);
      await askUntil(stage, ({ slots }) => slots.blue.ejected?.[0] === 1);
      fails(stage, 'blue', 1, null);

      stage.applications.blue[0]!.healthy = false;
      await stage.observed(({ slots }) => slots.blue.ejected === undefined);

      assert.equal(await failing(stage, 5), 0);
    },
  );

  test(
    'an error of the application’s own ejects nobody, unless the file says so',
    { timeout: PATIENCE_MS },
    async (t) => {
      const calm = await setUp(t);
      const strict = await setUp(t, { consecutive5xx: 3 });
      for (const stage of [calm, strict]) fails(stage, 'blue', 1, 500);

      await askUntil(strict, ({ slots }) => slots.blue.ejected?.[0] === 1);
      await failing(calm, 30);

      assert.equal((await bench.router.observe(calm.door.service)).slots.blue.ejected, undefined);
    },
  );

  test('a candidate fails as it fails, for the judge to see', { timeout: PATIENCE_MS }, async (t) => {
    const stage = await setUp(t, { baseMs: 60_000 });
    await stage.route({ serve: 'blue', split: splitTo('green', 50) });
    fails(stage, 'green', 1, 503);

    await failing(stage, 60);

    const { slots } = await bench.router.observe(stage.door.service);
    assert.equal(slots.green.ejected, undefined);
    assert.ok(stage.applications.green[1]!.asked.length >= 5);
  });

  test('who is out comes back when its slot becomes the candidate’s', { timeout: PATIENCE_MS }, async (t) => {
    const stage = await setUp(t, { baseMs: 60_000 });
    fails(stage, 'blue', 1, 503);
    await askUntil(stage, ({ slots }) => slots.blue.ejected?.[0] === 1);

    await stage.route({ serve: 'green', split: splitTo('blue', 10) });

    await stage.observed(({ slots }) => slots.blue.ejected === undefined);
  });

  test('a worker that begins knows who is out', { timeout: PATIENCE_MS }, async (t) => {
    const stage = await setUp(t, { baseMs: 60_000 });
    fails(stage, 'blue', 1, 503);
    await askUntil(stage, ({ slots }) => slots.blue.ejected?.[0] === 1);
    const parent = bench.router.pid()!;
    const children = (): number[] =>
      readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    const before = children();

    for (const pid of before) process.kill(pid, 'SIGKILL');
    await waitFor(
      async () => children(),
      (now) => now.length === 2 && !now.some((pid) => before.includes(pid)),
    );
    await waitFor(
      async () => failing(stage, 1).catch(() => 1),
      (failed) => failed === 0,
    );

    assert.equal(await failing(stage, 20), 0);
  });
});

function fails(stage: Stage, slot: 'blue' | 'green', replica: number, status: number | null): void {
  const { on } = stage.applications[slot][replica]!;
  if (status === null) on.delete('/');
  else on.set('/', (_req, res) => res.writeHead(status).end('failing'));
}

/** Of so many requests, those that failed. */
async function failing(stage: Stage, count: number): Promise<number> {
  let failed = 0;
  for (let i = 0; i < count; i += 1)
    if ((await send({ port: stage.port, path: '/', agent: false })).status >= 500) failed += 1;
  return failed;
}
