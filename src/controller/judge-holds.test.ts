import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANA, World, WORLD_SPEC } from './world-fixture.ts';

const SPEC: typeof WORLD_SPEC = {
  ...WORLD_SPEC,
  policy: {
    ...WORLD_SPEC.policy,
    dwell: { atLeastMs: 10_000, atMostMs: 20_000 },
    whenUnsure: { waitMs: 600_000, then: 'advance' },
  },
};

async function dwelling(world: World): Promise<string> {
  await world.serving();
  // What stable was like before is what an incident is measured against.
  await world.pass(5000);
  const { rollout } = await world.deploy('v2', { spec: SPEC });
  await world.until('v2 has a share', () => world.service().rollout?.phase === 'dwelling');
  return rollout!.id;
}

function bothFail(world: World, percent: number): void {
  for (const release of ['shop/v1', 'shop/v2']) world.errorPercent.set(release, percent);
}

test('an incident that hits both versions holds the rollout, says so, and lets go when it is over', async () => {
  const world = new World();
  const id = await dwelling(world);
  const share = world.service().rollout!.sharePercent;
  bothFail(world, 30);

  await world.pass(60_000);
  const held = world.service().rollout!;
  assert.equal(held.sharePercent, share);
  assert.match(
    held.waiting ?? '',
    /^the judge, which holds it: an incident that hits both versions: stable itself fails/,
  );
  const said = world.controller.read.why(id).events.flatMap((event) => event.says);
  assert.ok(said.some((line) => line.startsWith('the judge holds it: an incident that hits both versions')));

  bothFail(world, 0);
  await world.until('v2 has everything', () => world.service().stable === 'v2', 300);
  const after = world.controller.read.why(id).events.flatMap((event) => event.says);
  assert.ok(after.includes('the judge no longer holds it'));
});

test('a person goes on in spite of it', async () => {
  const world = new World();
  await dwelling(world);
  const { stepIndex } = world.service().rollout!;
  bothFail(world, 30);
  await world.until('it is held', () => world.service().rollout?.waiting !== null);

  await world.controller.steer.promote({ service: 'shop', fromStep: null, full: false }, ANA);
  await world.pass(3000);

  assert.ok(world.service().rollout!.stepIndex > stepIndex);
});

test('one that does not end asks a person, also where it would go on when unsure', async () => {
  const world = new World();
  await world.serving();
  await world.pass(5000);
  const whenUnsure = { waitMs: 10_000, then: 'advance' } as const;
  await world.deploy('v2', { spec: { ...SPEC, policy: { ...SPEC.policy, whenUnsure } } });
  await world.until('v2 has a share', () => world.service().rollout?.phase === 'dwelling');
  const share = world.service().rollout!.sharePercent;
  bothFail(world, 30);

  await world.until('a person is asked', () => world.service().rollout?.phase === 'asking', 60);

  assert.equal(world.service().rollout!.sharePercent, share);
  assert.match(world.service().rollout!.waiting ?? '', /^a person: held for 30s: an incident that hits both/);
});
