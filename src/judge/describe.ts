import { harmShiftOf, safeMargin, safeShiftOf, type LineCheck, type RateCheck } from './checks.ts';
import { harmLogEAt } from './harm.ts';
import { refutedShift, safeShift } from './ladder.ts';
import { quantileMs, shiftPercent } from './latency.ts';
import { mixtureLogE, mixtureLogEAt } from './mixture.ts';
import type { CheckCounts, CheckState, JudgeState } from './state.ts';

/**
 * One check, in words of numbers. Rates: values in percent of the units, the rest in percentage points. Latency: values in
 * milliseconds over about the last minute, the rest in percent of stable's value.
 */
export type CheckResult = {
  readonly name: string;
  readonly unit: 'percent' | 'ms';
  readonly candidate: number | null;
  readonly stable: number | null;
  readonly difference: number | null;
  /**
   * Where the difference surely lies, by the very tests that decide: the low end of some check is at or beyond `limit` exactly
   * when the candidate is harmful, a high end within `safeLimit` exactly when that check is surely not worse. The low end uses
   * the whole rollout, the high end this step. A high end of null: none yet, and never one for the tail, which looks for harm alone.
   */
  readonly interval: Interval | null;
  /** Surely worse by more than this is harm. */
  readonly limit: number;
  /** Surely not worse by this is safe. The same as `limit` for a check that was configured. */
  readonly safeLimit: number;
  readonly state: CheckVerdict;
  /** About how many more requests on the candidate until it can be safe, at the present trend, or null where that cannot be said. */
  readonly needRequests: number | null;
  /** Whether the step is safe only once this one is. */
  readonly required: boolean;
  /** ln of the evidence for harm. */
  readonly logE: number;
};

export type Interval = readonly [lo: number, hi: number | null];
export type CheckVerdict = 'worse' | 'not-worse' | 'undecided' | 'no-data';

/** Chance that a version that is worse by the margin passes as safe, for each check and step. */
const SAFE_ALPHA = 0.05;
export const SAFE_LOG_LIMIT = Math.log(1 / SAFE_ALPHA);
/** A last minute so much worse than the step as a whole means that the fault began within the step. */
const NEW_FAULT = 2;
/** A bound that is shown is exact to a millionth. */
const BISECTIONS = 20;
/** Below so many requests a trend is no trend. */
const LEAST_TREND_REQUESTS = 20;

/** `limitLogE`: ln of what its evidence must reach to be worse (`ownLimits`). */
export function describeCheck(state: JudgeState, one: CheckState, limitLogE: number): CheckResult {
  const { check } = one;
  const common = {
    name: check.name,
    required: check.required,
    logE: one.harm.logE,
    state: checkVerdict(state, one, limitLogE),
    needRequests: needRequests(state, one),
  };
  if (check.kind === 'line' && check.times === 1) {
    return withoutStaleEnd({ ...common, ...describeLine(state, one, { check, limitLogE }) });
  }
  const rates = ratesOf(one.counts);
  if (check.kind === 'line') {
    // All that this test says is whether more of the candidate's requests are in the tail at all.
    const interval: Interval = [common.state === 'worse' ? 0 : -100, null];
    return { ...common, ...inPercent(rates), interval, limit: 0, safeLimit: 0 };
  }
  const bounds = describeRate(state, one, { check, stableRate: rates.stable ?? 0, limitLogE });
  const [overall, recent] = [inPercent(rates), inPercent(recentRates(one.counts))];
  const isNew =
    common.state === 'worse' && (recent.difference ?? 0) > NEW_FAULT * Math.max(0, overall.difference ?? 0);
  return withoutStaleEnd({ ...common, ...(isNew ? recent : overall), ...bounds });
}

/**
 * The low end speaks of some time in the rollout, the high end of some time in the step. Where a fault began within the step,
 * the high end is from before it, and says nothing of now.
 */
function withoutStaleEnd(result: CheckResult): CheckResult {
  if (result.state !== 'worse' || result.interval === null) return result;
  const [lo, hi] = result.interval;
  const isStale = hi !== null && hi < Math.max(lo, result.difference ?? lo);
  return isStale ? { ...result, interval: [lo, null] } : result;
}

/** In this step, surely not worse by the limit. */
export function isNotWorse(one: CheckState): boolean {
  return mixtureLogE(one.safe) >= SAFE_LOG_LIMIT;
}

/** Whether this check alone is worse, surely not worse, or neither yet. */
export function checkVerdict(state: JudgeState, one: CheckState, limitLogE: number): CheckVerdict {
  if (one.harm.logE >= limitLogE) return 'worse';
  if (isNotWorse(one)) return 'not-worse';
  const seen = one.counts.step;
  if (state.step.requests[0] === 0 || seen[2] + seen[3] === 0) return 'no-data';
  return 'undecided';
}

function describeLine(
  state: JudgeState,
  one: CheckState,
  at: { readonly check: LineCheck; readonly limitLogE: number },
): Pick<CheckResult, 'unit' | 'candidate' | 'stable' | 'difference' | 'interval' | 'limit' | 'safeLimit'> {
  const { check } = at;
  const candidate = quantileMs(state.latency.candidate, check.quantile);
  const stable = quantileMs(state.latency.stable, check.quantile);
  return {
    unit: 'ms',
    candidate,
    stable,
    difference: candidate === null || stable === null ? null : 100 * (candidate / stable - 1),
    interval: lineInterval(one, at),
    limit: check.harmPercent,
    safeLimit: check.safePercent,
  };
}

