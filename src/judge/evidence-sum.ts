import { HARM_ALPHA } from './harm.ts';
import { mergeLogE } from './logspace.ts';
import { measureLogE, type MeasureState } from './measures.ts';
import type { CheckState } from './state.ts';

/**
 * What all checks and measures together must reach: their e-values averaged by weight, which is one e-value again, whatever
 * hangs on what. With a part of the false alarms of a rollout, so much more evidence.
 */
export function harmLogLimit(alphaPart = 1): number {
  return Math.log(1 / (HARM_ALPHA * alphaPart));
}

/** What the evidence is made of. */
export type Judged = {
  readonly checks: readonly CheckState[];
  readonly measures: readonly MeasureState[];
};
export type Part = CheckState | MeasureState;

/** ln of all evidence against the candidate. */
export function totalLogE(judged: Judged): number {
  return mergeLogE(partsOf(judged).map((part) => ({ weight: weightOf(part), logE: logEOf(part) })));
}

/** The check or measure with the largest part in the evidence. */
export function leadingPart(judged: Judged): Part {
  return partsOf(judged).reduce((best, one) => (logPart(one) > logPart(best) ? one : best));
}

/**
 * ln of what a check's or measure's e-value must reach to be *worse*, such that the candidate is harmful exactly when one is: for
 * the leading one, what is missing from the others up to the limit; for any other, the limit by its weight alone.
 */
export function ownLimits(judged: Judged & { readonly harmLogLimit: number }): (one: Part) => number {
  const limit = Math.exp(judged.harmLogLimit);
  const parts = partsOf(judged);
  if (parts.length === 0) return () => judged.harmLogLimit;
  const leading = leadingPart(judged);
  const others = parts.reduce(
    (sum, other) => (other === leading ? sum : sum + Math.exp(Math.min(700, logPart(other)))),
    0,
  );
  // The leading one has at least its part of the whole, so that the others can never be enough without it.
  const missing = Math.max(limit - others, limit / parts.length);
  return (one) => Math.log((one === leading ? missing : limit) / weightOf(one));
}

export function isMeasure(part: Part): part is MeasureState {
  return 'measure' in part;
}

/** A command's exit code is no matter of chance, and has no part in it. */
function partsOf({ checks, measures }: Judged): readonly Part[] {
  return [...checks, ...measures.filter(({ weight }) => weight > 0)];
}

function weightOf(part: Part): number {
  return isMeasure(part) ? part.weight : part.check.weight;
}

function logEOf(part: Part): number {
  return isMeasure(part) ? measureLogE(part) : part.harm.logE;
}

function logPart(part: Part): number {
  return Math.log(weightOf(part)) + logEOf(part);
}
