import type { GapKind, GapPolicy, MeasureKind, MeasureLimit, SourceKind } from '../release/measure.ts';
import { ratioBounds } from './count-bets.ts';
import { meanLogE, type MeanProcess } from './mean-process.ts';
import { lineOf, meanEvidence, measureLogE, type MeasureState, type MeasureTest } from './measures.ts';
import { mixtureLogE } from './mixture.ts';
import { SAFE_LOG_LIMIT } from './describe.ts';

/**
 * One measure, in words of numbers. Counts and rates: events per 1,000 requests of each side; anything else as its source gives it.
 */
export type MeasureResult = {
  readonly name: string;
  readonly source: SourceKind;
  readonly kind: MeasureKind;
  readonly limit: MeasureLimit;
  /** Over this step; null before its first window. */
  readonly candidate: number | null;
  readonly stable: number | null;
  /** Of the candidate: in percent of stable's, or the distance from the number. */
  readonly difference: number | null;
  /**
   * Where the difference surely lies, by the tests that decide, as for other checks: one end by the evidence for harm over the whole
   * rollout, the other by that for safety in this step. Null for a command's exit code.
   */
  readonly interval: readonly [lo: number | null, hi: number | null] | null;
  readonly state: MeasureVerdict;
  /** Windows of this step with a value. */
  readonly windows: number;
  /** The newest windows, where they have none: why, how many in a row, and what that is taken for. */
  readonly gap: {
    readonly kind: GapKind;
    readonly windows: number;
    readonly policy: GapPolicy;
    readonly says: string;
  } | null;
  /** ln of the evidence for harm; 0 for a command's exit code. */
  readonly logE: number;
};

export type MeasureVerdict =
  | 'worse'
  | 'not-worse'
  | 'undecided'
  /** No window of this step is complete yet. */
  | 'waiting'
  /** The newest window has no value: what that is taken for, the policy says. */
  | GapKind;

/** Windows in a row without a value that `fail` takes for harm: one alone may be a restart of the source. */
export const GAP_FAILS = 3;

/** `harmLimit`: ln of what its evidence must reach to be worse (`ownLimits`). */
export function describeMeasure(state: MeasureState, harmLimit: number): MeasureResult {
  const { measure, gap, windows } = state;
  const { candidate, stable } = valuesOf(state);
  return {
    name: measure.name,
    source: measure.source,
    kind: measure.kind,
    limit: measure.limit,
    candidate,
    stable,
    difference: differenceOf(measure.limit, candidate, stable),
    interval: intervalOf(state, harmLimit),
    state: verdictOf(state, harmLimit),
    windows: windows.step,
    gap: gap === null ? null : { ...gap, policy: measure.gaps[gap.kind] },
    logE: measureLogE(state),
  };
}

/** Harm first: what was found does not go away because a source does. */
function verdictOf(state: MeasureState, harmLimit: number): MeasureVerdict {
  if (failureOf(state) !== null || isWorse(state, harmLimit)) return 'worse';
  if (state.gap !== null) return state.gap.kind;
  if (state.windows.step === 0) return 'waiting';
  return isSafe(state) ? 'not-worse' : 'undecided';
}

/** What this measure alone decides, without the average: failures of a command, or a gap that counts as one. Null: nothing. */
export function failureOf({ test, measure, gap }: MeasureState): string | null {
  const { name, limit } = measure;
  if (test.kind === 'failures' && limit.against === 'failures' && test.inARow >= limit.inARow)
    return `${name} failed ${test.inARow} times in a row: ${test.last ?? ''}`;
  if (gap === null || gap.windows < GAP_FAILS || measure.gaps[gap.kind] !== 'fail') return null;
  return `${name} has had no value for ${gap.windows} windows in a row (${gap.says}), and "${gap.kind}: fail" takes that for harm`;
}

/** Whether a step may end without more of it: it is surely not worse, or what is missing is to be ignored. */
export function isMeasureSettled(state: MeasureState): boolean {
  const { gap, measure } = state;
  if (gap !== null) return measure.gaps[gap.kind] === 'ignore';
  return state.windows.step > 0 && isSafe(state);
}

/** Seconds by which the first window of a step may come late before it is missed. */
const LATE_SECONDS = 2;

/**
 * Why no step may end, where a value is waited for; null where none is. `secondsInStep`: until the first window can be there, nothing
 * is missing.
 */
export function missingWords({ measure, gap, windows }: MeasureState, secondsInStep: number): string | null {
  const { name, gaps, intervalMs, delayMs } = measure;
  if (gap !== null) return gaps[gap.kind] === 'ignore' ? null : `${name}: ${WORDS[gap.kind]} (${gap.says})`;
  const due = (intervalMs + delayMs) / 1000 + LATE_SECONDS;
  return windows.step === 0 && secondsInStep > due ? `${name}: no window of this step has come yet` : null;
}

