/** The rounding of doubles. */
const RELATIVE = 2 ** -52;

/**
 * A root of `f` between two points of opposite sign, by Brent's method with an absolute tolerance. Kayenta's intervals stop
 * where this method stops, not at the true root, so the order of its steps is part of its answer.
 */
export function brentRoot(
  f: (at: number) => number,
  from: number,
  to: number,
  stop: { readonly tolerance: number; readonly steps: number },
): number {
  let [a, b] = [from, to];
  let [fa, fb] = [f(a), f(b)];
  if (fa === 0) return a;
  if (fb === 0) return b;
  let [c, fc] = [a, fa];
  for (let i = 0; i < stop.steps; i++) {
    const before = b - a;
    if (Math.abs(fc) < Math.abs(fb)) [a, b, c, fa, fb, fc] = [b, c, b, fb, fc, fb];
    const tolerance = 2 * RELATIVE * Math.abs(b) + stop.tolerance / 2;
    const half = (c - b) / 2;
    if (Math.abs(half) <= tolerance || fb === 0) return b;
    const guess =
      Math.abs(before) >= tolerance && Math.abs(fa) > Math.abs(fb)
        ? interpolated({ a, b, c, fa, fb, fc }, { half, tolerance, before })
        : null;
    const step = guess ?? half;
    [a, fa] = [b, fb];
    b += Math.abs(step) > tolerance ? step : tolerance * (step > 0 ? 1 : -1);
    fb = f(b);
    if (fb > 0 === fc > 0) [c, fc] = [a, fa];
  }
  return b;
}

type Points = Readonly<Record<'a' | 'b' | 'c' | 'fa' | 'fb' | 'fc', number>>;

/** A step by the secant through two points or the inverse parabola through three; null where halving is safer. */
function interpolated(
  { a, b, c, fa, fb, fc }: Points,
  { half, tolerance, before }: { readonly half: number; readonly tolerance: number; readonly before: number },
): number | null {
  const s = fb / fa;
  let [p, q] = [2 * half * s, 1 - s];
  if (a !== c) {
    const [t, r] = [fa / fc, fb / fc];
    p = s * (2 * half * t * (t - r) - (b - a) * (r - 1));
    q = (t - 1) * (r - 1) * (s - 1);
  }
  if (p > 0) q = -q;
  else p = -p;
  return p < 1.5 * half * q - Math.abs(tolerance * q) / 2 && p < Math.abs((before * q) / 2) ? p / q : null;
}
