import { betTable, HARM_BETS, SAFE_BETS, type Margin } from './bet.ts';
import { harmShiftOf, safeMargin, safeShiftOf, type JudgedCheck } from './checks.ts';
import { HARM_ALPHA, TICK_CAP } from './harm.ts';
import { SAFE_LOG_LIMIT } from './describe.ts';
import { beyondLine, beyondOf, latencyShift, type Beyond } from './latency.ts';
import { FIRST_PRIOR } from './start-prior.ts';
import { LATENCY_GAMMA, type SparseHistogram } from '../traffic/counts.ts';

/**
 * What the judge could find in traffic like that of the past, before there is a candidate. Each bet is followed at its mean
 * growth: the expected log gain of a second, which is within a factor of two of the best that any test could do (the
 * information bound ln(1/α) ÷ KL), and within that of this judge's median (src/judge/foresee.test.ts runs it beside the judge).
 */
export type PastTraffic = {
  /** Judged units of both sides a second. */
  readonly perSecond: number;
  /** Fractions of the units. */
  readonly errorRate: number;
  readonly clientErrorRate: number;
  /** Of all answers. */
  readonly latency: SparseHistogram;
};

/** A step below 100 %: the seconds that it lasts at least, and at most while nothing is sure. */
export type ForeseenStep = {
  readonly sharePercent: number;
  readonly atLeastSeconds: number;
  readonly atMostSeconds: number;
};

export type Fault =
  /** So many more of the candidate's units fail, or are refused by it as 4xx, as a fraction. */
  | { readonly kind: 'errors' | 'client-errors'; readonly add: number }
  /** Everything takes so many times as long. */
  | { readonly kind: 'slow'; readonly times: number };

export type Setting = {
  readonly checks: readonly JudgedCheck[];
  readonly past: PastTraffic;
  readonly warmUpSeconds: number;
};

export type Found = {
  /** Judged seconds from the first share on. */
  readonly seconds: number;
  readonly stepIndex: number;
  /** Requests that the fault has hit by then. */
  readonly hit: number;
};

/** Half of the candidate's last 20 attempts: the severe rule. */
const SEVERE_ATTEMPTS = 20;
const SEVERE_FAILED = 0.5;
const MOST_STABLE_FAILED = 0.05;
/** Latency alone must cross twice within the first minute, with a pause between. */
const SETTLE_AGE = 60;
const SETTLE_PAUSE = 16;

/** When a fault that is there from the start would be found, or null: not before 100 %. */
export function foresee(setting: Setting, steps: readonly ForeseenStep[], fault: Fault): Found | null {
  let before: Scores = setting.checks.map(() => HARM_BETS.map(() => 0));
  let [passed, hit] = [0, 0];
  for (const [stepIndex, step] of steps.entries()) {
    const gains = gainsOf(setting, step.sharePercent / 100, fault);
    const lasts = lengthOf(setting, step, fault);
    const within = secondsWithin(setting, { before, gains, passed, lasts, step }, fault);
    const perSecond = (step.sharePercent / 100) * setting.past.perSecond * partHit(setting, fault);
    if (within !== null) return { seconds: passed + within, stepIndex, hit: hit + perSecond * within };
    before = added(setting, before, gains, mutedFrom(setting, passed, lasts));
    passed += lasts;
    hit += perSecond * lasts;
  }
  return null;
}

/** Seconds until one check says *surely not worse* of a candidate that is like stable, or null: never. */
export function secondsToSafe(setting: Setting, check: JudgedCheck, sharePercent: number): number | null {
  if (check.kind !== 'rate' && check.kind !== 'line') return null;
  return safeSeconds(setting, check, { share: sharePercent / 100, fault: NO_FAULT });
}

/** The smallest fault of a kind that is found within so many seconds of one share, or null: none. */
export function smallestFound(
  setting: Setting,
  at: { readonly sharePercent: number; readonly seconds: number },
  kind: Fault['kind'],
): Fault | null {
  const step = { sharePercent: at.sharePercent, atLeastSeconds: at.seconds, atMostSeconds: at.seconds };
  const faults =
    kind === 'slow'
      ? SLOW_SIZES.map((times): Fault => ({ kind, times }))
      : ERROR_SIZES.map((add): Fault => ({ kind, add }));
  return faults.find((fault) => foresee(setting, [step], fault) !== null) ?? null;
}

