import assert from 'node:assert/strict';
import { test } from 'node:test';
import { USUAL_LATENCY, lognormalTable, rngOf } from '../../test/judge-traffic.ts';
import type { KayentaCheck, KayentaRule, LimitsRule, OtherJudge } from '../release/judge-rules.ts';
import { fold, second, start, times } from './fixtures.ts';
import { forgetHarm } from './judge.ts';
import type { MeasuredPoint } from './measured.ts';
import type { JudgedSecond, JudgeState } from './state.ts';
import { verdictOf } from './verdict.ts';

const LIMITS: LimitsRule = {
  use: 'limits',
  everyMs: 10_000,
  failureLimit: 1,
  noData: 'fail',
  limits: [
    { measure: 'error-rate', max: 1, min: null },
    { measure: 'p99', max: 500, min: null },
  ],
};

function under(rule: OtherJudge): JudgeState {
  return start({ checks: [], warmUpMs: 0, rule });
}

function seconds(count: number, failed: number, from = 0, table = USUAL_LATENCY): JudgedSecond[] {
  return times(count, (at) =>
    second(from + at, { n: 90, failed: 40, table: USUAL_LATENCY }, { n: 10, failed, table }),
  );
}

test('limits look at the candidate alone, once an interval', () => {
  const early = fold(under(LIMITS), seconds(9, 0));
  const looked = fold(early, seconds(1, 0, 9));

  assert.deepEqual(
    [verdictOf(early).overall, verdictOf(early).reason],
    ['undecided', 'the first look in this step is in 1 s'],
  );
  assert.equal(verdictOf(looked).overall, 'safe');
  assert.deepEqual(verdictOf(looked).checks, []);
  assert.deepEqual(
    verdictOf(looked).looks.map((look) => [look.name, look.state]),
    [
      ['error-rate', 'pass'],
      ['p99', 'pass'],
    ],
  );
});

test('failures add up over the rollout, and one more than allowed goes back', () => {
  const once = fold(under(LIMITS), seconds(10, 1));
  const better = fold(once, seconds(10, 0, 10));
  const twice = fold(better, seconds(10, 1, 20));

  assert.equal(verdictOf(once).overall, 'suspicious');
  assert.match(verdictOf(once).reason, /^error-rate 10, limit 1 at most \(1 failure, 1 allowed\)$/);
  assert.equal(verdictOf(better).overall, 'safe');
  assert.equal(verdictOf(twice).overall, 'harmful');
  assert.equal(twice.harm!.check, 'error-rate');
  assert.equal(verdictOf(forgetHarm(twice)).overall, 'undecided');
});

test('a new step wants a look of its own', () => {
  const before = fold(under(LIMITS), seconds(10, 0));
  const after = fold(before, [{ ...seconds(1, 0, 10)[0]!, stepIndex: 1, askedSharePercent: 50 }]);

  assert.equal(verdictOf(after).overall, 'undecided');
});

test('a slow quantile breaks its limit in milliseconds', () => {
  const state = fold(under(LIMITS), seconds(10, 0, 0, lognormalTable(300, 0.6)));

  assert.match(verdictOf(state).reason, /^p99 \d{3,4}, limit 500 at most/);
});

function orders(candidate: MeasuredPoint['candidate']): MeasuredPoint {
  return { measure: 'orders', candidate, stable: 9 };
}

test('what has no value fails or is skipped, as the file says, and is never a pass', () => {
  const rule = { ...LIMITS, failureLimit: 0, limits: [{ measure: 'orders', max: null, min: 5 }] };
  const run = (noData: LimitsRule['noData'], candidate: MeasuredPoint['candidate']): JudgeState =>
    fold(
      under({ ...rule, noData }),
      seconds(10, 0).map((one) => ({ ...one, measured: [orders(candidate)] })),
    );

  for (const none of ['no-data', 'not-a-number', 'unreachable'] as const) {
    assert.equal(verdictOf(run('fail', none)).overall, 'harmful');
    assert.deepEqual(
      verdictOf(run('skip', none)).looks.map((look) => look.state),
      ['no-data'],
    );
  }
  assert.equal(verdictOf(run('skip', 7)).overall, 'safe');
  assert.match(verdictOf(run('skip', 4)).reason, /^orders 4, limit 5 at least/);
});

const CHECK: KayentaCheck = {
  measure: 'error-rate',
  group: 'errors',
  direction: 'increase',
  critical: false,
  mustHaveData: false,
  nan: 'remove',
  outliers: 'keep',
  outlierFactor: 3,
  effect: 'mean-ratio',
  allowedIncrease: 1,
  allowedDecrease: 1,
  criticalIncrease: 1,
  criticalDecrease: 1,
};

const KAYENTA: KayentaRule = {
  use: 'kayenta',
  everyMs: 10_000,
  judgeEveryMs: 100_000,
  lookbackMs: null,
  pass: 95,
  marginal: 50,
  groups: {},
  metrics: [CHECK, { ...CHECK, measure: 'p90', group: 'latency' }],
};

/** Both fail by chance at these rates, a hundred requests a second each. */
function chances(count: number, stable: number, candidate: number): JudgedSecond[] {
  const rng = rngOf(7);
  const failures = (rate: number): number =>
    Array.from({ length: 100 }, () => rng()).filter((one) => one < rate).length;
  return times(count, (at) =>
    second(
      at,
      { n: 100, failed: failures(stable), table: USUAL_LATENCY },
      { n: 100, failed: failures(candidate), table: USUAL_LATENCY },
    ),
  );
}

test('kayenta judges the points so far, and a score above the marginal waits', () => {
  const early = fold(under(KAYENTA), chances(99, 0.02, 0.02));
  const alike = fold(under(KAYENTA), chances(100, 0.02, 0.02));
  const worse = fold(under({ ...KAYENTA, marginal: 49 }), chances(100, 0.02, 0.1));
  const failed = fold(under(KAYENTA), chances(100, 0.02, 0.1));

  assert.equal(verdictOf(early).reason, 'the first judgement is in 1 s');
  assert.equal(verdictOf(alike).overall, 'safe');
  assert.equal(verdictOf(worse).overall, 'suspicious');
  assert.match(
    verdictOf(worse).reason,
    /^score 50 of 100: error-rate High \(\d.* × stable\) \(marginal; 95 passes\)$/,
  );
  assert.equal(verdictOf(failed).overall, 'harmful');
  assert.equal(failed.harm!.check, 'error-rate');
});

test('a critical metric fails the whole judgement, and a window slides', () => {
  const critical = { ...KAYENTA, metrics: [{ ...CHECK, critical: true }, KAYENTA.metrics[1]!] };
  const sliding = { ...KAYENTA, lookbackMs: 50_000 };
  const bad = fold(under(critical), chances(100, 0.02, 0.1));
  const slid = fold(under(sliding), chances(100, 0.02, 0.02));

  assert.match(verdictOf(bad).reason, /^score 0 of 100: a critical metric is High/);
  assert.ok(slid.rule!.use === 'kayenta' && slid.rule!.points.every((points) => points.length === 5));
});

test('a state under another judge survives JSON and does not grow for ever', () => {
  for (const rule of [LIMITS, KAYENTA]) {
    const late = fold(under({ ...rule, everyMs: 1000 }), chances(1600, 0.02, 0.02));

    assert.deepEqual(JSON.parse(JSON.stringify(late)), late);
    if (late.rule!.use === 'kayenta') assert.equal(late.rule!.points[0]!.length, 1440);
  }
});
