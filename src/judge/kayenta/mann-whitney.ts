import { normalQuantile } from '../normal.ts';
import { brentRoot } from './brent.ts';

/**
 * The Mann-Whitney U test as Kayenta runs it: the normal approximation with corrections for ties and continuity, inverted
 * over shifts of the first sample (R's `wilcox.test(exact = FALSE, conf.int = TRUE)`).
 * Golden values: test/vectors/kayenta-vectors.json, group mannWhitney.
 */
export type Shift = {
  readonly low: number;
  readonly high: number;
  /** The shift at which both samples lie alike (close to Hodges and Lehmann's). */
  readonly estimate: number;
};

/** Kayenta's own: absolute, so that fractions near a thousandth are near what it can tell apart. Feed percent instead. */
const ROOT_TOLERANCE = 1e-4;
const MOST_STEPS = 1000;

/** Where x lies against y, by `confidence` (0.98). Null where the ranks have no spread, which Kayenta calls an error. */
export function mannWhitneyShift(
  x: readonly number[],
  y: readonly number[],
  confidence: number,
): Shift | null {
  const [least, most] = [Math.min(...x) - Math.max(...y), Math.max(...x) - Math.min(...y)];
  const z = normalQuantile(1 - (1 - confidence) / 2);
  const at = (quantile: number): number | null => {
    const value = (shift: number): number => wilcoxonDifference(x, y, { shift, quantile });
    const [atLeast, atMost] = [value(least), value(most)];
    if (Number.isNaN(atLeast) || Number.isNaN(atMost)) return null;
    if (atLeast <= 0) return least;
    if (atMost >= 0) return most;
    return brentRoot(value, least, most, { tolerance: ROOT_TOLERANCE, steps: MOST_STEPS });
  };
  const [low, high] = [at(z), at(-z)];
  if (low === null || high === null) return null;
  const middle = (shift: number): number => wilcoxonDifference(x, y, { shift, quantile: 0 });
  return {
    low,
    high,
    estimate: brentRoot(middle, least, most, { tolerance: ROOT_TOLERANCE, steps: MOST_STEPS }),
  };
}

/** The standardized rank sum of x − shift among both, minus `quantile`. NaN where all ranks are tied. */
export function wilcoxonDifference(
  x: readonly number[],
  y: readonly number[],
  at: { readonly shift: number; readonly quantile: number },
): number {
  const [n, m] = [x.length, y.length];
  const { sumOfFirst, ties } = ranked(
    x.map((value) => value - at.shift),
    y,
  );
  const d = sumOfFirst - (n * (n + 1)) / 2 - (n * m) / 2;
  const variance = ((n * m) / 12) * (n + m + 1 - ties / ((n + m) * (n + m - 1)));
  const sigma = Math.sqrt(variance);
  if (!(sigma > 0)) return Number.NaN;
  return (d - 0.5 * Math.sign(d)) / sigma - at.quantile;
}

/** P(a value of x is above one of y), ties counted half. */
export function commonLanguageEffect(x: readonly number[], y: readonly number[]): number {
  const [n, m] = [x.length, y.length];
  return (2 * ranked(x, y).sumOfFirst - n * (n + 1)) / (2 * n * m);
}

/** Ranks over both samples, ties sharing their mean: the sum of the first one's, and Σ t³−t over the ties. */
function ranked(
  first: readonly number[],
  second: readonly number[],
): { readonly sumOfFirst: number; readonly ties: number } {
  const all = [
    ...first.map((value) => ({ value, mine: 1 })),
    ...second.map((value) => ({ value, mine: 0 })),
  ].toSorted((a, b) => a.value - b.value);
  let [sumOfFirst, ties, from] = [0, 0, 0];
  while (from < all.length) {
    let [to, mine] = [from, 0];
    while (to < all.length && all[to]!.value === all[from]!.value) mine += all[to++]!.mine;
    const tied = to - from;
    sumOfFirst += mine * ((from + 1 + to) / 2);
    ties += tied ** 3 - tied;
    from = to;
  }
  return { sumOfFirst, ties };
}