const NO_FAULT: Fault = { kind: 'errors', add: 0 };
/** Steps of a tenth to a fifth: what is foreseen is no more exact. */
const ERROR_SIZES = geometric(0.0001, 1, 60);
const SLOW_SIZES = geometric(0.05, 20, 50).map((more) => 1 + more);

function geometric(from: number, to: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => from * (to / from) ** (i / (count - 1)));
}

/** Mean log gain of each bet, check by check: per second, or in all. */
type Scores = readonly (readonly number[])[];

type Rates = { readonly candidate: number; readonly stable: number };

function gainsOf(setting: Setting, share: number, fault: Fault): Scores {
  return setting.checks.map((check) => {
    const margin = marginOf(check);
    const rates = ratesOf(setting, check, fault, 'harm');
    if (margin === null || rates === null) return HARM_BETS.map(() => 0);
    const table = betTable(HARM_BETS, margin, share);
    const { perSecond } = setting.past;
    const x = perSecond * share * rates.candidate;
    const y = perSecond * (1 - share) * rates.stable;
    return HARM_BETS.map((_, i) => {
      const rest = y * table.stableEvent[i]! + perSecond * table.request[i]!;
      return cappedGain(x, table.candidateEvent[i]!) + rest;
    });
  });
}

/** One second wins at most the cap, however many events it holds; most seconds of a quiet service hold none. */
function cappedGain(events: number, each: number): number {
  if (events === 0) return 0;
  const any = -Math.expm1(-events);
  return any * Math.min(TICK_CAP, (each * events) / any);
}

function marginOf(check: JudgedCheck): Margin | null {
  if (check.kind === 'rate') return check.harm;
  return check.kind === 'line' ? { ratio: 1, add: 0 } : null;
}

/** Chance that a unit is an event of the check on either side, or null: the past says nothing about it. */
function ratesOf(
  { past }: Setting,
  check: JudgedCheck,
  fault: Fault,
  question: 'harm' | 'safe',
): Rates | null {
  if (check.kind === 'rate') {
    const stable = check.signal === 'failed' ? past.errorRate : past.clientErrorRate;
    const isHit = fault.kind === (check.signal === 'failed' ? 'errors' : 'client-errors');
    return { candidate: isHit ? Math.min(1, stable + fault.add) : stable, stable };
  }
  if (check.kind !== 'line') return null;
  const spread = spreadOf(past.latency);
  if (spread.all === 0) return null;
  const line = lineOf(spread, check.quantile) + (check.times === 1 ? 0 : latencyShift(1));
  const tolerance = question === 'harm' ? harmShiftOf(check) : safeShiftOf(check);
  const slower = fault.kind === 'slow' ? Math.log(fault.times) / Math.log(LATENCY_GAMMA) : 0;
  return {
    candidate: beyondBetween(spread, line + tolerance - slower),
    stable: beyondBetween(spread, line),
  };
}

type Spread = { readonly beyond: Beyond; readonly all: number };

const spreads = new WeakMap<SparseHistogram, Spread>();

/** Once for a histogram: it is asked for with every size of a fault. */
function spreadOf(histogram: SparseHistogram): Spread {
  const known = spreads.get(histogram);
  if (known !== undefined) return known;
  const all = histogram.reduce((sum, [, count]) => sum + count, 0);
  const made = { beyond: beyondOf([histogram]), all };
  spreads.set(histogram, made);
  return made;
}

/** The fine bucket at or below which a quantile lies. */
function lineOf({ beyond, all }: Spread, quantile: number): number {
  return Math.max(
    0,
    beyond.findIndex((count) => count <= (1 - quantile) * all),
  );
}

/** A line between two buckets: the chance lies between theirs. */
function beyondBetween({ beyond, all }: Spread, line: number): number {
  const below = Math.floor(line);
  const part = line - below;
  return ((1 - part) * beyondLine(beyond, below) + part * beyondLine(beyond, below + 1)) / all;
}

type Within = {
  readonly before: Scores;
  readonly gains: Scores;
  /** Judged seconds before this step. */
  readonly passed: number;
  readonly lasts: number;
  readonly step: ForeseenStep;
};

