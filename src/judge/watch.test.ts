import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  USUAL_LATENCY,
  lognormalTable,
  median,
  rngOf,
  trafficOf,
  type Version,
} from '../../test/judge-traffic.ts';
import type { ReplicaSecond } from '../traffic/counts.ts';
import { startWatch, watchSecond, watchVerdict, type WatchState, type WatchVerdict } from './watch.ts';

/** Ten minutes of stable, then the candidate with all traffic until it is worse or `seconds` are over. */
function watched(of: {
  seed: number;
  before: Version;
  after: Version;
  seconds: number;
  minutesBefore?: number;
}): { seconds: number; verdict: WatchVerdict; state: WatchState } {
  const world = {
    rng: rngOf(of.seed),
    rps: 50,
    stableReplicas: 1,
    stable: () => of.before,
    candidate: () => of.after,
  };
  const next = trafficOf(world);
  const before: ReplicaSecond[] = [];
  for (let age = -60 * (of.minutesBefore ?? 10); age < 0; age++) before.push(...next(age, 0));
  let state = startWatch(before, { candidate: 'green', unit: 'request' });
  let verdict = watchVerdict(state);
  let age = 0;
  while (age < of.seconds && verdict.overall !== 'worse' && verdict.overall !== 'severe') {
    state = watchSecond(state, { second: 1_000_000 + age, replicas: next(age, 1), identities: [] });
    verdict = watchVerdict(state);
    age += 1;
  }
  return { seconds: age, verdict, state };
}

const healthy: Version = { errorRate: 0.002, latency: USUAL_LATENCY };

test('a version like the one before it stays', () => {
  const verdicts = Array.from(
    { length: 30 },
    (_, seed) => watched({ seed, before: healthy, after: healthy, seconds: 120 }).verdict.overall,
  );

  assert.deepEqual(new Set(verdicts), new Set(['quiet']));
});

test('five percentage points more errors are seen within seconds', () => {
  const runs = Array.from({ length: 20 }, (_, seed) =>
    watched({ seed, before: healthy, after: { ...healthy, errorRate: 0.052 }, seconds: 120 }),
  );

  assert.ok(runs.every((run) => run.verdict.overall === 'worse'));
  assert.ok(median(runs.map((run) => run.seconds)) <= 30);
  assert.match(
    runs[0]!.verdict.reason,
    /^error-rate is surely \+.*pp or more .* over \+1\.\dpp \(before and after: /,
  );
});

test('twice as many and one point more is the margin, not less', () => {
  const runs = Array.from({ length: 10 }, (_, seed) =>
    watched({
      seed,
      before: { ...healthy, errorRate: 0.01 },
      after: { ...healthy, errorRate: 0.028 },
      seconds: 300,
    }),
  );

  assert.ok(runs.every((run) => run.verdict.overall === 'quiet'));
});

test('p95 twice as slow is seen, a quarter slower is within the margin', () => {
  const twice = watched({
    seed: 1,
    before: healthy,
    after: { ...healthy, latency: lognormalTable(100, 0.6) },
    seconds: 120,
  });
  const quarter = watched({
    seed: 1,
    before: healthy,
    after: { ...healthy, latency: lognormalTable(62, 0.6) },
    seconds: 120,
  });

  assert.equal(twice.verdict.overall, 'worse');
  assert.match(twice.verdict.reason, /^p95 is surely \+\d+% or more/);
  assert.equal(quarter.verdict.overall, 'quiet');
});

test('severe faults need no minutes before', () => {
  const run = watched({
    seed: 1,
    before: healthy,
    after: { ...healthy, errorRate: 1 },
    seconds: 60,
    minutesBefore: 1,
  });

  assert.equal(run.verdict.overall, 'severe');
  assert.ok(run.seconds <= 3);
});

test('too little before is no data, and the state survives JSON', () => {
  const run = watched({ seed: 1, before: healthy, after: healthy, seconds: 30, minutesBefore: 1 });

  assert.equal(run.verdict.overall, 'no-data');
  assert.deepEqual(JSON.parse(JSON.stringify(run.state)), run.state);
});
