import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from './world-fixture.ts';

test('a good version is promoted step by step, watched, and the old one is kept and then given up', async () => {
  const world = new World();
  await world.serving();

  const { rollout } = await world.deploy('v2');
  await world.until('v2 is over', () => world.over('v2'));

  const view = world.controller.read.rollout(rollout!.id);
  assert.equal(view.outcome, 'done');
  assert.equal(view.exitCode, 0);
  assert.equal(world.service().stable, 'v2');
  assert.equal(world.service().slots.blue.role, 'kept');
  await world.until('v1 is given up', () => world.service().slots.blue.role === 'free');
  assert.equal(world.running.has('shop/blue'), false);
});

test('a bad version is taken back with its evidence, and stopped', async () => {
  const world = new World();
  await world.serving();
  world.errorPercent.set('shop/v2', 10);

  const { rollout } = await world.deploy('v2');
  await world.until('v2 is over', () => world.over('v2'));

  const view = world.controller.read.rollout(rollout!.id);
  assert.equal(view.outcome, 'rolled-back');
  assert.equal(view.exitCode, 10);
  assert.ok(view.verdict !== null && view.verdict.overall === 'harmful', JSON.stringify(view.verdict));
  assert.deepEqual([...world.running.keys()], ['shop/blue']);
});
