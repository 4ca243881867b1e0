/** Exact chances, for bounds of what a simulation counted. Golden values: test/vectors/judge-vectors.json. */
import { logBeta } from '../../src/judge/beta-binomial.ts';

const MOST_TERMS = 10_000;
const LEAST = 1e-300;

/** I_x(a, b), the regularized incomplete beta function, by Lentz's continued fraction on its faster side. */
export function betaBelow(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaBelow(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a;
  let c = 1;
  let d = 1 / kept(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m <= MOST_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / kept(1 + even * d);
    c = kept(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / kept(1 + odd * d);
    c = kept(1 + odd / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return front * value;
}

function kept(value: number): number {
  return Math.abs(value) < LEAST ? LEAST : value;
}

/** P(at least `hits` of n). */
export function binomialAtLeast(hits: number, n: number, chance: number): number {
  return hits <= 0 ? 1 : betaBelow(chance, hits, n - hits + 1);
}

/** Bounds of a chance by Clopper and Pearson, 95 %. */
export function chanceBounds(hits: number, n: number): readonly [lo: number, hi: number] {
  const lo = hits === 0 ? 0 : betaQuantile(hits, n - hits + 1, 0.025);
  return [lo, hits === n ? 1 : betaQuantile(hits + 1, n - hits, 0.975)];
}

/** Where the distribution Beta(a, b) has `area` below. */
function betaQuantile(a: number, b: number, area: number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (betaBelow(middle, a, b) < area) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * ln of the e-value that grows fastest for one known alternative (Turner, Ly and Grünwald): no rule that may look at any time
 * can be sooner on average, so that it says how far a judge that does not know the fault is from the best one.
 */
export function knowingLogE(
  seen: { readonly nc: number; readonly nb: number; readonly x: number; readonly y: number },
  rates: { readonly candidate: number; readonly stable: number },
): number {
  const { nc, nb, x, y } = seen;
  const { candidate, stable } = rates;
  if (nc + nb === 0) return 0;
  const common = (nc * candidate + nb * stable) / (nc + nb);
  const part = (events: number, n: number, rate: number): number =>
    (events === 0 ? 0 : events * Math.log(rate / common)) +
    (n === events ? 0 : (n - events) * Math.log((1 - rate) / (1 - common)));
  return part(x, nc, candidate) + part(y, nb, stable);
}