/** Seconds of this step until the fault is found, or null. */
function secondsWithin(setting: Setting, within: Within, fault: Fault): number | null {
  const severe = severeSeconds(setting, within.step, fault);
  const isFound = (seconds: number): boolean =>
    severe <= seconds || evidenceAfter(setting, within, seconds) >= Math.log(1 / HARM_ALPHA);
  const whole = Math.ceil(within.lasts);
  if (!isFound(whole)) return null;
  let [low, high] = [0, whole];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isFound(middle)) high = middle;
    else low = middle;
  }
  if (fault.kind !== 'slow' || within.passed + high >= SETTLE_AGE) return high;
  // Within the first minute it is looked at twice: the evidence starts anew after a pause.
  const again = high + SETTLE_PAUSE + Math.max(1, high - setting.warmUpSeconds);
  return again <= whole ? again : null;
}

/** ln of all evidence after so many seconds of a step. */
function evidenceAfter(setting: Setting, { before, gains, passed }: Within, seconds: number): number {
  const scores = added(setting, before, gains, mutedFrom(setting, passed, seconds));
  let all = 0;
  setting.checks.forEach((check, index) => {
    // Half of it is the share bet, which is at most as strong; the mass that waits counts as it is.
    const wealth = scores[index]!.reduce((sum, score) => sum + Math.exp(Math.min(600, score)), 0);
    all += check.weight * 0.5 * (1 + (FIRST_PRIOR * wealth) / HARM_BETS.length);
  });
  return Math.log(all);
}

type Lengths = { readonly rates: number; readonly lines: number };

/** Lines are not judged during the warm-up. */
function mutedFrom(setting: Setting, passed: number, seconds: number): Lengths {
  const muted = Math.max(0, setting.warmUpSeconds - passed);
  return { rates: seconds, lines: Math.max(0, seconds - muted) };
}

function added(setting: Setting, before: Scores, gains: Scores, lengths: Lengths): Scores {
  return setting.checks.map((check, index) => {
    const seconds = check.kind === 'line' ? lengths.lines : lengths.rates;
    return before[index]!.map((score, bet) => score + gains[index]![bet]! * seconds);
  });
}

/** Seconds until the last 20 attempts are the candidate's own; infinite where the fault is not as gross. */
function severeSeconds({ past }: Setting, { sharePercent }: ForeseenStep, fault: Fault): number {
  const isGross = fault.kind === 'errors' && past.errorRate + fault.add >= SEVERE_FAILED;
  if (!isGross || past.errorRate >= MOST_STABLE_FAILED) return Infinity;
  return Math.ceil(SEVERE_ATTEMPTS / ((sharePercent / 100) * past.perSecond));
}

/** How long a step lasts with the fault in it: to its end at the latest, sooner when every check is sure. */
function lengthOf(setting: Setting, step: ForeseenStep, fault: Fault): number {
  const share = step.sharePercent / 100;
  const times = setting.checks
    .filter((check) => check.required)
    .map((check) => safeSeconds(setting, check, { share, fault }) ?? Infinity);
  return Math.min(step.atMostSeconds, Math.max(step.atLeastSeconds, ...times));
}

function safeSeconds(
  setting: Setting,
  check: JudgedCheck,
  { share, fault }: { readonly share: number; readonly fault: Fault },
): number | null {
  const rates = ratesOf(setting, check, fault, 'safe');
  if (rates === null) return null;
  const margin = check.kind === 'rate' ? safeMargin(check, share) : { ratio: 1, add: 0 };
  const { perSecond } = setting.past;
  const table = betTable(SAFE_BETS, margin, share);
  const best = Math.max(
    ...SAFE_BETS.map(
      (_, i) =>
        perSecond * share * rates.candidate * table.candidateEvent[i]! +
        perSecond * (1 - share) * rates.stable * table.stableEvent[i]! +
        perSecond * table.request[i]!,
    ),
  );
  if (best <= 0) return null;
  const muted = check.kind === 'line' ? setting.warmUpSeconds : 0;
  return Math.ceil(muted + (SAFE_LOG_LIMIT + Math.log(SAFE_BETS.length)) / best);
}

/** The part of the candidate's requests that a fault hits. */
function partHit({ past }: Setting, fault: Fault): number {
  if (fault.kind === 'slow') return 1;
  return Math.min(1, (fault.kind === 'errors' ? past.errorRate : past.clientErrorRate) + fault.add);
}
