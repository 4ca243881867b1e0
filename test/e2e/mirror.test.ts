/** Before the first user: copies of real requests, and those who choose the candidate, by the real program and proxies. */
import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { absentProxy } from './behind.ts';
import type { LoadReport } from './load/tally.ts';
import { canary, openStage, told, type App, type Scope, type Settings, type Stage } from './stage.ts';

const SECRET = '0123456789abcdef0123456789abcdef';
const OVERRIDE = { header: 'X-Choose', secret: 'file:override' };
const CANDIDATE = { 'x-choose': `candidate:${SECRET}` };

type Kind = 'builtin' | 'nginx' | 'haproxy';

function skipOf(kind: Kind): string | false {
  return kind === 'builtin' ? false : (absentProxy(kind) ?? false);
}

function proxyOf(kind: Kind): Settings {
  return kind === 'builtin' ? {} : { proxy: { [kind]: { managed: true } } };
}

async function opened(scope: Scope): Promise<Stage> {
  const stage = await openStage(scope);
  // Workers are of another user where this one is root.
  await chmod(stage.world.directory, 0o755);
  const secrets = join(stage.stateDirectory, 'secrets');
  await mkdir(secrets, { recursive: true, mode: 0o700 });
  await writeFile(join(secrets, 'override'), `${SECRET}\n`, { mode: 0o400 });
  return stage;
}

/** v1 serves behind this kind of proxy; what comes next comes by this strategy. */
async function serving(scope: Scope, kind: Kind, strategy: Settings): Promise<App> {
  const stage = await opened(scope);
  const settings = { ...proxyOf(kind), override: OVERRIDE };
  const app = await stage.app('shop', { ...settings, strategy: canary() });
  const first = await app.deploy('v1');
  assert.equal(first.code, 0, told(first));
  await app.describe({ ...settings, strategy: canary(strategy) });
  return app;
}

/**
 * Nobody noticed the copies. nginx is reloaded as a mirror begins and ends, at which it may close an idle connection as a
 * request comes: that one alone is reset, as at any reload of nginx (`plan` warns of it).
 */
function assertServed(kind: Kind, { failed, examples }: LoadReport): void {
  const told = JSON.stringify(examples);
  assert.ok(failed <= (kind === 'nginx' ? 3 : 0), told);
  assert.deepEqual(
    examples.filter((one) => one.kind !== 'reset'),
    [],
    told,
  );
}

