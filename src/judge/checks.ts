import type { Measure } from '../release/measure.ts';
import type { Check, JudgePolicy } from '../release/service.ts';
import type { Margin } from './bet.ts';
import { latencyShift, shiftWithin } from './latency.ts';

/** One question to the traffic, with its margins for harm and for safety. */
export type JudgedCheck = RateCheck | LineCheck;

export type RateCheck = {
  readonly kind: 'rate';
  /** `error-rate` or `client-error-rate`. */
  readonly name: string;
  readonly signal: 'failed' | 'clientError';
  /** Part in the average of all evidence for harm; they sum to 1. */
  readonly weight: number;
  /** Worse than this is harm. */
  readonly harm: Margin;
  /** Surely not worse than this is safe. `budget` stands for Δ = EXPOSURE_BUDGET / share. */
  readonly safe: { readonly ratio: number; readonly add: number | 'budget' };
  readonly required: boolean;
};

/** How many requests are slower than a line taken from stable; the candidate's line lies higher by the tolerance. */
export type LineCheck = {
  readonly kind: 'line';
  /** `p95`, or `tail` for twice the 99th percentile. */
  readonly name: string;
  readonly quantile: number;
  /** The line is this multiple of stable's quantile. */
  readonly times: 1 | 2;
  readonly weight: number;
  /** Slower than stable by more than so many percent is harm. */
  readonly harmPercent: number;
  /** Surely not slower by so many percent is safe. */
  readonly safePercent: number;
  /** Whether the step is safe only once this check is. Others look for harm alone. */
  readonly required: boolean;
};

/** Nobody wants a rollback for one request in ten thousand. */
const DEFAULT_HARM: Margin = { ratio: 1.1, add: 0.0001 };
const DEFAULT_SAFE_RATIO = 1.25;
/** Of all requests, the part that an unseen fault may hit at most: loose at small shares, tight at large ones. */
export const EXPOSURE_BUDGET = 0.0005;
const DEFAULT_HARM_PERCENT = 10;
const DEFAULT_SAFE_PERCENT = 50;
/** Client errors are often the clients' own doing: without a limit of their own, a rise by a point and a tenth is harm. */
const DEFAULT_CLIENT_HARM: Margin = { ratio: 1.1, add: 0.01 };
/**
 * Parts of the evidence, scaled to sum to 1: what fails on the server (answers of 5xx, connections, timeouts) ½, slowness 0.4,
 * client errors 0.1; what is measured elsewhere as much as errors. A check of little weight needs more evidence, not more effect.
 */
const PARTS = { errors: 5, latency: 4, clientErrors: 1, measures: 5 };

/**
 * The checks of a policy. A kind of which none is named (errors, latency, client errors) keeps its default, so that naming
 * `p95` does not stop errors from being judged. Client errors, unless named, look for harm alone.
 */
export function checksOf(policy: JudgePolicy): readonly JudgedCheck[] {
  const errors = policy.checks.find((check) => check.kind === 'error-rate');
  const clientErrors = policy.checks.find((check) => check.kind === 'client-error-rate');
  const quantiles = policy.checks.filter((check) => check.kind === 'latency');
  const lines = quantiles.length > 0 ? quantiles.map(namedLine) : defaultLines();
  const checks: JudgedCheck[] = [
    errors === undefined ? defaultErrors() : namedRate('failed', errors),
    clientErrors === undefined ? defaultClientErrors() : namedRate('clientError', clientErrors),
    ...lines.map((line) => ({ ...line, weight: PARTS.latency / lines.length })),
  ];
  const measured = bettingMeasures(policy) > 0 ? PARTS.measures : 0;
  const all = checks.reduce((sum, check) => sum + check.weight, measured);
  return checks.map((check) => ({ ...check, weight: check.weight / all }));
}

/** The weight of each measure beside these checks: 0 for a command's exit code, which is no matter of chance. */
export function measureWeight(measure: Measure, policy: JudgePolicy): number {
  if (measure.limit.against === 'failures') return 0;
  const checked = checksOf(policy).reduce((sum, check) => sum + check.weight, 0);
  return (1 - checked) / bettingMeasures(policy);
}

function bettingMeasures({ measures = [] }: JudgePolicy): number {
  return measures.filter(({ limit }) => limit.against !== 'failures').length;
}

/** What "surely not worse" allows at a share of 0 to 1. */
export function safeMargin(check: RateCheck, share: number): Margin {
  const { ratio, add } = check.safe;
  return { ratio, add: add === 'budget' ? EXPOSURE_BUDGET / share : add };
}

/** Fine buckets by which the candidate's line lies above stable's in the test for harm. */
export function harmShiftOf(check: LineCheck): number {
  return latencyShift(check.harmPercent / 100);
}

/** The same in the test for safety, rounded so that what passes is within the limit. */
export function safeShiftOf(check: LineCheck): number {
  return shiftWithin(check.safePercent / 100);
}

function defaultErrors(): RateCheck {
  return {
    kind: 'rate',
    name: 'error-rate',
    signal: 'failed',
    weight: PARTS.errors,
    harm: DEFAULT_HARM,
    safe: { ratio: DEFAULT_SAFE_RATIO, add: 'budget' },
    required: true,
  };
}

function defaultClientErrors(): RateCheck {
  return {
    kind: 'rate',
    name: 'client-error-rate',
    signal: 'clientError',
    weight: PARTS.clientErrors,
    harm: DEFAULT_CLIENT_HARM,
    safe: DEFAULT_CLIENT_HARM,
    required: false,
  };
}

function namedRate(signal: RateCheck['signal'], check: Exclude<Check, { kind: 'latency' }>): RateCheck {
  const margin = { ratio: 1, add: check.worseByPp / 100 };
  const weight = signal === 'failed' ? PARTS.errors : PARTS.clientErrors;
  return { kind: 'rate', name: check.kind, signal, weight, harm: margin, safe: margin, required: true };
}

function namedLine(check: Extract<Check, { kind: 'latency' }>): LineCheck {
  return line(check.quantile, 1, { harm: check.worseByPercent, safe: check.worseByPercent, required: true });
}

/** p50 sees a shift of everything, p90 and p99 the slow part, twice the p99 what only the tail shows. */
function defaultLines(): readonly LineCheck[] {
  const limits = { harm: DEFAULT_HARM_PERCENT, safe: DEFAULT_SAFE_PERCENT };
  return [
    line(0.5, 1, { ...limits, required: false }),
    line(0.9, 1, { ...limits, required: true }),
    line(0.99, 1, { ...limits, required: true }),
    line(0.99, 2, { ...limits, required: false }),
  ];
}

function line(
  quantile: number,
  times: 1 | 2,
  limits: { readonly harm: number; readonly safe: number; readonly required: boolean },
): LineCheck {
  return {
    kind: 'line',
    name: times === 1 ? `p${Number((quantile * 100).toFixed(3))}` : 'tail',
    quantile,
    times,
    weight: 0,
    harmPercent: limits.harm,
    safePercent: limits.safe,
    required: limits.required,
  };
}
