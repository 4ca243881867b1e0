import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { USUAL_LATENCY, lognormalTable } from '../../test/judge-traffic.ts';
import type { JudgePolicy } from '../release/service.ts';
import { ERRORS_ONLY, arbitraryRun, arbitraryUnit, fold, second, start, times } from './fixtures.ts';
import { judgeSecond } from './judge.ts';
import type { JudgedSecond } from './state.ts';
import { verdictOf } from './verdict.ts';

test('while stable itself does far worse than before, it is no time to go on', () => {
  const before = Array.from(
    { length: 120 },
    (_, at) => second(at - 120, { n: 90, table: USUAL_LATENCY }, { n: 0 }).replicas[0]!,
  );
  const fresh = start({ checks: [], warmUpMs: 0 }, 'request', before);
  const calm = fold(
    fresh,
    times(60, (at) => second(at, { n: 90, table: USUAL_LATENCY }, { n: 10, table: USUAL_LATENCY })),
  );
  const failing = fold(
    calm,
    times(30, (at) => second(60 + at, { n: 90, failed: 27 }, { n: 10, failed: 3 })),
  );
  const slow = lognormalTable(400, 0.6);
  const stalled = fold(
    calm,
    times(30, (at) => second(60 + at, { n: 90, table: slow }, { n: 10, table: slow })),
  );
  const over = fold(
    failing,
    times(120, (at) => second(90 + at, { n: 90, table: USUAL_LATENCY }, { n: 10 })),
  );
  const forEver = fold(
    failing,
    times(3600, (at) => second(90 + at, { n: 90, failed: 27 }, { n: 10, failed: 3 })),
  );

  assert.equal(verdictOf(calm).hold, null);
  assert.match(
    verdictOf(failing).hold!,
    /^an incident that hits both versions: stable itself fails 20 % of its requests, 0 % before/,
  );
  assert.notEqual(verdictOf(failing).overall, 'harmful');
  assert.match(verdictOf(stalled).hold!, /of stable's own answers take twice as long/);
  assert.equal(verdictOf(over).hold, null);
  assert.equal(verdictOf(forEver).hold, null);
});

/** One in which the candidate answers `wrong` of ten requests with 4xx. */
function wrongSecond(at: number, wrong: number): JudgedSecond {
  const one = second(at, { n: 90 }, { n: 10 });
  const replicas = one.replicas.map((row) =>
    row.slot === 'blue' ? row : { ...row, classes: { ...row.classes, ok: 10 - wrong, clientError: wrong } },
  );
  return { ...one, replicas };
}

test('answers of 4xx are judged without being named, and by their own margin', () => {
  const all = fold(
    start({ checks: [], warmUpMs: 0 }),
    times(20, (at) => wrongSecond(at, 10)),
  );
  const few = fold(
    start({ checks: [], warmUpMs: 0 }),
    times(200, (at) => wrongSecond(at, at % 20 === 0 ? 1 : 0)),
  );

  assert.match(verdictOf(all).reason, /^client-error-rate \+100pp/);
  assert.equal(few.harm, null);
  assert.deepEqual(
    verdictOf(few).checks.map((check) => check.name),
    ['error-rate', 'p90', 'p99'],
  );
});

/** The same second with a stable that never fails and a candidate of which a quarter does, at a share that is judged. */
function againstGood(one: JudgedSecond): JudgedSecond {
  const replicas = one.replicas.map((row) => {
    const failed = row.slot === 'green' ? Math.floor(row.attempts / 4) : 0;
    return { ...row, classes: { ...row.classes, ok: row.attempts - failed, serverError: failed } };
  });
  const identities = one.identities.map((side) => ({
    ...side,
    failed: side.slot === 'green' ? Math.floor(side.active / 4) : 0,
  }));
  return { ...one, replicas, identities, stepIndex: 0, askedSharePercent: 50 };
}

test('interval and decision are one thing, whatever comes', () => {
  const policy = fc.constantFrom<JudgePolicy>(ERRORS_ONLY, { checks: [], warmUpMs: 2000 });
  const seen = { harmful: 0, not: 0 };
  fc.assert(
    fc.property(arbitraryRun, arbitraryUnit, policy, fc.boolean(), (makers, unit, judged, good) => {
      const state = fold(
        start(judged, unit),
        makers.map((make, at) => (good ? againstGood(make(at)) : make(at))),
      );
      const verdict = verdictOf(state);
      const isHarmful = state.harm !== null;
      seen[isHarmful ? 'harmful' : 'not'] += 1;
      assert.equal(
        verdict.checks.some((check) => check.interval !== null && check.interval[0] >= check.limit),
        isHarmful,
      );
      assert.equal(
        verdict.checks.some((check) => check.state === 'worse'),
        isHarmful,
      );
      if (state.severe.found === null) assert.equal(verdict.overall === 'harmful', isHarmful);
      for (const check of verdict.checks) {
        if (check.interval === null) continue;
        const [lo, hi] = check.interval;
        assert.equal(
          lo >= check.limit,
          check.state === 'worse',
          `${check.name} ${lo} ${check.limit} ${check.state}`,
        );
        if (check.state === 'not-worse') assert.ok(hi !== null && hi <= check.safeLimit + 1e-9);
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(seen.harmful >= 30 && seen.not >= 30, JSON.stringify(seen));
});

test('a moving rollout is harmful in the very second in which an interval leaves its limit', () => {
  let state = start({ checks: [], warmUpMs: 0 });
  for (let at = 0; at < 600 && state.harm === null; at++) {
    const [blue, green] = [
      { n: 900, failed: at % 3 === 0 ? 1 : 0, table: USUAL_LATENCY },
      { n: 100, failed: at % 5 === 0 ? 1 : 0, table: USUAL_LATENCY },
    ];
    state = judgeSecond(state, second(at, blue, green));
    const beyond = verdictOf(state).checks.some(({ interval, limit }) => interval![0] >= limit);
    assert.equal(beyond, state.harm !== null);
  }
  assert.notEqual(state.harm, null);
});
