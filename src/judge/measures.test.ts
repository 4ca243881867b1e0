import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { normal, poisson, rngOf, trafficOf, USUAL_LATENCY, type Version } from '../../test/judge-traffic.ts';
import type { GapKind, Measure } from '../release/measure.ts';
import { checksOf, measureWeight } from './checks.ts';
import { forgetHarm, judgeSecond, startJudge, takeMeasured } from './judge.ts';
import type { Measured, MeasuredPoint } from './measured.ts';
import type { JudgeState } from './state.ts';
import { verdictOf, type Verdict } from './verdict.ts';

const SIGNUPS: Measure = {
  name: 'signups',
  source: 'prometheus',
  from: 'prometheus',
  ask: 'sum(increase(signup_total{version="{{version}}"}[{{window}}]))',
  path: null,
  range: false,
  kind: 'count',
  limit: { against: 'stable', harm: 'fewer', percent: 10 },
  intervalMs: 5000,
  delayMs: 1000,
  gaps: { 'no-data': 'wait', 'not-a-number': 'wait', 'source-down': 'wait' },
};
const BASKET: Measure = {
  ...SIGNUPS,
  name: 'basket',
  kind: 'mean',
  limit: { against: 'stable', harm: 'more', percent: 10 },
};
const QUEUE: Measure = {
  ...SIGNUPS,
  name: 'queue',
  kind: 'mean',
  limit: { against: 'number', harm: 'above', number: 10 },
};
const SMOKE: Measure = {
  ...SIGNUPS,
  name: 'smoke',
  source: 'command',
  kind: 'mean',
  limit: { against: 'failures', inARow: 2 },
};

const FINE: Version = { errorRate: 0.001, latency: USUAL_LATENCY };

/** A rollout of 25 % whose traffic is fine, with one measure, window by window. */
class Rollout {
  state: JudgeState;
  second = 1000;
  stage = 1;
  readonly #name: string;
  readonly #traffic = trafficOf({
    rng: rngOf(7),
    rps: 800,
    stableReplicas: 1,
    stable: () => FINE,
    candidate: () => FINE,
  });

  constructor(measure: Measure) {
    this.#name = measure.name;
    this.state = startJudge({
      policy: { checks: [], measures: [measure], warmUpMs: 0 },
      unit: 'request',
      stable: 'blue',
      candidate: 'green',
      plannedSeconds: 300,
      baselineBefore: [],
    });
  }

  get verdict(): Verdict {
    return verdictOf(this.state);
  }

  get result() {
    return this.verdict.measures![0]!;
  }

  /** Five seconds of traffic, and in the last of them what came in of the measure. */
  window(candidate: Measured | null, stable: Measured = 0, more: Partial<MeasuredPoint> = {}): this {
    for (let i = 0; i < 5; i++) {
      const point: MeasuredPoint = {
        measure: this.#name,
        candidate: candidate ?? 0,
        stable,
        window: {
          fromSecond: this.second - 5,
          toSecond: this.second - 1,
          stepIndex: this.stage,
          askedSharePercent: 25,
          requests: [250, 750],
        },
        ...more,
      };
      this.state = judgeSecond(this.state, {
        second: this.second,
        stepIndex: this.stage,
        askedSharePercent: 25,
        replicas: this.#traffic(this.second - 1000, 0.25),
        identities: [],
        ...(i === 4 && candidate !== null && { measured: [point] }),
      });
      this.second += 1;
    }
    return this;
  }

  windows(count: number, values: () => readonly [Measured, Measured]): this {
    for (let i = 0; i < count; i++) this.window(...values());
    return this;
  }
}

function measuresAt(times: number, seed = 3): () => readonly [number, number] {
  const rng = rngOf(seed);
  return () => [poisson(rng, 20 * times), poisson(rng, 60)];
}

/** One window without the traffic around it, which is what takes the time. */
function takeOne(rollout: Rollout, candidate: Measured, stable: Measured): JudgeState {
  const window = {
    fromSecond: 1,
    toSecond: 5,
    stepIndex: -1,
    askedSharePercent: 25,
    requests: [250, 750] as const,
  };
  const measure = rollout.state.measures[0]!.measure.name;
  return takeMeasured(rollout.state, [{ measure, candidate, stable, window }]);
}

