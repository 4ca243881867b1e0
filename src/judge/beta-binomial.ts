/**
 * Closed forms behind the test of the split and its bounds. Golden values: test/vectors/judge-vectors.json, groups lgamma,
 * lbeta, beta_binomial, srm and ratio_cs (mpmath).
 */

const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** Stirling's series after shifting up to 15, where it is exact to double precision. x > 0. */
export function logGamma(x: number): number {
  let shifted = x;
  let product = 1;
  while (shifted < 15) {
    product *= shifted;
    shifted += 1;
  }
  return (
    (shifted - 0.5) * Math.log(shifted) -
    shifted +
    HALF_LOG_TWO_PI +
    stirlingRest(shifted) -
    Math.log(product)
  );
}

/** ln B(a, b). Differences of logGamma lose digits for a ≫ b; the leading terms are combined by hand instead. */
export function logBeta(a: number, b: number): number {
  const small = Math.min(a, b);
  const large = Math.max(a, b);
  if (large < 15) return logGamma(small) + logGamma(large) - logGamma(small + large);
  const sum = small + large;
  const rest = stirlingRest(large) - stirlingRest(sum);
  const tail = (large - 0.5) * -Math.log1p(small / large) - small * Math.log(sum) + small;
  return logGamma(small) + tail + rest;
}

function stirlingRest(x: number): number {
  const inverse = 1 / x;
  const squared = inverse * inverse;
  return (
    inverse *
    (1 / 12 -
      squared *
        (1 / 360 -
          squared * (1 / 1260 - squared * (1 / 1680 - squared * (1 / 1188 - (squared * 691) / 360360)))))
  );
}

/**
 * ln of the e-value of `hits` and `misses` against a success probability `theta`, mixing alternatives with Beta(a, b).
 * An e-process: it may be looked at after every trial.
 */
export function betaBinomialLogE(
  counts: { readonly hits: number; readonly misses: number },
  theta: number,
  prior: { readonly a: number; readonly b: number } = { a: 1, b: 1 },
): number {
  const { hits, misses } = counts;
  return (
    logBeta(prior.a + hits, prior.b + misses) -
    logBeta(prior.a, prior.b) -
    hits * Math.log(theta) -
    misses * Math.log1p(-theta)
  );
}

/** Always-valid bounds for the success probability: those that `betaBinomialLogE` has not rejected at `alpha`. */
export function probabilityBounds(
  counts: { readonly hits: number; readonly misses: number },
  alpha: number,
): readonly [lo: number, hi: number] {
  const limit = Math.log(1 / alpha);
  const middle = (counts.hits + 0.5) / (counts.hits + counts.misses + 1);
  const rejected = (theta: number): boolean => betaBinomialLogE(counts, theta) >= limit;
  return [edge(0, middle, rejected), edge(1, middle, rejected)];
}

/** Bisects between a rejected `outside` and an accepted `inside`. */
function edge(outside: number, inside: number, rejected: (theta: number) => boolean): number {
  let [out, into] = [outside, inside];
  for (let i = 0; i < 60; i++) {
    const middle = (out + into) / 2;
    if (rejected(middle)) out = middle;
    else into = middle;
  }
  return out;
}
