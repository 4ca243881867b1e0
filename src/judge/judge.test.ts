import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { USUAL_LATENCY, lognormalTable, replicaRow } from '../../test/judge-traffic.ts';
import type { JudgePolicy } from '../release/service.ts';
import { latencyBucket, type IdentitySecond, type ReplicaSecond } from '../traffic/counts.ts';
import { ERRORS_ONLY, arbitraryRun, arbitraryUnit, fold, people, second, start, times } from './fixtures.ts';
import { forgetHarm, judgeSecond } from './judge.ts';
import type { JudgedSecond, JudgeState } from './state.ts';
import { verdictOf, type Verdict } from './verdict.ts';

test('harm comes with the numbers, and its interval is beyond the limit', () => {
  const state = fold(
    start(),
    times(40, (at) => second(at, { n: 90, failed: at % 10 === 0 ? 1 : 0 }, { n: 10, failed: at % 2 })),
  );

  const verdict = verdictOf(state);
  const errors = verdict.checks[0]!;
  assert.equal(verdict.overall, 'harmful');
  assert.match(
    verdict.reason,
    /^error-rate \+\d[\d.]*pp \[\+\d.* … \+.*\] is over \+0\.50pp, after \d+ requests/,
  );
  assert.equal(errors.state, 'worse');
  assert.ok(errors.interval![0] >= errors.limit);
});

test('harm once found stays, until a person chooses to go on', () => {
  const found = fold(
    start(),
    times(20, (at) => second(at, { n: 90 }, { n: 10, failed: 5 })),
  );
  const later = fold(
    found,
    times(60, (at) => second(20 + at, { n: 90 }, { n: 10 })),
  );

  assert.notEqual(found.harm, null);
  assert.deepEqual(later.harm, found.harm);
  assert.ok(
    ['undecided', 'safe'].includes(
      verdictOf(judgeSecond(forgetHarm(later), second(90, { n: 90 }, { n: 10 }))).overall,
    ),
  );
});

test('a fault that begins in a step is shown as it is now', () => {
  let state = start({ checks: [], warmUpMs: 0 });
  for (let at = 0; at < 900 && state.harm === null; at++) {
    state = judgeSecond(state, second(at, { n: 90 }, { n: 10, failed: at >= 600 && at % 2 === 0 ? 1 : 0 }));
  }

  const errors = verdictOf(state).checks[0]!;
  assert.ok(state.judgedSeconds < 640);
  assert.equal(errors.interval![1], null);
  assert.ok(errors.difference! > errors.interval![0]);
});

test('safe means within the limit by the very test that decided', () => {
  const state = fold(
    start(),
    times(200, (at) => second(at, { n: 900, table: USUAL_LATENCY }, { n: 100, table: USUAL_LATENCY })),
  );

  const verdict = verdictOf(state);
  assert.equal(verdict.overall, 'safe');
  for (const check of verdict.checks) {
    assert.equal(check.state, 'not-worse');
    assert.equal(check.needRequests, 0);
    assert.ok(check.interval![1]! <= check.safeLimit && check.interval![0] < check.limit);
  }
  assert.match(verdict.reason, /every check is surely within its limit: error-rate .*p95/);
});

test('a new share must be shown to be safe again, while harm keeps its evidence', () => {
  const before = fold(
    start(),
    times(200, (at) => second(at, { n: 900, table: USUAL_LATENCY }, { n: 100, table: USUAL_LATENCY })),
  );
  const after = judgeSecond(
    before,
    second(200, { n: 50 }, { n: 50 }, { stepIndex: 1, askedSharePercent: 50 }),
  );

  const verdict = verdictOf(after);
  assert.equal(verdict.overall, 'undecided');
  assert.equal(verdict.judgedSecondsInStep, 1);
  assert.equal(verdict.candidateRequestsInStep, 50);
  assert.ok(after.judgedSeconds === 201 && Math.abs(verdict.logE - verdictOf(before).logE) < 0.5);
});

test('silence on either side is no data, never a pass', () => {
  assert.equal(verdictOf(start()).overall, 'no-data');
  const idle = fold(
    start(),
    times(30, (at) => second(at, { n: 100 }, { n: 0 })),
  );
  const alone = fold(
    start(),
    times(30, (at) => second(at, { n: 0 }, { n: 100 })),
  );

  assert.match(verdictOf(idle).reason, /no request has reached the candidate/);
  assert.match(verdictOf(alone).reason, /no request has reached stable/);
  assert.equal(verdictOf(alone).overall, 'no-data');
});

