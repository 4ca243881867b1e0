import type { SlotName } from '../release/slot.ts';
import type { IdentitySecond, ReplicaSecond, SparseHistogram } from '../traffic/counts.ts';
import type { Interval } from './describe.ts';
import { NO_LATENCIES, beyondLine, beyondOf, latencyShift, shiftPercent } from './latency.ts';
import { decidedOf, failuresOf, sumOf } from './reading.ts';
import { advanceSevere, startSevere, type Severe } from './severe.ts';
import { withUnit } from './sentences.ts';

/**
 * After 100 % there is no stable beside the candidate, only stable's last minutes before the switch. Requests of one minute
 * are alike, so that minutes, not requests, are what chance is measured by. An incident that hits both versions alike looks
 * like a bad candidate here: hence the wide margins, and the label.
 */
export const WATCH_LABEL =
  'before and after: not protected against incidents that hit both, outside the 1 % guarantee';

export type WatchConfig = {
  /** The slot that now takes all traffic. */
  readonly candidate: SlotName;
  /** Whether identities are counted, for the severe rule's three people. */
  readonly unit: 'request' | 'identity';
};

/** Plain JSON, bounded. */
export type WatchState = {
  readonly candidate: SlotName;
  readonly before: readonly MinuteBefore[];
  /** Stable's p95 as a fine bucket, or null without latencies. */
  readonly line: number | null;
  readonly after: {
    readonly seconds: number;
    readonly decided: number;
    readonly failed: number;
    /** Attempts that were answered, by fine bucket. */
    readonly latency: readonly number[];
  };
  readonly severe: Severe;
};

type MinuteBefore = { readonly decided: number; readonly failed: number; readonly slow: number };

/** Errors: more than twice as many and one percentage point. */
const ERRORS = { ratio: 2, add: 0.01 };
/** p95: half as slow again. */
const SLOWER_PERCENT = 50;
const LINE_QUANTILE = 0.95;
/** Fewer minutes before the switch say nothing about how minutes differ. */
const LEAST_MINUTES = 3;
const LEAST_AFTER = 20;
/** One-sided 99.9 % points of Student's t by degrees of freedom from 2, since each second of the watch is another look. */
const STUDENT = [22.33, 10.21, 7.17, 5.89, 5.21, 4.79, 4.5, 4.3, 4.14];

/** `before`: stable's seconds of the last ten minutes before the switch, in order. */
export function startWatch(before: readonly ReplicaSecond[], config: WatchConfig): WatchState {
  const stable = before.filter((row) => row.slot !== config.candidate);
  const histogram = beyondOf(stable.map((row) => row.latency));
  const answered = sumOf(stable, (row) => countOf(row.latency));
  const line =
    answered === 0 ? null : histogram.findIndex((beyond) => beyond <= (1 - LINE_QUANTILE) * answered);
  let severe = startSevere(config.unit === 'identity');
  for (const row of stable) {
    severe = advanceSevere(severe, {
      second: row.second,
      candidate: [0, 0],
      stable: [decidedOf(row), failuresOf(row)],
      people: { failed: 0, active: 0 },
    });
  }
  return {
    candidate: config.candidate,
    before: minutesOf(stable, line),
    line,
    after: { seconds: 0, decided: 0, failed: 0, latency: NO_LATENCIES },
    severe,
  };
}

export type WatchedSecond = {
  readonly second: number;
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
};

export function watchSecond(state: WatchState, second: WatchedSecond): WatchState {
  const rows = second.replicas.filter((row) => row.slot === state.candidate);
  const people = second.identities.filter((row) => row.slot === state.candidate);
  const decided = sumOf(rows, decidedOf);
  const failed = sumOf(rows, failuresOf);
  const latency = [...state.after.latency];
  for (const row of rows) {
    for (const [bucket, count] of row.latency) {
      while (latency.length <= bucket) latency.push(0);
      latency[bucket]! += count;
    }
  }
  return {
    ...state,
    after: {
      seconds: state.after.seconds + 1,
      decided: state.after.decided + decided,
      failed: state.after.failed + failed,
      latency,
    },
    severe: advanceSevere(state.severe, {
      second: second.second,
      candidate: [decided, failed],
      stable: [0, 0],
      people: { failed: sumOf(people, (row) => row.failed), active: sumOf(people, (row) => row.active) },
    }),
  };
}

export type WatchVerdict = {
  /** `worse` goes back if the old slot is there and healthy; `severe` does so whatever was before. */
  readonly overall: 'severe' | 'worse' | 'quiet' | 'no-data';
  readonly reason: string;
  readonly label: string;
  readonly checks: readonly WatchCheck[];
};

/** `error-rate` in percent and percentage points; `p95` in milliseconds' shares: difference and limit in percent of before. */
export type WatchCheck = {
  readonly name: 'error-rate' | 'p95';
  readonly unit: 'percent' | 'ms';
  /** Rate after and before in percent; null for p95, whose bound is all that is known. */
  readonly candidate: number | null;
  readonly stable: number | null;
  readonly difference: number | null;
  /** The low end alone: `worse` when it is beyond the limit. */
  readonly interval: Interval;
  readonly limit: number;
  readonly state: 'worse' | 'undecided';
};

