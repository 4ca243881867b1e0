/**
 * Goal figures in small, with fixed seeds. The full tables (500 to 1,000 runs each) are in docs/judge.md; the bounds here are
 * coarse enough to hold for any sound change and tight enough to fail for a broken one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DEFAULT_JUDGING,
  GOAL_LADDER,
  USUAL_LATENCY,
  crowdTraffic,
  lognormalTable,
  median,
  rngOf,
  runRollout,
  trafficOf,
  type Crowd,
  type Outcome,
  type Version,
  type World,
} from '../../test/judge-traffic.ts';

type Scene = Pick<World, 'rps' | 'stable' | 'candidate'> & Partial<World>;

function rollouts(runs: number, scene: Scene, severeActs = false): readonly Outcome[] {
  return Array.from({ length: runs }, (_, run) => {
    const next = trafficOf({ rng: rngOf(run * 7919 + scene.rps), stableReplicas: 2, ...scene });
    return runRollout({
      ladder: GOAL_LADDER,
      policy: DEFAULT_JUDGING,
      unit: 'request',
      baselineSeconds: 60,
      severeActs,
      traffic: (age, share) => ({ replicas: next(age, share), identities: [] }),
    });
  });
}

function always(errorRate: number, latency = USUAL_LATENCY): () => Version {
  const version = { errorRate, latency };
  return () => version;
}

function backs(outcomes: readonly Outcome[]): readonly Outcome[] {
  return outcomes.filter((outcome) => outcome.end !== 'promoted');
}

function medianSeconds(outcomes: readonly Outcome[]): number {
  return median(backs(outcomes).map((outcome) => outcome.seconds));
}

test('a healthy version is not taken back (G1), and is through in time (G11)', () => {
  const slow = [0.001, 0.01].flatMap((rate) =>
    rollouts(50, { rps: 100, stable: always(rate), candidate: always(rate) }),
  );
  const few = rollouts(40, { rps: 10, stable: always(0.01), candidate: always(0.01) });
  const many = rollouts(30, { rps: 1000, stable: always(0.001), candidate: always(0.001) });

  const all = [...slow, ...few, ...many];
  assert.ok(backs(all).length <= 1, `${backs(all).length} of ${all.length} healthy rollouts went back`);
  assert.ok(median(many.map((outcome) => outcome.seconds)) <= 125);
  assert.ok(Math.max(...slow.map((outcome) => outcome.seconds)) <= 400);
});

test('a version that fails always is gone after three seconds and thirty requests (G4)', () => {
  const outcomes = rollouts(100, { rps: 100, stable: always(0.001), candidate: always(1) });

  assert.equal(backs(outcomes).length, outcomes.length);
  assert.ok(medianSeconds(outcomes) <= 3);
  assert.ok(median(outcomes.map((outcome) => outcome.candidateRequests)) <= 32);
});

test('five percent of errors are found within seconds (G5)', () => {
  for (const [rps, goal] of [
    [10, 95],
    [100, 13],
    [1000, 4],
  ] as const) {
    const outcomes = rollouts(60, { rps, stable: always(0.001), candidate: always(0.051) });

    assert.equal(backs(outcomes).length, outcomes.length);
    assert.ok(medianSeconds(outcomes) <= goal, `${rps} rps: ${medianSeconds(outcomes)} s`);
  }
});

test('three times slower is found, a cold start is not (G8, G12)', () => {
  const slower = rollouts(30, {
    rps: 100,
    stable: always(0.001),
    candidate: always(0.001, lognormalTable(150, 0.6)),
  });
  const cold = Array.from({ length: 31 }, (_, age) => ({
    errorRate: 0.001,
    latency: lognormalTable(50 * (1 + 3 * Math.exp(-age / 10)), 0.6),
  }));
  const starting = rollouts(40, {
    rps: 100,
    stable: always(0.001),
    candidate: (age) => cold[age] ?? { errorRate: 0.001, latency: USUAL_LATENCY },
  });

  assert.equal(backs(slower).length, slower.length);
  assert.ok(medianSeconds(slower) <= 42);
  assert.ok(backs(starting).length <= 1);
});

function incident(age: number): Version {
  return { errorRate: age >= 30 && age < 150 ? 0.3 : 0.001, latency: USUAL_LATENCY };
}

test('an incident that hits both sides takes nothing back (G2)', () => {
  const outcomes = rollouts(40, { rps: 100, stable: incident, candidate: incident });

  assert.equal(backs(outcomes).length, 0);
});

test('more people on the candidate than asked for do not look like more errors (G2)', () => {
  const outcomes = rollouts(40, {
    rps: 100,
    stable: always(0.01),
    candidate: always(0.01),
    realShare: (asked) => Math.min(0.95, 1.3 * asked),
  });

  assert.ok(backs(outcomes).length <= 1);
});

function crowds(
  runs: number,
  of: Omit<Crowd, 'rng' | 'alwaysFails' | 'rps'> & { readonly failingPart: number },
): readonly Outcome[] {
  return Array.from({ length: runs }, (_, run) => {
    const rng = rngOf(run * 104_729 + 1);
    const failing = new Set<number>(of.heavyPart > 0 ? [0] : []);
    for (let person = 0; person < of.people; person++) if (rng() < of.failingPart) failing.add(person);
    return runRollout({
      ladder: { stepsPercent: [5, 25, 50], atLeast: 60, atMost: 60, bake: 0 },
      policy: DEFAULT_JUDGING,
      unit: 'identity',
      baselineSeconds: 60,
      severeActs: true,
      traffic: crowdTraffic({ ...of, rng, rps: 100, alwaysFails: (person) => failing.has(person) }),
    });
  });
}

test('people who always fail, whatever they are served, take no healthy version back', () => {
  const healthy = { candidateErrorRate: 0, zipf: 1 };
  const oneHeavy = crowds(40, { ...healthy, people: 2000, heavyPart: 0.02, failingPart: 0 });
  const ofMany = crowds(40, { ...healthy, people: 2000, heavyPart: 0, failingPart: 0.01 });
  const ofFew = crowds(40, { ...healthy, zipf: 1.2, people: 200, heavyPart: 0, failingPart: 0.01 });

  assert.equal(backs([...oneHeavy, ...ofMany, ...ofFew]).length, 0);
});

test('five percent of errors are found among two thousand people who stay where they are', () => {
  const outcomes = crowds(60, {
    people: 2000,
    zipf: 1,
    heavyPart: 0,
    failingPart: 0,
    candidateErrorRate: 0.05,
  });

  assert.equal(backs(outcomes).length, outcomes.length);
  assert.ok(medianSeconds(outcomes) <= 25);
});

test('a dead version is found among fifty people by the severe rule', () => {
  const outcomes = crowds(60, { people: 50, zipf: 1, heavyPart: 0, failingPart: 0, candidateErrorRate: 1 });

  assert.equal(backs(outcomes).length, outcomes.length);
  assert.ok(medianSeconds(outcomes) <= 15);
});
