/** The standard normal distribution. Golden values: test/vectors/kayenta-vectors.json and judge-vectors.json, group mann_whitney. */

/** P(Z > z), exact to about 1e-15 relative for any z that matters. */
export function normalUpper(z: number): number {
  if (z < 0) return 1 - normalUpper(-z);
  return z < 3 ? 0.5 - density(z) * centralSeries(z) : density(z) / tailFraction(z);
}

/** Φ⁻¹(p) for 0 < p < 1. */
export function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p);
  // A rough start (Abramowitz and Stegun 26.2.23), then Newton's steps, each doubling the digits.
  const t = Math.sqrt(-2 * Math.log(p));
  let z =
    t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (let i = 0; i < 4; i++) z += (normalUpper(z) - p) / density(z);
  return -z;
}

function density(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
}

/** Σ z^(2k+1) / (1·3·5…(2k+1)): the part between 0 and z, over the density. */
function centralSeries(z: number): number {
  let term = z;
  let sum = z;
  for (let odd = 3; Math.abs(term) > 1e-17 * Math.abs(sum); odd += 2) {
    term *= (z * z) / odd;
    sum += term;
  }
  return sum;
}

/** z + 1/(z + 2/(z + 3/(z + …))): the density over the upper tail, from the innermost outwards. */
function tailFraction(z: number): number {
  let value = z;
  for (let k = 120; k >= 1; k--) value = z + k / value;
  return value;
}
