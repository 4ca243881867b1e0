/** Logarithm of a wealth of nothing: far below anything reachable, yet finite, so that states survive JSON. */
export const LOG_ZERO = -1e9;

/** e to the power of this changes no digit of a sum that has 1 in it, in whichever order: no need to take the power. */
const NOTHING_BESIDE_ONE = -45;

/** ln(e^a + e^b) without leaving log space. */
export function logAddExp(a: number, b: number): number {
  const larger = Math.max(a, b);
  return larger + Math.log1p(Math.exp(Math.min(a, b) - larger));
}

/** ln Σ e^v without leaving log space. `LOG_ZERO` for an empty list. */
export function logSumExp(values: readonly number[]): number {
  // By index: an iterator makes an object for every value, and hundreds of rollouts ask each second.
  let largest = LOG_ZERO;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, values[i]!);
  if (largest <= LOG_ZERO) return LOG_ZERO;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const below = values[i]! - largest;
    if (below > NOTHING_BESIDE_ONE) sum += Math.exp(below);
  }
  return largest + Math.log(sum);
}

/** ln Σ w_k e^(logE_k): e-values averaged with weights that sum to 1 are an e-value, whatever their dependence. */
export function mergeLogE(parts: readonly { readonly weight: number; readonly logE: number }[]): number {
  return logSumExp(parts.map((part) => Math.log(part.weight) + part.logE));
}
