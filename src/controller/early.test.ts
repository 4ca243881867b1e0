import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EarlyStage, ServiceSpec } from '../release/service.ts';
import { ANA, World, WORLD_SPEC } from './world-fixture.ts';

const MIRROR: EarlyStage = {
  kind: 'mirror',
  sharePercent: 50,
  methods: ['GET', 'HEAD'],
  because: null,
  forMs: 4000,
};
const HEADER_ONLY: EarlyStage = { kind: 'header-only', requests: 50, maxErrorsPercent: 5, forMs: 4000 };

function specWith(early: readonly EarlyStage[], policy: Partial<ServiceSpec['policy']> = {}): ServiceSpec {
  return {
    ...WORLD_SPEC,
    policy: { ...WORLD_SPEC.policy, ...(early.length > 0 && { early }), ...policy },
    door: {
      ...WORLD_SPEC.door,
      override: { header: 'X-Version', allow: { kind: 'networks', networks: ['10.0.0.0/8'] } },
    },
  };
}

/** v1 serves, and is known; v2 comes by this spec. */
async function deployed(world: World, spec: ServiceSpec): Promise<string> {
  world.spec = spec;
  await world.serving();
  await world.pass(5000);
  const { rollout } = await world.deploy('v2', { spec });
  return rollout!.id;
}

function view(world: World, id: string) {
  return world.controller.read.rollout(id);
}

test('copies of a broken candidate take it back before one user got it', async () => {
  const world = new World();
  world.errorPercent.set('shop/v2', 5);
  const id = await deployed(world, specWith([MIRROR]));

  await world.until('v2 is gone', () => view(world, id).phase === 'over');

  const { outcome, cause, reason, early, verdict, traffic } = view(world, id);
  assert.deepEqual([outcome, cause], ['rolled-back', 'harmful']);
  assert.match(reason ?? '', /^error-rate \+.* copies in this step$/);
  assert.equal(verdict, null);
  assert.deepEqual([traffic?.candidate.requests, early?.[0]?.overall], [0, 'harmful']);
  assert.ok((early?.[0]?.traffic.candidate.failed ?? 0) > 0);
  assert.ok(early?.[0]?.unseen.includes('writes: only GET and HEAD are copied'));
  const why = world.controller.read.why(id);
  assert.deepEqual([why.shares[0]?.early, why.shares[0]?.sharePercent], ['mirror', 0]);
  assert.ok(why.rules.some((line) => line.startsWith('mirror cannot see: ')));
  assert.ok(why.events.some(({ says }) => says.some((line) => line.startsWith('100% stayed on v1'))));
});

test('a healthy candidate goes through its mirror and those who choose it into its shares', async () => {
  const world = new World();
  world.chosenPerSecond = 20;
  const id = await deployed(world, specWith([MIRROR, HEADER_ONLY]));

  await world.until(
    'v2 is mirrored',
    () => view(world, id).steps[view(world, id).stepIndex]?.kind === 'mirror',
  );
  assert.equal(world.service().users, '100% on v1');
  await world.until('v2 serves', () => view(world, id).phase === 'over', 300);

  const { outcome, early, verdict } = view(world, id);
  assert.equal(outcome, 'done');
  assert.deepEqual(
    early?.map(({ kind, overall }) => [kind, overall]),
    [
      ['mirror', 'undecided'],
      ['header-only', 'quiet'],
    ],
  );
  assert.notEqual(verdict, null);
});

test('those who choose a broken candidate take it back; nobody else got it', async () => {
  const world = new World();
  world.chosenPerSecond = 10;
  world.errorPercent.set('shop/v2', 20);
  const id = await deployed(world, specWith([HEADER_ONLY]));

  await world.until('v2 is gone', () => view(world, id).phase === 'over');

  const { cause, reason, traffic } = view(world, id);
  assert.deepEqual([cause, traffic?.candidate.requests], ['harmful', 0]);
  assert.match(
    reason ?? '',
    /of 20 requests failed \(20 %\) of those who chose the candidate, over the plain limit of 5 %/,
  );
  assert.match(world.controller.read.why(id).rule ?? '', /Nobody was drawn/);
});

test('without anybody who chooses it a person is asked, as when-unsure says', async () => {
  const world = new World();
  const id = await deployed(world, specWith([HEADER_ONLY], { whenUnsure: { waitMs: 2000, then: 'ask' } }));

  await world.until('a person is asked', () => view(world, id).phase === 'asking');
  assert.match(view(world, id).waiting ?? '', /undecided after 8s: only 0 requests/);
  assert.match(view(world, id).early?.[0]?.reason ?? '', /nobody chose the candidate by X-Version yet/);

  await world.controller.steer.promote({ service: 'shop', fromStep: null, full: false }, ANA);
  await world.until('v2 has a share', () => view(world, id).phase === 'dwelling');
  assert.equal(view(world, id).sharePercent, 25);
});

test('a controller that is killed in a mirror goes on with it, by the same seconds', async () => {
  const world = new World();
  world.errorPercent.set('shop/v2', 1);
  const id = await deployed(world, specWith([{ ...MIRROR, forMs: 20_000 }]));
  await world.until('copies are judged', () => (view(world, id).early?.[0]?.seconds ?? 0) > 5);

  world.kill();
  await world.start();
  await world.until('v2 is gone', () => view(world, id).phase === 'over');

  assert.equal(view(world, id).cause, 'harmful');
});

test('a proxy that cannot copy is refused before anything starts', async () => {
  const world = new World();
  world.spec = specWith([]);
  world.mirrors = false;
  await world.serving();

  await assert.rejects(
    world.deploy('v2', { spec: specWith([MIRROR]) }),
    /cannot do what the file asks for: mirror \(it cannot copy requests\)/,
  );
  assert.equal(world.service().rollout, null);
});