/** The ladder's bounds, with the deciding shift among its rungs. */
function lineInterval(
  one: CheckState,
  { check, limitLogE }: { readonly check: LineCheck; readonly limitLogE: number },
): Interval {
  const { ladder } = one;
  const [harmShift, within] = [harmShiftOf(check), safeShiftOf(check)];
  const isWorse = one.harm.logE >= limitLogE;
  const isSafe = isNotWorse(one);
  const refuted =
    ladder === null
      ? null
      : refutedShift(ladder, limitLogE, (shift) => shift > harmShift === isWorse && shift !== harmShift);
  const safe =
    ladder === null
      ? null
      : safeShift(ladder, SAFE_LOG_LIMIT, (shift) => shift < within === isSafe && shift !== within);
  const lo = refuted ?? (isWorse ? harmShift : null);
  const hi = safe ?? (isSafe ? within : null);
  return [lo === null ? -100 : shiftPercent(lo), hi === null ? null : shiftPercent(hi)];
}

function describeRate(
  state: JudgeState,
  one: CheckState,
  at: { readonly check: RateCheck; readonly stableRate: number; readonly limitLogE: number },
): Pick<CheckResult, 'limit' | 'safeLimit'> & { readonly interval: Interval } {
  const { check, stableRate, limitLogE } = at;
  const share = state.step.askedPercent / 100;
  const safe = share > 0 ? safeMargin(check, share) : { ratio: 1, add: 1 };
  const limit = check.harm.add + (check.harm.ratio - 1) * stableRate;
  const safeLimit = safe.add + (safe.ratio - 1) * stableRate;
  const refutesHarm = (offset: number): boolean => harmLogEAt(one.harm, offset, check.harm) >= limitLogE;
  const refutesSafe = (offset: number): boolean => mixtureLogEAt(one.safe, offset) >= SAFE_LOG_LIMIT;
  // No difference is below minus stable's rate or above what is left to 100 %.
  const low = bound(refutesHarm, [1, 0, -check.harm.add, -stableRate - limit]);
  const high = bound(refutesSafe, [-1, 0, 1 - stableRate - safeLimit]);
  return {
    interval: [100 * (limit + low), 100 * (safeLimit + high)],
    limit: 100 * limit,
    safeLimit: 100 * safeLimit,
  };
}

/**
 * The most telling offset from a margin that a test refutes. `offsets` run from what is never refuted to what is refuted most
 * easily; those in between are tested by themselves, so that bound and decision (offset 0) cannot differ. The last one if
 * nothing is refuted.
 */
function bound(refutes: (offset: number) => boolean, offsets: readonly number[]): number {
  const first = offsets.findIndex((offset, i) => i > 0 && refutes(offset));
  if (first === -1) return offsets.at(-1)!;
  let [refuted, open] = [offsets[first]!, offsets[first - 1]!];
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (refuted + open) / 2;
    if (refutes(middle)) refuted = middle;
    else open = middle;
  }
  return refuted;
}

type Rates = { readonly candidate: number | null; readonly stable: number | null };

/** Rates of both sides as fractions, steps weighed by how much they can tell, so that changing shares cannot mix them up. */
function ratesOf(counts: CheckCounts): Rates {
  const [x, y, mine, theirs] = counts.step;
  const [candidate, stable, weight] = counts.strata;
  const all = Math.max(1, mine + theirs);
  const total = weight + (mine * theirs) / all;
  if (total > 0) {
    return {
      candidate: (candidate + (x * theirs) / all) / total,
      stable: (stable + (y * mine) / all) / total,
    };
  }
  return { candidate: mine > 0 ? x / mine : null, stable: theirs > 0 ? y / theirs : null };
}

/** Of about the last minute: where a fault began within the step, the whole step's rates lie outside its bounds. */
function recentRates(counts: CheckCounts): Rates {
  const [x, y, mine, theirs] = counts.recent;
  return { candidate: mine > 0 ? x / mine : null, stable: theirs > 0 ? y / theirs : null };
}

function inPercent({
  candidate,
  stable,
}: Rates): Pick<CheckResult, 'unit' | 'candidate' | 'stable' | 'difference'> {
  return {
    unit: 'percent',
    candidate: candidate === null ? null : 100 * candidate,
    stable: stable === null ? null : 100 * stable,
    difference: candidate === null || stable === null ? null : 100 * (candidate - stable),
  };
}

function needRequests(state: JudgeState, one: CheckState): number | null {
  const requests = state.step.requests[0];
  const { logW } = one.safe;
  if (!one.check.required || requests < LEAST_TREND_REQUESTS || logW.length === 0) return null;
  if (isNotWorse(one)) return 0;
  const best = Math.max(...logW);
  if (best <= 0) return null;
  const missing = SAFE_LOG_LIMIT + Math.log(logW.length) - best;
  const need = Math.max(1, (missing * requests) / best);
  const digits = 10 ** Math.max(0, Math.floor(Math.log10(need)) - 1);
  return Math.ceil(need / digits) * digits;
}
