import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SampleRange } from '../journal/samples.ts';
import { pastTraffic } from './past-traffic.ts';
import { ANA, World, WORLD_SPEC } from './world-fixture.ts';

async function planned(world: World, spec = world.spec) {
  const plan = await world.controller.steer.plan({ spec, label: 'v2', artifactDigest: 'digest of v2' }, ANA);
  return plan.foresight;
}

test('plan tells from the traffic of now what would be found, and when', async () => {
  const world = new World();
  await world.serving();
  await world.pass(120_000);

  const foresight = await planned(world);

  const { traffic, steps, faults, hanging } = foresight!;
  assert.equal(traffic?.unit, 'request');
  assert.ok(Math.abs(traffic.perSecond - 200) < 20, `${traffic.perSecond}`);
  assert.deepEqual(
    steps.map((step) => [step.sharePercent, Math.round(step.candidatePerMinute / 100)]),
    [
      [25, Math.round((0.25 * 60 * traffic.perSecond) / 100)],
      [50, Math.round((0.5 * 60 * traffic.perSecond) / 100)],
    ],
  );
  assert.deepEqual(
    steps[0]?.checks.map(({ name }) => name),
    ['error-rate', 'p90', 'p99'],
  );
  const found = new Map(faults.map((one) => [one.fault, one.foundAfterSeconds]));
  assert.ok(found.get('every request fails')! <= 3);
  assert.equal(found.get('+0.1pp errors'), null);
  assert.equal(hanging.proxy, WORLD_SPEC.door.proxy.kind);
});

test('what was foreseen is what happens, within a factor of two', async () => {
  const world = new World();
  await world.serving();
  await world.pass(120_000);
  const foresight = await planned(world);
  const foreseen = foresight!.faults.find(({ fault }) => fault === '+5pp errors')!;

  world.errorPercent.set('shop/v2', 5);
  const { rollout } = await world.deploy('v2');
  await world.until('v2 is over', () => world.over('v2'));

  const { verdict } = world.controller.read.rollout(rollout!.id);
  const spent = verdict!.judgedSecondsInStep;
  assert.equal(verdict!.overall, 'harmful');
  assert.ok(
    spent <= 2 * foreseen.foundAfterSeconds! + 1,
    `${spent} s, foreseen ${foreseen.foundAfterSeconds} s`,
  );
  assert.ok(
    foreseen.foundAfterSeconds! <= 2 * spent + 1,
    `${spent} s, foreseen ${foreseen.foundAfterSeconds} s`,
  );
});

test('a switch at once compares nothing, and is advised to', async () => {
  const world = new World();
  await world.serving();
  await world.pass(60_000);
  const switching = { ...WORLD_SPEC.policy, strategy: 'blue-green' as const, stepsPercent: [100] };

  const foresight = await planned(world, { ...WORLD_SPEC, policy: switching });

  assert.deepEqual([foresight?.steps, foresight?.faults], [[], []]);
  assert.match(
    foresight!.advice.join(),
    /nothing is compared before the switch; "try: 10% for 5m" would find \+/,
  );
});

test('where traffic is too little for the steps, a larger or longer one is advised', async () => {
  const world = new World();
  world.requestsPerSecond = 2;
  await world.serving();
  await world.pass(300_000);

  const foresight = await planned(world);

  assert.match(foresight!.advice.join('\n'), /no step finds error-rate \+1pp: a dwell of at most \d+/);
});

test('a first version is judged by nothing, so nothing is foreseen', async () => {
  const world = new World();
  await world.start();

  assert.equal(await planned(world), null);
});

const ROW = {
  second: 1000,
  slot: 'blue',
  replica: 0,
  attempts: 110,
  requests: 100,
  classes: { ok: 90, clientError: 4, serverError: 3, connectFailure: 2, timeout: 1, clientAbort: 10 },
  latency: [[100, 90]],
} as const;
const PERSON = {
  second: 1000,
  slot: 'blue',
  active: 5,
  assigned: 5,
  failed: 1,
  clientError: 0,
  records: [],
} as const;

function rangeOf(change: Partial<SampleRange>): SampleRange {
  return { replicas: [ROW], identities: [], upToSecond: 1009, minutesUntil: null, ...change };
}

test('the past is counted as the judge counts: clients that left are nobody', () => {
  const past = pastTraffic(rangeOf({}), 'request');

  assert.deepEqual(
    [past?.perSecond, past?.errorRate, past?.clientErrorRate, past?.seconds, past?.bestCase],
    [10, 0.06, 0.04, 10, false],
  );
});

test('people are known from rollouts; without one every request is somebody new', () => {
  const known = pastTraffic(rangeOf({ identities: [PERSON, { ...PERSON, slot: 'green' }] }), 'identity');
  const minutes = pastTraffic(rangeOf({ identities: [PERSON], minutesUntil: 1060 }), 'identity');
  const unknown = pastTraffic(rangeOf({}), 'identity');

  assert.deepEqual([known?.perSecond, known?.errorRate, known?.bestCase], [10, 0.2, false]);
  assert.equal(minutes?.perSecond, 5 / 60);
  assert.deepEqual([unknown?.perSecond, unknown?.bestCase], [10, true]);
});

test('without traffic there is no past', () => {
  assert.equal(pastTraffic(rangeOf({ replicas: [] }), 'request'), null);
  assert.equal(pastTraffic(rangeOf({ upToSecond: null }), 'request'), null);
  const aborts = { ...ROW, attempts: 10, classes: { ...ROW.classes, ok: 0, clientError: 0, serverError: 0 } };
  assert.equal(pastTraffic(rangeOf({ replicas: [{ ...aborts }] }), 'request'), null);
});