const WORDS: Readonly<Record<GapKind, string>> = {
  'no-data': 'no data',
  'not-a-number': 'not a number',
  'source-down': 'its source is down',
};

/** By its evidence. */
function isWorse(state: MeasureState, harmLimit: number): boolean {
  return state.weight > 0 && measureLogE(state) >= harmLimit;
}

function isSafe({ test, measure, windows }: MeasureState): boolean {
  switch (test.kind) {
    case 'counts':
      return mixtureLogE(test.bets.safe) >= SAFE_LOG_LIMIT;
    case 'means':
      return meanEvidence(test.safe, measure.limit, 'safe') >= SAFE_LOG_LIMIT;
    case 'failures':
      return windows.step > 0 && test.inARow === 0;
  }
}

type Sides = { readonly candidate: number | null; readonly stable: number | null };

function valuesOf({ test, measure, sums, windows }: MeasureState): Sides {
  const [x, y] = sums.values;
  if (windows.step === 0) return { candidate: null, stable: null };
  if (test.kind === 'counts') {
    const [mine, theirs] = sums.requests;
    return {
      candidate: mine > 0 ? (1000 * x) / mine : null,
      stable: theirs > 0 ? (1000 * y) / theirs : null,
    };
  }
  const stable = measure.limit.against === 'stable' ? y / windows.step : null;
  return { candidate: x / windows.step, stable };
}

function differenceOf(limit: MeasureLimit, candidate: number | null, stable: number | null): number | null {
  if (candidate === null || limit.against === 'failures') return null;
  if (limit.against === 'number') return candidate - limit.number;
  return stable === null || stable === 0 ? null : 100 * (candidate / stable - 1);
}

function intervalOf(state: MeasureState, harmLimit: number): MeasureResult['interval'] {
  const { test, measure } = state;
  const { limit } = measure;
  if (test.kind === 'failures' || limit.against === 'failures') return null;
  const { at, harm } = lineOf(limit);
  const [worse, safe] = [isWorse(state, harmLimit), isSafe(state)];
  const ends =
    test.kind === 'counts'
      ? ratioBounds(test.bets, {
          harm: harm === 1 ? 'more' : 'fewer',
          ratio: at,
          isWorse: worse,
          isSafe: safe,
          harmLimit,
          safeLimit: SAFE_LOG_LIMIT,
        })
      : meanBounds(test, { line: at, harm, harmLimit });
  const shown = (end: number | null): number | null =>
    end === null ? null : limit.against === 'stable' ? 100 * (end - 1) : end - limit.number;
  const [a, b] = [shown(ends.towardsHarm), shown(ends.towardsSafety)];
  return harm === 1 ? [a, b] : [b, a];
}

/** Steps of the search for a bound. */
const HALVINGS = 40;

/** Where the mean surely lies: the outermost lines that the evidence refutes. */
function meanBounds(
  test: Extract<MeasureTest, { kind: 'means' }>,
  at: { readonly line: number; readonly harm: 1 | -1; readonly harmLimit: number },
): { readonly towardsHarm: number | null; readonly towardsSafety: number | null } {
  const { harm } = at;
  const refutesHarm = (line: number): boolean => meanLogE(test.harm, line, harm) >= at.harmLimit;
  const refutesSafe = (line: number): boolean =>
    meanLogE(test.safe, line, harm === 1 ? -1 : 1) >= SAFE_LOG_LIMIT;
  return {
    towardsHarm: outermost(centreOf(test.harm), -harm, at.line, refutesHarm),
    towardsSafety: outermost(centreOf(test.safe), harm, at.line, refutesSafe),
  };
}

/** The line at which the values' mean is nought: nothing refutes it. */
function centreOf({ starts }: MeanProcess): number | null {
  const first = starts[0];
  return first === undefined || first.n === 0 || first.y === 0 ? null : first.x / first.y;
}

/**
 * Searches from the centre outwards in one direction for the nearest line that is refuted. The line that decides is tried first, so
 * that bound and decision cannot differ.
 */
function outermost(
  centre: number | null,
  direction: number,
  at: number,
  refutes: (line: number) => boolean,
): number | null {
  if (centre === null) return null;
  const reach = Math.max(Math.abs(centre), Math.abs(at), 1e-9) * 16;
  const isTowards = (at - centre) * direction > 0;
  let refuted = isTowards && refutes(at) ? at : centre + direction * reach;
  if (!refutes(refuted)) return null;
  let open = isTowards && refuted !== at ? at : centre;
  if (refutes(open)) open = centre;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (refuted + open) / 2;
    if (refutes(middle)) refuted = middle;
    else open = middle;
  }
  return refuted;
}
