import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { replicaRow, rngOf } from '../../test/judge-traffic.ts';
import { EARLY } from '../rollout/fixtures.ts';
import { isEarly, type EarlyStep } from '../release/plan.ts';
import { earlySecond, earlyVerdict, forgetEarlyHarm, startEarly, type EarlyState } from './early.ts';
import type { EarlySecond } from './early-word.ts';
import { ERRORS_ONLY } from './fixtures.ts';

const [MIRROR, HEADER_ONLY] = EARLY.filter(isEarly) as [EarlyStep, EarlyStep];
const ERRORS = { ...ERRORS_ONLY, checks: [{ kind: 'error-rate', worseByPp: 0.5 }] } as const;
const NOTHING = { mirrored: [], copied: [], overrides: [], dropped: 0 };

function start(step: EarlyStep): EarlyState {
  return startEarly({ step, policy: ERRORS, stable: 'blue', candidate: 'green', baselineBefore: [] });
}

type Pairs = {
  readonly n: number;
  readonly mine: number;
  readonly theirs: number;
  readonly dropped?: number;
};

/** Copies and the requests that they are of. */
function pairs(second: number, { n, mine, theirs, dropped = 0 }: Pairs): EarlySecond {
  const row = (slot: 'blue' | 'green', failed: number) =>
    replicaRow({ slot, replica: 0, second }, n, failed, []);
  const apart = { ...NOTHING, mirrored: [row('green', mine)], copied: [row('blue', theirs)], dropped };
  return { second, replicas: [], apart };
}

function chosen(
  second: number,
  mine: readonly [number, number],
  theirs: readonly [number, number],
): EarlySecond {
  const row = (slot: 'blue' | 'green', [n, failed]: readonly [number, number]) =>
    replicaRow({ slot, replica: 0, second }, n, failed, []);
  return { second, replicas: [row('blue', theirs)], apart: { ...NOTHING, overrides: [row('green', mine)] } };
}

function fold(state: EarlyState, count: number, make: (second: number) => EarlySecond): EarlyState {
  return Array.from({ length: count }, (_, second) => make(second)).reduce(earlySecond, state);
}

test('copies that fail where the same requests did not are harm, with the numbers', () => {
  const word = earlyVerdict(fold(start(MIRROR), 60, (at) => pairs(at, { n: 20, mine: 2, theirs: 0 })));

  assert.equal(word.overall, 'harmful');
  assert.match(word.reason, /^error-rate \+.* is over \+0\.50pp, after \d+ copies in this step$/);
  assert.ok(word.unseen.length > 0);
});

test('what fails on both sides is the request’s own fault, however much it is', () => {
  const word = earlyVerdict(fold(start(MIRROR), 300, (at) => pairs(at, { n: 20, mine: 6, theirs: 6 })));

  assert.notEqual(word.overall, 'harmful');
  assert.notEqual(word.overall, 'suspicious');
});

/** Each request fails for its own reasons on both sides, and for its side's own with the same chance on each. */
function pairedRuns(runs: number, of: { readonly both: number; readonly each: number }): number {
  let harmful = 0;
  for (let run = 0; run < runs; run += 1) {
    const rng = rngOf(run * 7919 + 1);
    const state = fold(start(MIRROR), 120, (at) => {
      let [mine, theirs] = [0, 0];
      for (let i = 0; i < 20; i += 1) {
        const isBoth = rng() < of.both;
        if (isBoth || rng() < of.each) mine += 1;
        if (isBoth || rng() < of.each) theirs += 1;
      }
      return pairs(at, { n: 20, mine, theirs });
    });
    if (['harmful', 'severe'].includes(earlyVerdict(state).overall)) harmful += 1;
  }
  return harmful;
}

test('a healthy candidate is not taken back by its copies, whether the sides fail alike or each by itself', () => {
  assert.equal(pairedRuns(150, { both: 0, each: 0.01 }), 0);
  assert.equal(pairedRuns(150, { both: 0.05, each: 0.005 }), 0);
  assert.equal(pairedRuns(150, { both: 0.3, each: 0 }), 0);
});

test('one candidate of both halves of the bound is found all the same', () => {
  assert.equal(fold(start(MIRROR), 10, (at) => pairs(at, { n: 20, mine: 20, theirs: 0 })).kind, 'mirror');
  const word = earlyVerdict(fold(start(MIRROR), 10, (at) => pairs(at, { n: 20, mine: 20, theirs: 0 })));
  assert.equal(word.overall, 'severe');
});

test('copies that were not sent hold it, and without any it says so', () => {
  const slow = earlyVerdict(
    fold(start(MIRROR), 20, (at) => pairs(at, { n: 5, mine: 0, theirs: 0, dropped: 5 })),
  );
  assert.match(slow.hold ?? '', /^100 of 200 copies that were due were not sent/);

  const none = earlyVerdict(
    fold(start(MIRROR), 5, (second) => ({ second, replicas: [], apart: { ...NOTHING, dropped: 3 } })),
  );
  assert.deepEqual(
    [none.overall, none.reason],
    ['no-data', 'no copy was answered yet; 15 that were due were not sent'],
  );
});

test('a mirrored candidate is harmful exactly when an interval that is shown lies beyond its limit', () => {
  const count = fc.nat(30);
  fc.assert(
    fc.property(fc.array(fc.tuple(count, count, count), { minLength: 1, maxLength: 60 }), (seconds) => {
      let state = start(MIRROR);
      for (const [at, [n, mine, theirs]] of seconds.entries()) {
        state = earlySecond(state, pairs(at, { n, mine: Math.min(n, mine), theirs: Math.min(n, theirs) }));
        const { overall, checks } = earlyVerdict(state);
        const isBeyond = checks.some(
          ({ interval, limit }) => interval !== null && interval[0] >= limit - 1e-9,
        );
        if (overall !== 'severe') assert.equal(overall === 'harmful', isBeyond);
      }
    }),
    { numRuns: 200 },
  );
});

test('those who choose the candidate are quiet once there are enough, never safe', () => {
  const early = fold(start(HEADER_ONLY), 4, (at) => chosen(at, [10, 0], [100, 0]));
  assert.match(earlyVerdict(early).reason, /^0 of 40 requests failed .*; 10 more are needed$/);
  assert.equal(earlyVerdict(early).overall, 'undecided');

  const enough = earlyVerdict(fold(start(HEADER_ONLY), 6, (at) => chosen(at, [10, 0], [100, 0])));
  assert.equal(enough.overall, 'quiet');
});

test('the plain limit goes back from 20 requests and 3 failures on, and not for what hits stable too', () => {
  const few = fold(start(HEADER_ONLY), 1, (at) => chosen(at, [19, 5], [100, 0]));
  assert.equal(earlyVerdict(few).overall, 'undecided');
  const over = fold(start(HEADER_ONLY), 2, (at) => chosen(at, [19, 4], [100, 0]));
  assert.equal(earlyVerdict(over).overall, 'harmful');
  const both = earlyVerdict(fold(start(HEADER_ONLY), 6, (at) => chosen(at, [10, 1], [100, 10])));
  assert.equal(both.overall, 'quiet');
  assert.match(both.hold ?? '', /^stable itself fails more than the plain limit/);
});

test('a person who goes on in spite of it begins anew', () => {
  const over = fold(start(HEADER_ONLY), 2, (at) => chosen(at, [19, 4], [100, 0]));

  assert.equal(earlyVerdict(forgetEarlyHarm(over)).overall, 'undecided');
});
