import { unreachable } from '../lib/assert.ts';
import type { GapKind, Measure, MeasureLimit } from '../release/measure.ts';
import {
  NO_COUNT_BETS,
  advanceCounts,
  forgetCountHarm,
  restartCountSafety,
  type CountBets,
} from './count-bets.ts';
import { NO_DISPERSION, learnSecond, phiOf, tauOf, type Dispersion } from './dispersion.ts';
import { NO_MEANS, addMeans, meanLogE, startMeans, type MeanProcess } from './mean-process.ts';
import type { MeasuredPoint, MeasuredWindow, NoValue } from './measured.ts';
import { realisedShare } from './realised-share.ts';

/** What the judge knows of one measure. Plain JSON, bounded. */
export type MeasureState = {
  readonly measure: Measure;
  /** Part in the average of all evidence for harm; 0 for a command's exit code, which is no matter of chance. */
  readonly weight: number;
  readonly test: MeasureTest;
  /** Windows with a value on every side that is needed: over the rollout, and in this step. */
  readonly windows: { readonly all: number; readonly step: number };
  /** Of this step, for what is shown: counts and requests, or sums of values. */
  readonly sums: { readonly values: Pair; readonly requests: Pair };
  /** The newest windows without a value, or null while there is none missing. */
  readonly gap: Gap | null;
};

export type MeasureTest =
  | { readonly kind: 'counts'; readonly bets: CountBets; readonly dispersion: Dispersion }
  | { readonly kind: 'means'; readonly harm: MeanProcess; readonly safe: MeanProcess }
  | { readonly kind: 'failures'; readonly inARow: number; readonly last: string | null };

export type Gap = {
  readonly kind: GapKind;
  /** Windows in a row. */
  readonly windows: number;
  /** One sentence. */
  readonly says: string;
};

type Pair = readonly [candidate: number, stable: number];

/** Wealth that bets from the first window, from new steps, and on the way, for faults that begin later. */
const AT_ONCE = 0.5;
const AT_STEPS = 0.16;
const ON_THE_WAY = 0.34;
/** Windows after which a mean begins anew for the first time; then at twice as many, and so on. */
const FIRST_RESTART = 8;

export function newMeasure(measure: Measure, weight: number): MeasureState {
  return {
    measure,
    weight,
    test: newTest(measure),
    windows: { all: 0, step: 0 },
    sums: { values: [0, 0], requests: [0, 0] },
    gap: null,
  };
}

function newTest({ kind, limit }: Measure): MeasureTest {
  if (limit.against === 'failures') return { kind: 'failures', inARow: 0, last: null };
  if (limit.against === 'stable' && kind !== 'mean')
    return { kind: 'counts', bets: NO_COUNT_BETS, dispersion: NO_DISPERSION };
  return { kind: 'means', harm: NO_MEANS, safe: startMeans(NO_MEANS, 1) };
}

/** What stands around a point when it is judged. */
export type MeasureContext = {
  /** Index of the step under way. */
  readonly stepIndex: number;
  /** Steps entered so far, the present one included. */
  readonly stepsEntered: number;
  readonly plannedSeconds: number;
};

/** One more window. A point without what it was measured over says nothing here. */
export function takePoint(state: MeasureState, point: MeasuredPoint, context: MeasureContext): MeasureState {
  const { window } = point;
  if (window === undefined) return state;
  const values = valuesOf(state.measure, point);
  if (typeof values === 'string') return { ...state, gap: longer(state.gap, values, point.says) };
  const isOfStep = window.stepIndex === context.stepIndex;
  const counted = {
    ...state,
    gap: null,
    windows: { all: state.windows.all + 1, step: state.windows.step + (isOfStep ? 1 : 0) },
    sums: isOfStep ? summed(state.sums, eventsOf(state.measure, values, window), window) : state.sums,
  };
  return { ...counted, test: advance(state, { values, window, isOfStep, point }, context) };
}

/** A new step: safety must be shown again at its share. */
export function startMeasureStep(state: MeasureState): MeasureState {
  const windows = { all: state.windows.all, step: 0 };
  const fresh = { ...state, windows, sums: { values: [0, 0], requests: [0, 0] } as const };
  const { test } = state;
  if (test.kind === 'counts') return { ...fresh, test: { ...test, bets: restartCountSafety(test.bets) } };
  if (test.kind === 'means') return { ...fresh, test: { ...test, safe: startMeans(NO_MEANS, 1) } };
  return fresh;
}

/** The evidence of harm begins anew: somebody saw it and chose to go on. */
export function forgetMeasureHarm(state: MeasureState): MeasureState {
  const { test } = state;
  const fresh = { ...state, gap: null };
  if (test.kind === 'counts') return { ...fresh, test: { ...test, bets: forgetCountHarm(test.bets) } };
  if (test.kind === 'means') return { ...fresh, test: { ...test, harm: NO_MEANS } };
  return { ...fresh, test: { ...test, inARow: 0 } };
}

type Window = {
  readonly values: Pair;
  readonly window: MeasuredWindow;
  readonly isOfStep: boolean;
  readonly point: MeasuredPoint;
};

function advance(state: MeasureState, at: Window, context: MeasureContext): MeasureTest {
  const { test, measure } = state;
  switch (test.kind) {
    case 'counts':
      return advanceCountTest(state, test, at, context);
    case 'means': {
      const { limit } = measure;
      const [x, y] = limit.against === 'stable' ? at.values : [at.values[0], 1];
      const prior = meanPrior(state, test.harm, context);
      const started = prior > 0 ? startMeans(test.harm, prior) : test.harm;
      return {
        kind: 'means',
        harm: addMeans(started, x, y),
        safe: at.isOfStep ? addMeans(test.safe, x, y) : test.safe,
      };
    }
    case 'failures': {
      const failed = at.values[0] !== 0;
      const inARow = failed ? test.inARow + 1 : 0;
      return {
        kind: 'failures',
        inARow,
        last: failed ? (at.point.says ?? `exit code ${at.values[0]}`) : null,
      };
    }
    default:
      return unreachable(test);
  }
}

