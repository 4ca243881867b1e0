import { HARM_ALPHA } from './harm.ts';
import { mergeLogE } from './logspace.ts';
import type { CheckState } from './state.ts';

/** All checks together: their e-values averaged by weight, which is one e-value again, whatever hangs on what. */
export const HARM_LOG_LIMIT = Math.log(1 / HARM_ALPHA);

/** ln of all evidence against the candidate. */
export function totalLogE(checks: readonly CheckState[]): number {
  return mergeLogE(checks.map(({ check, harm }) => ({ weight: check.weight, logE: harm.logE })));
}

/** The check with the largest part in the evidence. */
export function leadingCheck(checks: readonly CheckState[]): CheckState {
  return checks.reduce((best, one) => (partOf(one) > partOf(best) ? one : best));
}

/**
 * ln of what a check's e-value must reach to be *worse*, such that the candidate is harmful exactly when some check is: for
 * the leading one, what is missing from the others up to the limit; for any other, the limit by its weight alone.
 */
export function ownLimit(checks: readonly CheckState[], one: CheckState): number {
  const limit = Math.exp(HARM_LOG_LIMIT);
  const { weight } = one.check;
  if (one !== leadingCheck(checks)) return Math.log(limit / weight);
  const others = checks.reduce(
    (sum, other) => (other === one ? sum : sum + Math.exp(Math.min(700, partOf(other)))),
    0,
  );
  // The leading one has at least its part of the whole, so that the others can never be enough without it.
  return Math.log(Math.max(limit - others, limit / checks.length) / weight);
}

function partOf(one: CheckState): number {
  return Math.log(one.check.weight) + one.harm.logE;
}