test('nothing is bet at 0 and 100 %', () => {
  for (const askedSharePercent of [0, 100]) {
    const state = fold(
      start(),
      times(30, (at) => second(at, { n: 100 }, { n: 10, failed: 4 }, { askedSharePercent })),
    );

    assert.equal(state.judgedSeconds, 0);
    assert.equal(verdictOf(state).logE, 0);
    assert.equal(state.harm, null);
  }
});

test('client aborts are nobody’s requests', () => {
  const row = replicaRow({ slot: 'green', replica: 0, second: 0 }, 10, 0);
  const left = { ...row, classes: { ...row.classes, ok: 0, clientAbort: 10 } };

  const state = judgeSecond(start(), { ...second(0, { n: 90 }, { n: 0 }), replicas: [left] });

  assert.deepEqual(state.step.units, [0, 0]);
});

test('latency of the first seconds is not judged, nor believed at once afterwards', () => {
  const slow = lognormalTable(200, 0.6);
  const before = Array.from(
    { length: 60 },
    (_, at) => second(at - 60, { n: 90, table: USUAL_LATENCY }, { n: 0 }).replicas[0]!,
  );
  const verdicts: Verdict[] = [];
  let state = start(ERRORS_ONLY, 'request', before);
  for (let at = 0; at < 60 && state.harm === null; at++) {
    state = judgeSecond(state, second(at, { n: 90, table: USUAL_LATENCY }, { n: 10, table: slow }));
    verdicts.push(verdictOf(state));
  }

  assert.ok(verdicts.slice(0, 9).every((verdict) => verdict.overall === 'undecided'));
  assert.ok(verdicts.some((verdict) => /judged once more/.test(verdict.reason)));
  assert.equal(verdicts.at(-1)!.overall, 'harmful');
  assert.ok(verdicts.length > 25, `found after ${verdicts.length} s`);
  const p95 = verdicts.at(-1)!.checks.find((check) => check.name === 'p95')!;
  assert.ok(p95.interval![0] >= 20 && p95.candidate! > 2.5 * p95.stable!);
});

/** `count` of a thousand people, each in a second of their own, fail and are slow, all of them on the candidate. */
function fewFail(count: number): Verdict {
  const before = Array.from(
    { length: 60 },
    (_, at) => second(at - 60, { n: 90, table: USUAL_LATENCY }, { n: 0 }).replicas[0]!,
  );
  let state = start({ checks: [], warmUpMs: 0 }, 'identity', before);
  for (let at = 0; at < 20; at++) {
    const failed = at >= 10 && at < 10 + count ? 1 : 0;
    const records: IdentitySecond['records'] = [[-1, failed === 1 ? 400 : 0, 1]];
    const identities = [
      people(at, 'blue', { active: 99 }),
      people(at, 'green', { active: 1, failed, records }),
    ];
    state = judgeSecond(
      state,
      second(at, { n: 99 }, { n: 1, failed }, { identities, askedSharePercent: 0.1 }),
    );
  }
  return verdictOf(state);
}

test('one or two people do not take a version back, whatever they see; three can', () => {
  assert.equal(fewFail(1).overall, 'undecided');
  assert.equal(fewFail(2).overall, 'suspicious');
  assert.equal(fewFail(3).overall, 'harmful');
});

test('a line crossed by people stays where it was set', () => {
  const before = Array.from(
    { length: 60 },
    (_, at) => second(at - 60, { n: 90, table: USUAL_LATENCY }, { n: 0 }).replicas[0]!,
  );
  const state = start(ERRORS_ONLY, 'identity', before);
  const slower = lognormalTable(500, 0.6);
  const later = fold(
    state,
    times(60, (at) => second(at, { n: 90, table: slower }, { n: 10, table: slower })),
  );

  const [first, last] = [state, later].map(
    (one) => one.checks.find(({ check }) => check.name === 'p95')!.line,
  );
  assert.ok(first !== null && Math.abs(first! - latencyBucket(50 * Math.exp(1.645 * 0.6))) <= 4);
  assert.equal(last, first);
});