test('a version whose business falls is harmful, in numbers', () => {
  const rollout = new Rollout(SIGNUPS).windows(12, measuresAt(0.3));

  assert.equal(rollout.verdict.overall, 'harmful');
  assert.match(
    rollout.verdict.reason,
    /^signups -\d+% \[-\d+ … -\d+\] is fewer than stable's by over 10%, after \d+ windows/u,
  );
  assert.equal(rollout.result.state, 'worse');
});

test('one whose business is as before ends safe, and not without it', () => {
  const before = new Rollout(SIGNUPS).windows(20, () => ['no-data', 'no-data']);
  const after = new Rollout(SIGNUPS).windows(20, () => [poisson(rngOf(1), 2100), poisson(rngOf(2), 6000)]);

  assert.equal(before.verdict.overall, 'undecided');
  assert.equal(after.verdict.overall, 'safe');
  assert.equal(after.result.state, 'not-worse');
  assert.match(after.verdict.reason, /signups \+\d/u);
});

describe('what has no value is a state of its own', () => {
  const kinds: readonly [Measured, GapKind][] = [
    ['no-data', 'no-data'],
    ['not-a-number', 'not-a-number'],
    ['unreachable', 'source-down'],
  ];
  for (const [value, kind] of kinds) {
    for (const sides of [
      [value, 60],
      [20, value],
      [value, value],
    ] as const) {
      test(`${kind}, candidate ${sides[0]}, stable ${sides[1]}: waits, is ignored, or fails, as configured`, () => {
        const at = (policy: 'wait' | 'ignore' | 'fail') =>
          new Rollout({ ...SIGNUPS, gaps: { ...SIGNUPS.gaps, [kind]: policy } }).windows(20, () => sides);
        const [waits, ignored, fails] = [at('wait'), at('ignore'), at('fail')];

        assert.equal(waits.result.state, kind);
        assert.equal(waits.verdict.overall, 'undecided');
        assert.match(waits.verdict.hold ?? '', /^signups: /u);
        assert.equal(ignored.verdict.overall, 'safe');
        assert.equal(ignored.verdict.hold, null);
        assert.equal(fails.verdict.overall, 'harmful');
        assert.match(
          fails.verdict.reason,
          new RegExp(`no value for 3 windows in a row .*"${kind}: fail"`, 'u'),
        );
        assert.equal(waits.result.logE, 0);
        assert.equal(ignored.result.logE, 0);
      });
    }
  }

  test('two windows without one are no failure, and a value ends the gap', () => {
    const rollout = new Rollout({ ...SIGNUPS, gaps: { ...SIGNUPS.gaps, 'no-data': 'fail' } });
    rollout.window('no-data').window('no-data').window(20, 60).window('no-data').window('no-data');

    assert.notEqual(rollout.verdict.overall, 'harmful');
    assert.equal(rollout.result.gap?.windows, 2);
    assert.equal(rollout.window(20, 60).result.gap, null);
  });

  test('harm that was found stays found when the source goes down', () => {
    const rollout = new Rollout(SIGNUPS).windows(12, measuresAt(0.1)).window('unreachable', 'unreachable');

    assert.equal(rollout.verdict.overall, 'harmful');
    assert.equal(rollout.result.state, 'worse');
  });

  test('no window at all holds the step once the first one is late', () => {
    const rollout = new Rollout(SIGNUPS).window(null);

    assert.equal(rollout.result.state, 'waiting');
    assert.equal(rollout.verdict.hold, null);
    rollout.window(null);
    assert.match(rollout.verdict.hold ?? '', /no window of this step has come yet/u);
    assert.equal(rollout.windows(20, () => [0, 0]).verdict.hold, null);
  });

  test('less than nothing cannot be compared', () => {
    assert.equal(new Rollout(SIGNUPS).window(-1, 60).result.state, 'not-a-number');
    assert.equal(new Rollout(BASKET).window(5, -1).result.state, 'not-a-number');
    assert.equal(new Rollout(QUEUE).window(-1, 0).result.state, 'undecided');
  });
});