export function watchVerdict(state: WatchState): WatchVerdict {
  const label = WATCH_LABEL;
  const checks = isComparable(state) ? [errorCheck(state), ...slowCheck(state)] : [];
  if (state.severe.found !== null) {
    return { overall: 'severe', reason: state.severe.found.reason, label, checks };
  }
  const worse = checks.find((check) => check.state === 'worse');
  if (worse !== undefined) {
    const sure = `${worse.name} is surely ${withUnit(worse, worse.interval[0])} or more against before the switch`;
    return {
      overall: 'worse',
      reason: `${sure}, over ${withUnit(worse, worse.limit)} (${label})`,
      label,
      checks,
    };
  }
  if (checks.length === 0) {
    const reason = `too little to compare: ${state.before.length} minutes before, ${state.after.decided} requests after`;
    return { overall: 'no-data', reason, label, checks };
  }
  return { overall: 'quiet', reason: 'nothing is surely worse than before the switch', label, checks };
}

function isComparable(state: WatchState): boolean {
  return state.before.length >= LEAST_MINUTES && state.after.decided >= LEAST_AFTER;
}

function errorCheck(state: WatchState): WatchCheck {
  const before = meanOf(state.before, failureRate);
  const after = state.after.failed / state.after.decided;
  const limit = (ERRORS.ratio - 1) * before + ERRORS.add;
  const noise = noiseOf(state, {
    rateOf: failureRate,
    ratio: ERRORS.ratio,
    expected: ERRORS.ratio * before + ERRORS.add,
    after: state.after.decided,
  });
  const lo = after - before - noise;
  return {
    name: 'error-rate',
    unit: 'percent',
    candidate: 100 * after,
    stable: 100 * before,
    difference: 100 * (after - before),
    interval: [100 * lo, null],
    limit: 100 * limit,
    state: lo > limit ? 'worse' : 'undecided',
  };
}

/** The largest slow-down at which "no larger part of the requests is beyond the raised line" is refuted. */
function slowCheck(state: WatchState): readonly WatchCheck[] {
  const { line, after } = state;
  const answered = after.latency.reduce((sum, count) => sum + count, 0);
  if (line === null || answered < LEAST_AFTER) return [];
  const beyond = beyondOf([after.latency.map((count, bucket) => [bucket, count] as const)]);
  const before = meanOf(state.before, slowRate);
  const noise = noiseOf(state, { rateOf: slowRate, ratio: 1, expected: before, after: answered });
  const limitShift = latencyShift(SLOWER_PERCENT / 100);
  let refuted: number | null = null;
  for (let shift = 0; shift <= 3 * limitShift; shift++) {
    if (beyondLine(beyond, line + shift) / answered - before > noise) refuted = shift;
  }
  return [
    {
      name: 'p95',
      unit: 'ms',
      candidate: null,
      stable: null,
      difference: null,
      interval: [refuted === null ? -100 : shiftPercent(refuted), null],
      limit: SLOWER_PERCENT,
      state: refuted !== null && refuted >= limitShift ? 'worse' : 'undecided',
    },
  ];
}

/**
 * How far the rate after may lie from `ratio` times the mean before by chance. Minutes differ by what the minutes before
 * showed, or by what counting alone makes of them, whichever is larger.
 */
function noiseOf(
  state: WatchState,
  of: {
    readonly rateOf: (minute: MinuteBefore) => number;
    readonly ratio: number;
    readonly expected: number;
    readonly after: number;
  },
): number {
  const { before } = state;
  const mean = meanOf(before, of.rateOf);
  const spread = sumOf(before, (minute) => (of.rateOf(minute) - mean) ** 2) / (before.length - 1);
  const minutesAfter = state.after.seconds / 60;
  const expected = Math.min(0.5, Math.max(of.expected, 1 / of.after));
  const counting = (expected * (1 - expected)) / of.after;
  const variance = Math.max(spread / minutesAfter, counting) + (of.ratio ** 2 * spread) / before.length;
  const student = STUDENT[Math.min(before.length - LEAST_MINUTES, STUDENT.length - 1)]!;
  return student * Math.sqrt(variance);
}

function failureRate(minute: MinuteBefore): number {
  return minute.failed / minute.decided;
}

function slowRate(minute: MinuteBefore): number {
  return minute.slow / minute.decided;
}

function meanOf(minutes: readonly MinuteBefore[], value: (minute: MinuteBefore) => number): number {
  return sumOf(minutes, value) / minutes.length;
}

/** Whole minutes counted back from the last second; minutes without a request tell nothing. */
function minutesOf(rows: readonly ReplicaSecond[], line: number | null): readonly MinuteBefore[] {
  const last = rows.at(-1)?.second ?? 0;
  const minutes = new Map<number, { decided: number; failed: number; slow: number }>();
  for (const row of rows) {
    const minute = Math.floor((last - row.second) / 60);
    const sums = minutes.get(minute) ?? { decided: 0, failed: 0, slow: 0 };
    sums.decided += decidedOf(row);
    sums.failed += failuresOf(row);
    if (line !== null) sums.slow += beyondLine(beyondOf([row.latency]), line);
    minutes.set(minute, sums);
  }
  return [...minutes.values()].filter((minute) => minute.decided > 0);
}

function countOf(histogram: SparseHistogram): number {
  return sumOf(histogram, ([, count]) => count);
}
