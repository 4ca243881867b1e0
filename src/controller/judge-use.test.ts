import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OtherJudge } from '../release/judge-rules.ts';
import { World, WORLD_SPEC } from './world-fixture.ts';

function judgedBy(rule: OtherJudge): typeof WORLD_SPEC {
  const { policy } = WORLD_SPEC;
  return {
    ...WORLD_SPEC,
    policy: {
      ...policy,
      dwell: { atLeastMs: 10_000, atMostMs: 120_000 },
      judge: { checks: [], warmUpMs: 0, rule },
    },
  };
}

const LIMITS: OtherJudge = {
  use: 'limits',
  everyMs: 5000,
  failureLimit: 1,
  noData: 'fail',
  limits: [{ measure: 'error-rate', max: 1, min: null }],
};

test('a rollout under fixed limits goes back for them, and why says which', async () => {
  const world = new World();
  await world.serving();
  world.errorPercent.set('shop/v2', 4);
  const { rollout } = await world.deploy('v2', { spec: judgedBy(LIMITS) });

  await world.until('v2 is over', () => world.over('v2'));

  const { outcome, cause, reason, verdict } = world.controller.read.rollout(rollout!.id);
  assert.deepEqual([outcome, cause], ['rolled-back', 'harmful']);
  assert.match(reason!, /^error-rate 4, limit 1 at most \(2 failures, 1 allowed\)$/);
  assert.deepEqual(verdict!.looks, [{ name: 'error-rate', says: '4, limit 1 at most', state: 'fail' }]);
});

test('how it came to that has its looks at each moment, and the last of them is what it went back for', async () => {
  const world = new World();
  await world.serving();
  world.errorPercent.set('shop/v2', 4);
  const { rollout } = await world.deploy('v2', { spec: judgedBy(LIMITS) });
  await world.until('v2 is over', () => world.over('v2'));

  const { points } = await world.controller.judge.series(rollout!.id);

  const looked = points.flatMap(({ looks }) => (looks === undefined ? [] : [looks]));
  assert.ok(looked.length > 1);
  assert.deepEqual(looked.at(-1), [{ name: 'error-rate', state: 'fail' }]);
  assert.ok(points.every(({ measures }) => measures === undefined));
});

test('limits do not look at stable, and let a version as bad as it pass by their own measure', async () => {
  const world = new World();
  await world.serving();
  world.errorPercent.set('shop/v1', 20);
  const { rollout } = await world.deploy('v2', { spec: judgedBy(LIMITS) });

  await world.until('v2 is over', () => world.over('v2'), 300);

  assert.equal(world.controller.read.rollout(rollout!.id).outcome, 'done');
});