for (const kind of ['builtin', 'nginx'] as const) {
  const skip = skipOf(kind);

  test(`${kind}: a broken candidate is found by copies, and no user meets it`, { skip }, async (t) => {
    const app = await serving(t, kind, { mirror: '100% for 30s' });
    const load = app.load({ perSecond: 100 });
    await load.served('v1', 300, 20_000);

    const bad = await app.deploy('v2', { errorRate: 0.3 });

    assert.equal(bad.code, 10, told(bad));
    const { last } = await app.untilOver();
    const [mirror] = last!.early!;
    assert.match(last!.reason ?? '', /copies in this step|of the candidate's last \d+ attempts failed/);
    assert.ok(mirror!.traffic.candidate.failed > 0);
    assert.equal(mirror!.traffic.stable.failed, 0);
    assert.equal(last!.traffic!.candidate.requests, 0);
    const why = await app.run(['why', last!.id]);
    assert.match(why.stdout, /no user got the candidate/, told(why));
    assert.match(why.stdout, /unseen +writes: only GET and HEAD are copied/, told(why));
    const judged = await app.run(['judge', '--rollout', last!.id]);
    assert.match(judged.stdout, /bit for bit/, told(judged));
    const seen = await load.stop();
    assert.deepEqual(Object.keys(seen.versions), ['v1']);
    assertServed(kind, seen);
    assert.equal(seen.versions['v1']!.serverErrors, 0);
  });

  test(`${kind}: a good candidate goes through its copies into its shares`, { skip }, async (t) => {
    const app = await serving(t, kind, { mirror: '50% for 3s' });
    const load = app.load({ perSecond: 100 });
    await load.served('v1', 300, 20_000);

    const good = await app.deploy('v2');

    assert.equal(good.code, 0, told(good));
    const { last } = await app.untilOver();
    const [mirror] = last!.early!;
    const { candidate, stable } = mirror!.traffic;
    assert.ok(candidate.requests > 50 && candidate.failed === 0, JSON.stringify(mirror));
    // Each copy is held against the request that it is of.
    assert.ok(Math.abs(candidate.requests - stable.requests) <= 10, JSON.stringify(mirror!.traffic));
    const seen = await load.stop();
    assertServed(kind, seen);
  });

  test(`${kind}: a candidate that hangs delays nobody while it is copied to`, { skip }, async (t) => {
    const app = await serving(t, kind, { mirror: '100% for 60s' });
    const load = app.load({ perSecond: 60, requests: ['GET /'] });
    await load.served('v1', 200, 20_000);

    const hangs = await app.deploy('v2', { slowdown: 1_000_000 });

    assert.equal(hangs.code, 10, told(hangs));
    const seen = await load.stop();
    assertServed(kind, seen);
    assert.deepEqual(Object.keys(seen.versions), ['v1']);
    assert.ok(seen.latencyMs.p99 < 1000 && seen.latencyMs.max < 4000, JSON.stringify(seen.latencyMs));
    t.diagnostic(`users during it: ${JSON.stringify(seen.latencyMs)}`);
  });
}

test('builtin: a candidate that dies is taken back out of its copies', async (t) => {
  const app = await serving(t, 'builtin', { mirror: '100% for 60s' });
  const load = app.load({ perSecond: 60 });
  await load.served('v1', 100, 20_000);
  await app.deployDetached('v2');
  await app.until('copies are judged', ({ rollout }) => (rollout?.early?.[0]?.candidateRequests ?? 0) > 20);

  const pid = await app.pidOf('candidate');
  process.kill(pid, 'SIGSTOP');
  const { last } = await app.untilOver();

  assert.deepEqual([last!.outcome, last!.cause], ['rolled-back', 'severe'], last!.reason ?? '');
  const seen = await load.stop();
  assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
  assert.deepEqual(Object.keys(seen.versions), ['v1']);
});

test(
  'haproxy: a mirror is refused by name before anything starts',
  { skip: skipOf('haproxy') },
  async (t) => {
    const app = await serving(t, 'haproxy', { mirror: '10% for 10s' });

    const refused = await app.deploy('v2');

    assert.equal(refused.code, 15, told(refused));
    assert.match(
      refused.stderr,
      /haproxy, cannot do what the file asks for: mirror \(it cannot copy requests\)/,
    );
    assert.equal((await app.view()).rollout, null);
  },
);

for (const kind of ['builtin', 'nginx', 'haproxy'] as const) {
  test(
    `${kind}: header-only reaches only who chooses, and goes back when it fails for them`,
    { skip: skipOf(kind) },
    async (t) => {
      const app = await serving(t, kind, { 'header-only': { for: '60s', requests: 500 } });
      const load = app.load({ perSecond: 50 });
      await load.served('v1', 100, 20_000);
      await app.deployDetached('v2', { errorRate: 0.3 });
      await app.until('those who choose are judged', ({ rollout }) => rollout?.early?.[0] !== undefined);

      let asked = 0;
      const chosen = new Set<string | null>();
      while ((await app.view()).rollout !== null && asked < 400) {
        const answer = await app.ask(CANDIDATE);
        if (answer.status !== 503) chosen.add(answer.version ?? `${answer.status} ${answer.body}`);
        assert.equal((await app.ask({ 'x-choose': 'candidate:no-such-secret-at-all' })).version, 'v1');
        asked += 1;
      }

      const { last } = await app.untilOver();
      assert.ok(['harmful', 'severe'].includes(last!.cause!), `${last!.cause}: ${last!.reason}`);
      assert.match(
        last!.reason ?? '',
        /of those who chose the candidate, over the plain limit of 5 %|last \d+ attempts failed/,
      );
      assert.deepEqual([...chosen], ['v2']);
      assert.equal(last!.traffic!.candidate.requests, 0);
      const seen = await load.stop();
      assert.deepEqual(Object.keys(seen.versions), ['v1']);
      assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
    },
  );
}
