/** Approvals through the real program, by people with tokens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canary, openStage, told, type App } from './stage.ts';

async function tokenOf(app: App, name: string, role = 'operator'): Promise<string> {
  const made = await app.run(['token', 'create', name, '--role', role, '--for', '1h']);
  assert.equal(made.code, 0, told(made));
  return made.stdout.trim();
}

test('a rollout waits for people, is told by them to go on, and outlives the server meanwhile', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', {
    strategy: canary({
      approvals: [{ before: 'start' }, { before: '100%', need: 2, of: ['ana', 'bob', 'carl'] }],
    }),
  });
  const [ana, bob, carl] = await Promise.all(['ana', 'bob', 'carl'].map((name) => tokenOf(app, name)));
  const as = (token: string, ...args: string[]) => app.run(args, { env: { BASCULE_TOKEN: token } });

  // The very first version waits as well.
  const first = await as(ana!, 'deploy', 'shop', '--version', 'v1');
  assert.equal(first.code, 13, told(first));
  assert.match(
    first.stdout + first.stderr,
    /waiting for one other person to agree before any traffic: bascule approve shop/,
  );
  assert.match((await app.run(['status', 'shop'])).stdout, /waits for approval/);
  assert.equal((await as(ana!, 'approve', 'shop')).code, 15);
  const local = await app.run(['approve', 'shop']);
  assert.equal(local.code, 15);
  assert.match(local.stderr, /IDENTITY_NEEDED.*only somebody with a token can agree/);
  assert.equal((await as(bob!, 'approve', 'shop', '--reason', 'first one')).code, 0);
  await app.until('the last approval', ({ rollout }) => rollout?.approval?.before === '100%');
  assert.equal((await as(bob!, 'approve', 'shop')).code, 0);
  assert.equal((await as(carl!, 'approve', 'shop')).code, 0);
  await app.until('v1', ({ stable }) => stable === 'v1');

  const second = await as(carl!, 'deploy', 'shop', '--version', 'v2', '--detach');
  assert.equal(second.code, 0, told(second));
  await app.until('asked for the start', ({ rollout }) => rollout?.approval?.before === 'start');
  assert.equal((await as(ana!, 'promote', 'shop', '--full')).code, 15);
  assert.equal((await as(ana!, 'weight', 'shop', '10', '--yes')).code, 15);
  await as(ana!, 'approve', 'shop');
  const asked = await app.until('asked for all', ({ rollout }) => rollout?.approval?.before === '100%', {
    withinMs: 60_000,
  });
  assert.equal(asked.rollout?.sharePercent, 50);
  await as(ana!, 'approve', 'shop');
  await stage.controller().stop('SIGKILL');
  await stage.serve();
  const one = await app.until('there again', ({ rollout }) => rollout?.approval?.before === '100%');
  assert.deepEqual(
    one.rollout?.approval?.given.map(({ by }) => by),
    ['ana'],
  );
  assert.match(
    one.rollout?.waiting ?? '',
    /^2 of ana, bob, carl to agree before 100%: bascule approve shop \(1 of 2 so far: ana\)/,
  );
  assert.equal((await as(bob!, 'approve', 'shop', '--reason', 'numbers are fine')).code, 0);
  await app.until('v2', ({ stable }) => stable === 'v2');
  const audit = await app.run(['audit', 'shop', '--verb', 'approve']);
  assert.match(
    audit.stdout,
    /approve shop {2}done {2}by bob as operator {2}from admin\.sock, token [0-9a-f]{8} {2}"numbers are fine"/,
  );
  assert.match(audit.stdout, /approve shop {2}refused \(APPROVAL_OWN\) {2}by ana/);
});

test('a rejected rollout exits with 11, and a file with fewer approvals takes an admin', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', { strategy: canary() });
  await app.deploy('v1');
  await app.describe({ strategy: canary({ approvals: [{ before: '100%' }] }) });
  const bob = await tokenOf(app, 'bob');
  const env = { BASCULE_TOKEN: bob };

  const begun = await app.run(['deploy', 'shop', '--version', 'v2', '--until', 'paused'], { env });
  assert.equal(begun.code, 0, told(begun));
  const { rollout } = await app.until('asked', ({ rollout: now }) => (now?.approval ?? null) !== null);
  assert.equal((await app.run(['reject', 'shop', '--reason', 'not before the sale'])).code, 0);
  const ended = await app.run(['wait', rollout!.id]);
  assert.equal(ended.code, 11, told(ended));
  assert.match(
    (await app.run(['why', rollout!.id])).stdout,
    /rejected by local \(unverified\): not before the sale/,
  );

  await app.describe({ strategy: canary() });
  const weaker = await app.run(['deploy', 'shop', '--version', 'v3'], { env });
  assert.equal(weaker.code, 15, told(weaker));
  assert.match(weaker.stderr, /APPROVALS_WEAKER.*takes an admin/);
  assert.equal((await app.run(['apply', 'shop'], { env })).code, 15);
  assert.equal((await app.run(['apply', 'shop'])).code, 0);
  assert.equal((await app.run(['deploy', 'shop', '--version', 'v3', '--detach'], { env })).code, 0);
});
