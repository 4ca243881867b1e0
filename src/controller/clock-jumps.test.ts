/** The wall clock is set under a running server: dates move, and nothing that lasts or falls due. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANA, World, WORLD_SPEC } from './world-fixture.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const JUMPS_MS = [HOUR_MS, -HOUR_MS];

function policy(change: Partial<typeof WORLD_SPEC.policy>): typeof WORLD_SPEC {
  return { ...WORLD_SPEC, policy: { ...WORLD_SPEC.policy, ...change } };
}

for (const jumpMs of JUMPS_MS) {
  const jump = `${jumpMs > 0 ? 'ahead' : 'back'} by an hour`;

  test(`a clock that jumps ${jump}: a dwell and a watch take their seconds, no fewer and no more`, async () => {
    const world = new World();
    await world.serving();
    const spec = policy({
      stepsPercent: [25, 100],
      dwell: { atLeastMs: 20_000, atMostMs: 40_000 },
      watchMs: 20_000,
    });
    const { rollout } = await world.deploy('v2', { spec });
    const phase = (): string | undefined => world.service().rollout?.phase;
    for (const each of ['dwelling', 'watching']) {
      await world.until(`v2 is ${each}`, () => phase() === each);
      await world.pass(3000);
      world.time.nowMs += jumpMs;
      // A new controller must agree with the proxy on what a second is.
      if (each === 'watching') world.kill();
      const jumpedMs = world.time.monotonicMs;
      await world.pass(14_000);
      assert.equal(phase(), each);
      await world.until(`v2 is not ${each} any more`, () => phase() !== each, 40);
      assert.ok(world.time.monotonicMs - jumpedMs >= 15_000);
    }
    await world.until('it is over', () => world.over('v2'));
    const view = world.controller.read.rollout(rollout!.id);
    assert.equal(view.outcome, 'done');
    // By the clock that was set meanwhile, and yet as long as it took.
    assert.ok(view.endedAtMs! - view.startedAtMs < 120_000 && view.endedAtMs! > view.startedAtMs);
    assert.ok(Math.abs(view.endedAtMs! - world.time.nowMs) < 1000);
  });

  test(`a clock that jumps ${jump}: a version that fails is found all the same`, async () => {
    const world = new World();
    await world.serving();
    const spec = policy({ dwell: { atLeastMs: 60_000, atMostMs: 120_000 } });
    const { rollout } = await world.deploy('v2', { spec });
    await world.until('v2 is dwelling', () => world.service().rollout?.phase === 'dwelling');
    await world.pass(3000);
    world.time.nowMs += jumpMs;
    world.errorPercent.set('shop/v2', 50);
    await world.until('it goes back', () => world.over('v2'), 20);
    assert.equal(world.controller.read.rollout(rollout!.id).outcome, 'rolled-back');
  });

  test(`a clock that jumps ${jump}: what is kept stays as long as was asked, and how long is said`, async () => {
    const world = new World();
    await world.serving();
    await world.deploy('v2', { spec: policy({ keepOldMs: 60_000 }) });
    await world.until('v2 is over', () => world.over('v2'));
    world.time.nowMs += jumpMs;

    await world.pass(30_000);
    const kept = Object.values(world.service().slots).find(({ role }) => role === 'kept');
    assert.ok(Math.abs(kept!.keptUntilMs! - world.time.nowMs - 30_000) < 1000);
    await world.until('v1 is given up', () => world.running.size === 1, 40);
  });

  test(`a clock that jumps ${jump}, day after day: a question waits for its whole day`, async () => {
    const world = new World();
    await world.serving();
    await world.deploy('v2', { spec: policy({ askBeforeFull: true }) });
    const phase = (): string | undefined => world.service().rollout?.phase;
    await world.until('it asks', () => phase() === 'asking');
    world.time.nowMs += 24 * jumpMs;
    await world.pass(5000);
    assert.equal(phase(), 'asking');

    await world.controller.steer.promote({ service: 'shop', fromStep: null, full: false }, ANA);
    await world.until('it is over', () => world.over('v2'));
  });
}

test('a question ends when its day went by, whatever the clock says', async () => {
  const world = new World();
  await world.serving();
  await world.deploy('v2', { spec: policy({ askBeforeFull: true }) });
  await world.until('it asks', () => world.service().rollout?.phase === 'asking');
  world.time.nowMs -= 2 * DAY_MS;
  world.time.move(DAY_MS);
  await world.until('it is over', () => world.over('v2'), 20);
});
