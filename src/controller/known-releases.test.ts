import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANA, World } from './world-fixture.ts';

const again = (label: string, supersede = false) => ({ service: 'shop', label, supersede });

test('a version that was made here is deployed once more, as a rollout of its own with all its steps', async () => {
  const world = new World();
  await world.serving();
  await world.deploy('v2');
  await world.until('v2 serves', () => world.over('v2'));

  const { rollout, result } = await world.controller.steer.redeploy(again('v1'), ANA);

  assert.equal(result, 'done');
  assert.deepEqual([rollout?.label, rollout?.purpose, rollout?.actor], ['v1', 'deploy', 'ana']);
  assert.ok(rollout!.steps.some(({ label }) => label === '25%'));
  await world.until('v1 serves', () => world.over('v1'));
  const [newest] = world.controller.read.audit({
    service: 'shop',
    actor: null,
    verb: 'deploy',
    sinceMs: null,
    untilMs: null,
    beforeSeq: null,
    limit: 1,
  }).entries;
  assert.deepEqual([newest?.actor, newest?.result, newest?.rollout], ['ana', 'done', rollout!.id]);
});

test('of each version it is known what became of it, and whether it is still there', async () => {
  const world = new World();
  await world.serving();
  await world.deploy('v2');
  await world.until('v2 serves', () => world.over('v2'));
  world.filesGone.add('digest of v1');

  const [v2, v1, ...more] = await world.controller.read.releases('shop');

  assert.deepEqual(more, []);
  assert.deepEqual([v2?.label, v2?.role, v2?.isKept, v2?.last?.outcome], ['v2', 'stable', true, 'done']);
  assert.deepEqual([v1?.label, v1?.isKept, v1?.last?.outcome], ['v1', false, 'done']);
});

test('what is not kept, was never made, or serves already does not start', async () => {
  const world = new World();
  await world.serving();
  await world.deploy('v2');
  await world.until('v2 serves', () => world.over('v2'));
  world.filesGone.add('digest of v1');

  await assert.rejects(world.controller.steer.redeploy(again('v1'), ANA), {
    code: 'ARTIFACT_UNKNOWN',
    message: /the files of v1 of shop are not kept any more; nothing was started/u,
  });
  await assert.rejects(world.controller.steer.redeploy(again('v9'), ANA), { code: 'RELEASE_UNKNOWN' });
  await assert.rejects(world.controller.steer.redeploy({ ...again('v1'), service: 'none' }, ANA), {
    code: 'SERVICE_UNKNOWN',
  });
  const { result } = await world.controller.steer.redeploy(again('v2'), ANA);
  assert.equal(result, 'nothing');
  assert.equal(world.service().rollout, null);
});

test('a freeze, a lock of somebody else and a rollout under way stand before it', async () => {
  const world = new World();
  await world.serving();
  await world.deploy('v2');
  await world.until('v2 serves', () => world.over('v2'));
  const bob = { ...ANA, actor: 'bob' };
  await world.controller.guard.lock({ service: 'shop', reason: 'sale', forMs: null }, bob);
  await assert.rejects(world.controller.steer.redeploy(again('v1'), ANA), { code: 'LOCKED' });
  const freeze = { service: 'shop', reason: null, forMs: null, untilMs: null, alsoAdvancing: false };
  await world.controller.guard.freeze(freeze, bob);
  await assert.rejects(world.controller.steer.redeploy(again('v1'), bob), { code: 'FROZEN' });

  const { rollout } = await world.controller.steer.redeploy(
    { ...again('v1'), overrideFreeze: 'the till is down' },
    bob,
  );

  await assert.rejects(world.controller.steer.redeploy(again('v2'), bob), { code: 'ROLLOUT_UNDER_WAY' });
  assert.equal(world.service().rollout?.id, rollout?.id);
});