test('a mean that is worse by more than its limit is harmful; one within it ends safe', () => {
  const rng = rngOf(5);
  const basket = (times: number) => (): readonly [number, number] => [
    (20 + normal(rng)) * times,
    20 + normal(rng),
  ];
  const worse = new Rollout(BASKET).windows(20, basket(1.5));
  const same = new Rollout(BASKET).windows(20, basket(1));

  assert.equal(worse.verdict.overall, 'harmful');
  assert.match(worse.verdict.reason, /^basket \+\d+% .* is more than stable's by over 10%/u);
  assert.equal(same.verdict.overall, 'safe');
});

test('a number is a limit whatever stable does', () => {
  const rng = rngOf(5);
  const above = new Rollout(QUEUE).windows(12, () => [14 + normal(rng), 14 + normal(rng)]);
  const below = new Rollout(QUEUE).windows(20, () => [6 + normal(rng), 'no-data']);

  assert.equal(above.verdict.overall, 'harmful');
  assert.match(above.verdict.reason, /^queue 1\d\.?\d* \[1\d\.?\d* … .*\] is above 10, after/u);
  assert.equal(below.verdict.overall, 'safe');
});

test('a command fails by its exit code, as often in a row as it may', () => {
  const says = 'candidate: exit code 1: basket is empty';
  const once = new Rollout(SMOKE).window(0).window(1, 0, { says });
  const twice = new Rollout(SMOKE).window(0).window(1, 0, { says }).window(2, 0, { says });

  assert.equal(once.verdict.overall, 'undecided');
  assert.equal(twice.verdict.overall, 'harmful');
  assert.match(twice.verdict.reason, /smoke failed 2 times in a row: .*basket is empty/u);
  assert.equal(new Rollout(SMOKE).windows(20, () => [0, 0]).verdict.overall, 'safe');
});

test('a window of a former step speaks of harm, and not of how safe this one is', () => {
  const rollout = new Rollout(SIGNUPS).windows(20, () => [2100, 6000]);
  assert.equal(rollout.result.state, 'not-worse');
  rollout.stage = 2;
  const window = {
    fromSecond: 1,
    toSecond: 5,
    stepIndex: 1,
    askedSharePercent: 25,
    requests: [250, 750] as const,
  };

  assert.equal(rollout.window(2100, 6000, { window }).result.windows, 0);
  assert.equal(rollout.result.state, 'waiting');
  assert.equal(rollout.windows(12, () => [200, 6000]).verdict.overall, 'harmful');
});

test('a person who goes on in spite of it begins anew, at the same limit', () => {
  const rollout = new Rollout(SIGNUPS).windows(12, measuresAt(0.2));
  rollout.state = forgetHarm(rollout.state);

  assert.notEqual(rollout.verdict.overall, 'harmful');
  assert.equal(rollout.result.logE, 0);
  assert.equal(rollout.windows(12, measuresAt(0.2)).verdict.overall, 'harmful');
});

test('measures take their part of the one budget for false alarms, and no more', () => {
  const policy = { checks: [], measures: [SIGNUPS, BASKET, SMOKE], warmUpMs: 0 };
  const weights = [
    ...checksOf(policy).map((check) => check.weight),
    ...policy.measures.map((measure) => measureWeight(measure, policy)),
  ];

  assert.ok(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-12);
  assert.equal(weights.at(-1), 0);
});

test('worse exactly when the interval that is shown lies at or beyond the limit', () => {
  const gap = fc.constantFrom<Measured>('no-data', 'unreachable');
  const about = (size: number) =>
    fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: size, max: size + 9 }) },
      { weight: 1, arbitrary: gap },
    );
  const points = fc
    .tuple(fc.constantFrom(0, 5, 15, 30, 60), fc.constantFrom(5, 45))
    .chain(([mine, theirs]) =>
      fc.array(fc.tuple(about(mine), about(theirs)), { minLength: 1, maxLength: 25 }),
    );
  const measures = fc.constantFrom(SIGNUPS, BASKET, QUEUE);
  let harmful = 0;

  fc.assert(
    fc.property(measures, points, (measure, list) => {
      const rollout = new Rollout(measure);
      for (const [candidate, stable] of list) {
        rollout.state = takeOne(rollout, candidate, stable);
        const { interval, limit, state } = rollout.result;
        if (interval === null || limit.against === 'failures') continue;
        const isMore = limit.harm === 'more' || limit.harm === 'above';
        const at = limit.against === 'number' ? 0 : isMore ? limit.percent : -limit.percent;
        const end = isMore ? interval[0] : interval[1];
        const isBeyond = end !== null && (isMore ? end >= at - 1e-9 : end <= at + 1e-9);
        if (state === 'worse') harmful += 1;
        assert.equal(state === 'worse', isBeyond, JSON.stringify({ interval, at, state }));
      }
    }),
    { numRuns: 150, seed: 3 },
  );
  assert.ok(harmful > 20, `${harmful} harmful windows`);
});