function advanceCountTest(
  { measure, windows }: MeasureState,
  test: Extract<MeasureTest, { kind: 'counts' }>,
  { values, window, isOfStep }: Window,
  context: MeasureContext,
): MeasureTest {
  const { limit } = measure;
  if (limit.against !== 'stable') return test;
  const [candidate, stable] = eventsOf(measure, values, window);
  const percent = limit.percent / 100;
  const advanced = advanceCounts(test.bets, {
    candidate,
    stable,
    share: realisedShare(window.askedSharePercent / 100, window.requests),
    harm: limit.harm,
    ratio: limit.harm === 'more' ? 1 + percent : 1 - percent,
    phi: phiOf(test.dispersion),
    tau: tauOf(test.dispersion),
    prior: countPrior({ measure, all: windows.all, isFirst: test.bets.harm.ratio.prior === 0 }, context),
  });
  const { safe, rungs } = test.bets;
  // A window of a former step may speak of harm, and not of how safe this share is.
  const bets = isOfStep ? advanced : { ...advanced, safe, rungs: { ...advanced.rungs, safe: rungs.safe } };
  return { kind: 'counts', bets, dispersion: learnSecond(test.dispersion, stable, window.requests[1]) };
}

/** Which part of the wealth starts betting with this window; at most 1 in all. */
function countPrior(
  at: { readonly measure: Measure; readonly all: number; readonly isFirst: boolean },
  { plannedSeconds, stepsEntered }: MeasureContext,
): number {
  if (at.isFirst) return AT_ONCE;
  const planned = Math.max(1, Math.ceil((plannedSeconds * 1000) / at.measure.intervalMs));
  // Spread over a step's windows rather than laid on its first: which one that is, late windows make hard to say.
  return at.all <= planned ? (ON_THE_WAY + AT_STEPS * 0.5 ** stepsEntered) / planned : 0;
}

function meanPrior({ windows }: MeasureState, harm: MeanProcess, context: MeasureContext): number {
  if (harm.starts.length === 0) return AT_ONCE;
  const restart = Math.log2(windows.all / FIRST_RESTART);
  if (Number.isInteger(restart) && restart >= 0) return ON_THE_WAY * 0.5 ** (restart + 1);
  const isFirstOfStep = windows.step === 0 && windows.all > 0;
  return isFirstOfStep ? AT_STEPS * 0.5 ** Math.max(1, context.stepsEntered) : 0;
}

/** The numbers of both sides (stable's as 0 where it is not needed), or why there is none. */
function valuesOf(measure: Measure, { candidate, stable }: MeasuredPoint): Pair | NoValue {
  if (typeof candidate === 'string') return candidate;
  if (measure.limit.against !== 'stable') return [candidate, typeof stable === 'number' ? stable : 0];
  if (typeof stable === 'string') return stable;
  // No percentage can be taken of less than nothing, and no events can be fewer than none.
  if (stable < 0 || (measure.kind !== 'mean' && candidate < 0)) return 'not-a-number';
  return [candidate, stable];
}

/** Rates become events of the window. */
function eventsOf({ kind }: Measure, [x, y]: Pair, { fromSecond, toSecond }: MeasuredWindow): Pair {
  const seconds = toSecond - fromSecond + 1;
  return kind === 'rate' ? [x * seconds, y * seconds] : [x, y];
}

function summed(
  sums: MeasureState['sums'],
  [x, y]: Pair,
  { requests }: MeasuredWindow,
): MeasureState['sums'] {
  return {
    values: [sums.values[0] + x, sums.values[1] + y],
    requests: [sums.requests[0] + requests[0], sums.requests[1] + requests[1]],
  };
}

const GAP_OF: Readonly<Record<NoValue, GapKind>> = {
  'no-data': 'no-data',
  'not-a-number': 'not-a-number',
  unreachable: 'source-down',
};

function longer(before: Gap | null, why: NoValue, says: string | undefined): Gap {
  const kind = GAP_OF[why];
  const windows = (before?.windows ?? 0) + 1;
  return { kind, windows, says: says ?? WORDS[kind] };
}

const WORDS: Readonly<Record<GapKind, string>> = {
  'no-data': 'the source has nothing for this window',
  'not-a-number': 'the value cannot be compared',
  'source-down': 'the source cannot be asked',
};

/** ln of the evidence for harm, for the average over all checks. */
export function measureLogE({ test, measure }: MeasureState): number {
  if (test.kind === 'counts') return test.bets.harm.logE;
  return test.kind === 'means' ? meanEvidence(test.harm, measure.limit, 'harm') : 0;
}

/** The ratio at which harm begins, or the number for y = 1; and on which side of it harm lies. */
export function lineOf(limit: MeasureLimit): { readonly at: number; readonly harm: 1 | -1 } {
  switch (limit.against) {
    case 'stable':
      return limit.harm === 'more'
        ? { at: 1 + limit.percent / 100, harm: 1 }
        : { at: 1 - limit.percent / 100, harm: -1 };
    case 'number':
      return { at: limit.number, harm: limit.harm === 'above' ? 1 : -1 };
    case 'failures':
      return { at: 0, harm: 1 };
  }
}

export function meanEvidence(process: MeanProcess, limit: MeasureLimit, question: 'harm' | 'safe'): number {
  const { at, harm } = lineOf(limit);
  return meanLogE(process, at, question === 'harm' ? harm : harm === 1 ? -1 : 1);
}