test('a split that cannot be chance is said, for requests and for people', () => {
  const requests = fold(
    start(),
    times(60, (at) => second(at, { n: 99 }, { n: 1 })),
  );
  const drawn = fold(
    start(ERRORS_ONLY, 'identity'),
    times(60, (at) =>
      second(
        at,
        { n: 70 },
        { n: 30 },
        {
          identities: [
            people(at, 'blue', { active: 9, assigned: 9 }),
            people(at, 'green', { active: 1, assigned: 1 }),
          ],
        },
      ),
    ),
  );

  assert.equal(verdictOf(requests).hold, verdictOf(requests).share.mismatch);
  assert.match(
    verdictOf(requests).share.mismatch!,
    /^10 % of requests were to reach the candidate, 1 % of 5800 did/,
  );
  assert.equal(verdictOf(drawn).share.mismatch, null);
  assert.match(verdictOf(drawn).share.warning!, /^30 % of the requests come from the 10 % of people/);
  assert.equal(Math.round(verdictOf(drawn).share.seenPercent!), 30);
});

/** Two replicas of stable: every fourth second one of them fails twenty times. */
function burst(at: number): ReplicaSecond[] {
  return [0, 1].map((replica) => {
    const failed = Math.floor(at / 4) % 2 === replica && at % 4 === 0 ? 20 : 0;
    return replicaRow({ slot: 'blue', replica, second: at }, 50, failed);
  });
}

test('bursts on stable switch the bet on every event off', () => {
  const calm = start(ERRORS_ONLY);
  const bursty = start(ERRORS_ONLY, 'request', Array.from({ length: 300 }, (_, at) => burst(at)).flat());

  const [before, after] = [calm, bursty].map((state) => {
    const next = judgeSecond(state, second(1000, { n: 90 }, { n: 10, failed: 8 }));
    return next.checks[0]!.harm.ratio.logW[7]!;
  });
  assert.ok(before! > 1);
  assert.ok(Math.abs(after! - Math.log(0.5)) < 1e-9);
});

/** Every number anywhere in a value. */
function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap(numbersIn);
}

test('whatever comes, the state is finite, survives JSON, and folds to the same again', () => {
  fc.assert(
    fc.property(arbitraryRun, arbitraryUnit, fc.nat(60), (makers, unit, cut) => {
      const seconds = makers.map((make, at) => make(at));
      const policy: JudgePolicy = unit === 'request' ? ERRORS_ONLY : { checks: [], warmUpMs: 2000 };
      const straight = fold(start(policy, unit), seconds);
      const half = fold(start(policy, unit), seconds.slice(0, cut));
      const resumed = fold(JSON.parse(JSON.stringify(half)) as JudgeState, seconds.slice(cut));

      assert.deepEqual(resumed, straight);
      assert.deepEqual(JSON.parse(JSON.stringify(straight)), straight);
      assert.ok(numbersIn(straight).every(Number.isFinite));
      assert.ok(numbersIn(verdictOf(straight)).every(Number.isFinite));
    }),
    { numRuns: 150 },
  );
});

test('one more error on the candidate never lowers the evidence', () => {
  fc.assert(
    fc.property(fc.nat(80), fc.nat(80), fc.nat(8), fc.integer({ min: 9, max: 100 }), (y, before, x, n) => {
      const evidence = (failed: number): number => {
        const warm = judgeSecond(start(), second(0, { n: 900, failed: before }, { n: 100, failed: 1 }));
        return verdictOf(judgeSecond(warm, second(1, { n: 900, failed: y }, { n, failed }))).logE;
      };
      assert.ok(evidence(x + 1) >= evidence(x) - 1e-9);
    }),
    { numRuns: 200 },
  );
});

function healthySeconds(from: number): JudgedSecond[] {
  return times(2000, (at) =>
    second(from + at, { n: 90, failed: at % 7 === 0 ? 1 : 0 }, { n: 10, failed: at % 63 === 0 ? 1 : 0 }),
  );
}

test('a day of judging leaves the state no larger', () => {
  const early = fold(start(), healthySeconds(0));
  const late = fold(fold(early, healthySeconds(2000)), healthySeconds(4000));

  assert.ok(JSON.stringify(late).length <= JSON.stringify(early).length + 300);
  assert.ok(JSON.stringify(late).length < 10_000);
});
