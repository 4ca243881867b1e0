import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DEFAULT_JUDGING,
  GOAL_LADDER,
  USUAL_LATENCY,
  histogramOf,
  lognormalTable,
  median,
  rngOf,
  runRollout,
  trafficOf,
} from '../../test/judge-traffic.ts';
import { checksOf } from './checks.ts';
import { foresee, secondsToSafe, smallestFound, type Fault, type Setting } from './foresee.ts';

const STEPS = GOAL_LADDER.stepsPercent.map((sharePercent) => ({
  sharePercent,
  atLeastSeconds: GOAL_LADDER.atLeast,
  atMostSeconds: GOAL_LADDER.atMost,
}));
const LATENCY = histogramOf(rngOf(1), USUAL_LATENCY, 200_000);

function settingOf(perSecond: number, errorRate: number): Setting {
  return {
    checks: checksOf(DEFAULT_JUDGING),
    past: { perSecond, errorRate, clientErrorRate: 0, latency: LATENCY },
    warmUpSeconds: 10,
  };
}

type Case = {
  readonly name: string;
  readonly perSecond: number;
  readonly stable: number;
  readonly fault: Fault;
};

const CASES: readonly Case[] = [
  { name: 'all fail', perSecond: 10, stable: 0.001, fault: { kind: 'errors', add: 0.999 } },
  { name: 'all fail', perSecond: 100, stable: 0.001, fault: { kind: 'errors', add: 0.999 } },
  { name: '+50 pp', perSecond: 100, stable: 0.001, fault: { kind: 'errors', add: 0.5 } },
  { name: '+5 pp', perSecond: 10, stable: 0.001, fault: { kind: 'errors', add: 0.05 } },
  { name: '+5 pp', perSecond: 100, stable: 0.001, fault: { kind: 'errors', add: 0.05 } },
  { name: '+5 pp', perSecond: 1000, stable: 0.001, fault: { kind: 'errors', add: 0.05 } },
  { name: '+0.5 pp', perSecond: 100, stable: 0.001, fault: { kind: 'errors', add: 0.005 } },
  { name: '+0.5 pp', perSecond: 1000, stable: 0.001, fault: { kind: 'errors', add: 0.005 } },
  { name: '1 % to 2 %', perSecond: 1000, stable: 0.01, fault: { kind: 'errors', add: 0.01 } },
  { name: '1 % to 5 %', perSecond: 100, stable: 0.01, fault: { kind: 'errors', add: 0.04 } },
  { name: 'from none to 0.5 %', perSecond: 100, stable: 0, fault: { kind: 'errors', add: 0.005 } },
  { name: 'three times as slow', perSecond: 10, stable: 0.001, fault: { kind: 'slow', times: 3 } },
  { name: 'three times as slow', perSecond: 100, stable: 0.001, fault: { kind: 'slow', times: 3 } },
  { name: 'half as slow again', perSecond: 100, stable: 0.001, fault: { kind: 'slow', times: 1.5 } },
];

/** Median seconds of the judge itself over runs that found it, and the part that did. */
function judged({ perSecond, stable, fault }: Case, runs: number): { seconds: number; part: number } {
  const slower = fault.kind === 'slow' ? fault.times : 1;
  const bad = {
    errorRate: stable + (fault.kind === 'slow' ? 0 : fault.add),
    latency: slower === 1 ? USUAL_LATENCY : lognormalTable(50 * slower, 0.6),
  };
  const seconds: number[] = [];
  for (let run = 0; run < runs; run++) {
    const next = trafficOf({
      rng: rngOf(run * 7919 + perSecond),
      rps: perSecond,
      stableReplicas: 2,
      stable: () => ({ errorRate: stable, latency: USUAL_LATENCY }),
      candidate: () => bad,
    });
    const outcome = runRollout({
      ladder: GOAL_LADDER,
      policy: DEFAULT_JUDGING,
      unit: 'request',
      baselineSeconds: 60,
      severeActs: true,
      traffic: (age, share) => ({ replicas: next(age, share), identities: [] }),
    });
    if (outcome.end !== 'promoted') seconds.push(outcome.seconds);
  }
  return { seconds: median(seconds), part: seconds.length / runs };
}

const RUNS = 15;
for (const one of CASES) {
  test(`${one.name} at ${one.perSecond} a second is found when it was foreseen, within a factor of two`, (t) => {
    const foreseen = foresee(settingOf(one.perSecond, one.stable), STEPS, one.fault);

    const { seconds, part } = judged(one, RUNS);

    t.diagnostic(`foreseen ${foreseen?.seconds} s, judged ${seconds} s, found ${Math.round(100 * part)} %`);
    assert.ok(foreseen !== null, 'it is foreseen to be found');
    // Whole seconds: one more or less is no factor.
    assert.ok(foreseen.seconds <= 2 * seconds + 1, `${foreseen.seconds} s foreseen, ${seconds} s judged`);
    assert.ok(seconds <= 2 * foreseen.seconds + 1, `${foreseen.seconds} s foreseen, ${seconds} s judged`);
  });
}

test('what the judge finds in few runs is not foreseen, or late', () => {
  const small: Fault = { kind: 'errors', add: 0.001 };
  const foreseen = foresee(settingOf(10, 0.001), STEPS, small);

  const { part } = judged({ name: '', perSecond: 10, stable: 0.001, fault: small }, RUNS);

  assert.equal(foreseen, null);
  assert.ok(part <= 0.3, `${part}`);
});

test('a candidate like stable is never foreseen to be found', () => {
  for (const perSecond of [1, 10, 100, 1000, 10_000]) {
    for (const errorRate of [0, 0.001, 0.03, 0.3]) {
      const none: Fault = { kind: 'errors', add: 0 };
      assert.equal(foresee(settingOf(perSecond, errorRate), STEPS, none), null);
      assert.equal(foresee(settingOf(perSecond, errorRate), STEPS, { kind: 'slow', times: 1 }), null);
    }
  }
});

test('more traffic, a larger share and more time never find less', () => {
  for (const kind of ['errors', 'slow'] as const) {
    const sizes = [5, 25, 50].flatMap((sharePercent) =>
      [30, 300].map((seconds) => smallestFound(settingOf(50, 0.002), { sharePercent, seconds }, kind)),
    );
    const amounts = sizes.map((fault) => (fault === null ? Infinity : amountOf(fault)));
    for (const share of [0, 2, 4])
      assert.ok(amounts[share + 1]! <= amounts[share]!, `${kind}: ${amounts.join()}`);
    for (const share of [2, 4])
      assert.ok(amounts[share]! <= amounts[share - 2]!, `${kind}: ${amounts.join()}`);
  }
});

test('safety is foreseen as the judge finds it for a candidate like stable', () => {
  const setting = settingOf(1000, 0.001);
  const [errors] = setting.checks;

  const seconds = secondsToSafe(setting, errors!, 10);

  assert.ok(seconds !== null && seconds > 2 && seconds < 60, `${seconds}`);
  assert.equal(secondsToSafe(settingOf(0, 0), errors!, 10), null);
});

function amountOf(fault: Fault): number {
  return fault.kind === 'slow' ? fault.times : fault.add;
}
