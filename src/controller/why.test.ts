import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FailedRequest } from '../traffic/counts.ts';
import { firstFailures } from './first-failures.ts';
import { World, WORLD_SPEC } from './world-fixture.ts';

test('why has the rule, the shares and the first failures of a version that went back', async () => {
  const world = new World();
  await world.serving();
  world.errorPercent.set('shop/v2', 10);
  const { rollout } = await world.deploy('v2');
  await world.until('v2 is over', () => world.over('v2'));

  const why = world.controller.read.why(rollout!.id);

  assert.match(why.rule!, /surely worse than stable by more than a limit allows/);
  assert.match(
    why.rules.join('\n'),
    /^judge errors and response times, default margins; worse: back at once\n/,
  );
  assert.equal(why.shares[0]?.sharePercent, 25);
  assert.ok(why.shares[0].seconds > 0);
  assert.ok(why.shares[0].fromMs >= why.rollout.startedAtMs && why.judged!.toMs <= why.rollout.endedAtMs!);
  assert.deepEqual([why.gaps, why.watch], [[], null]);
  assert.ok(why.failed.length > 0 && why.failed.length <= 10, `${why.failed.length}`);
  assert.ok(why.failed.every(({ kind, path }) => kind === 'serverError' && path === '/checkout'));
  assert.ok(why.failed[0]!.atMs >= why.shares[0].fromMs);
});

test('what failed first is known after a restart, with what failed since', async () => {
  const world = new World();
  world.spec = { ...WORLD_SPEC, policy: { ...WORLD_SPEC.policy, whenWorse: 'pause' } };
  await world.serving();
  world.errorPercent.set('shop/v2', 10);
  const { rollout } = await world.deploy('v2');
  await world.until('v2 is paused', () => world.service().rollout?.paused === true);
  const before = world.controller.read.why(rollout!.id).failed;

  world.kill();
  await world.pass(30_000);

  assert.ok(before.length > 0);
  const { failed } = world.controller.read.why(rollout!.id);
  assert.deepEqual(failed.slice(0, before.length), before);
});

test('seconds that the proxy lost are told as gaps', async () => {
  const world = new World();
  await world.serving();
  const { rollout } = await world.deploy('v2');
  await world.until('v2 has a share', () => world.service().rollout?.phase === 'dwelling');
  const second = Math.floor(world.time.steadyMs / 1000) + 1;
  world.lost = { fromSecond: second, toSecond: second + 1 };
  await world.until('v2 is over', () => world.over('v2'));

  const why = world.controller.read.why(rollout!.id);

  const { startedAtMs, endedAtMs } = why.rollout;
  const [gap, ...others] = why.gaps;
  assert.ok(gap !== undefined && gap.seconds >= 1 && gap.fromMs > startedAtMs && gap.fromMs < endedAtMs!);
  assert.deepEqual(others, []);
});

function failure(second: number, replica = 0): FailedRequest {
  return { second, slot: 'green', replica, kind: 'timeout', status: null, method: 'GET', path: '/' };
}

test('of failures the first ten stay, each once', () => {
  const known = [failure(5), failure(6)];

  assert.deepEqual(firstFailures(known, []), known);
  assert.deepEqual(firstFailures(known, [failure(6), failure(4)]), [failure(4), failure(5), failure(6)]);
  const many = firstFailures(
    known,
    Array.from({ length: 20 }, (_, n) => failure(7, n)),
  );
  assert.equal(many.length, 10);
  assert.equal(firstFailures(many, [failure(1)]), many);
});
