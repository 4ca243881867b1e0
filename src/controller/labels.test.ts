import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANA, World, WORLD_SPEC } from './world-fixture.ts';

const OTHER = { ...WORLD_SPEC, release: { ...WORLD_SPEC.release, run: 'node other.mjs' } };

function outcomes(world: World, label: string): readonly (string | null)[] {
  return world.controller.read
    .history({ service: 'shop', limit: 50 })
    .filter((one) => one.label === label)
    .map((one) => one.outcome);
}

async function neverReady(world: World, label: string): Promise<void> {
  world.sick.add(`shop/${label}`);
  await world.deploy(label);
  await world.until(`${label} is over`, () => world.over(label));
  world.sick.delete(`shop/${label}`);
}

test('a label that never got traffic may be given to other files', async () => {
  const world = new World();
  await world.start();
  await neverReady(world, 'v1');

  await world.deploy('v1', { spec: OTHER });
  await world.until('v1 serves', () => world.service().stable === 'v1');

  assert.deepEqual(outcomes(world, 'v1'), ['done', 'never-ready']);
  assert.equal(world.running.get('shop/blue')?.workload.release.spec.run, 'node other.mjs');
});

test('a label that people saw, or that is under way, stays what it is', async () => {
  const world = new World();
  await world.serving();
  await assert.rejects(world.deploy('v1', { spec: OTHER }), { code: 'RELEASE_LABEL_TAKEN' });
  await world.deploy('v2');
  await assert.rejects(world.deploy('v2', { spec: OTHER, supersede: true }), { code: 'RELEASE_LABEL_TAKEN' });
  await world.until('v2 is at a share', () => world.service().rollout?.phase === 'dwelling');
  await world.controller.steer.abort({ service: 'shop', rollout: null }, ANA);
  await world.until('v2 is over', () => world.over('v2'));

  await assert.rejects(world.deploy('v2', { spec: OTHER }), { code: 'RELEASE_LABEL_TAKEN' });
});

test('after remove labels begin anew, the history stays, and no way back leads to the former life', async () => {
  const world = new World();
  await world.serving('v1');
  await world.deploy('v2');
  await world.until('v2 is over', () => world.over('v2'));
  await world.controller.steer.remove('shop', ANA);
  await world.until('it is gone', () => world.isGone());
  assert.deepEqual(outcomes(world, 'v2'), ['done']);
  assert.throws(() => world.controller.read.history({ service: 'nothing', limit: 5 }), {
    code: 'SERVICE_UNKNOWN',
  });

  await world.deploy('v2', { spec: OTHER });
  await world.until('v2 serves', () => world.service().stable === 'v2');

  assert.equal(world.running.get('shop/blue')?.workload.release.spec.run, 'node other.mjs');
  assert.deepEqual(outcomes(world, 'v2'), ['done', 'done']);
  const { steer } = world.controller;
  await assert.rejects(steer.rollback({ service: 'shop', label: null }, ANA), {
    code: 'NOTHING_TO_GO_BACK_TO',
  });
  await assert.rejects(steer.rollback({ service: 'shop', label: 'v1' }, ANA), { code: 'RELEASE_UNKNOWN' });
});

test('a service that never served takes the door of the file; one that serves does not', async () => {
  const world = new World();
  await world.start();
  await neverReady(world, 'v1');
  const door = { ...WORLD_SPEC.door, listen: { address: '127.0.0.1', port: 8099 } };

  await world.deploy('v2', { spec: { ...WORLD_SPEC, door } });
  await world.until('v2 serves', () => world.service().stable === 'v2');

  assert.equal(world.service().door, 'http://127.0.0.1:8099');
  await assert.rejects(world.deploy('v3'), { code: 'DOOR_DIFFERS' });
});
