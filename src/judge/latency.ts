import { LATENCY_BUCKETS, LATENCY_GAMMA, latencyBucketMs, type SparseHistogram } from '../traffic/counts.ts';

/** Three fine buckets of `traffic/counts.ts` fold into one of γ = 1.1, in which stable's lines are kept. */
export const FINE_PER_COARSE = 3;

/** Seconds after which a request weighs half in the histogram that lines and shown quantiles come from. */
const HALF_LIFE_SECONDS = 58;
const DECAY = 0.5 ** (1 / HALF_LIFE_SECONDS);

/** Coarse bucket i holds fine buckets 3i−2 to 3i, so that "beyond coarse line i" is "in a fine bucket above 3i". */
export function coarseBucket(fine: number): number {
  return Math.ceil(fine / FINE_PER_COARSE);
}

/**
 * Buckets by which the candidate's line lies above stable's for a tolerance ε (0.1 for 10 %): ⌈ln(1+ε)/ln γ⌉ (vectors
 * `latency_shift`).
 */
export function latencyShift(tolerance: number, gamma: number = LATENCY_GAMMA): number {
  return Math.ceil(Math.log1p(tolerance) / Math.log(gamma) - 1e-9);
}

/** The same rounded down: a candidate proven to be within it is within the tolerance. */
export function shiftWithin(tolerance: number): number {
  return Math.floor(Math.log1p(tolerance) / Math.log(LATENCY_GAMMA) + 1e-9);
}

/** How much slower, in percent, a shift by fine buckets means. */
export function shiftPercent(shift: number): number {
  return (LATENCY_GAMMA ** shift - 1) * 100;
}

/** Index i: how many lie above fine bucket i. */
export type Beyond = Uint32Array;

export function beyondOf(histograms: readonly SparseHistogram[]): Beyond {
  const beyond = new Uint32Array(LATENCY_BUCKETS);
  for (const histogram of histograms) {
    for (const [bucket, count] of histogram) if (bucket > 0) beyond[bucket - 1]! += count;
  }
  for (let i = LATENCY_BUCKETS - 2; i >= 0; i--) beyond[i]! += beyond[i + 1]!;
  return beyond;
}

/** Index i: how many people newly crossed the line at fine bucket i (from ≤ i < to). */
export function crossedOf(records: readonly (readonly [from: number, to: number, count: number])[]): Beyond {
  const steps = new Int32Array(LATENCY_BUCKETS + 1);
  for (const [from, to, count] of records) {
    steps[Math.max(0, from)]! += count;
    steps[Math.max(0, to)]! -= count;
  }
  const crossed = new Uint32Array(LATENCY_BUCKETS);
  let level = 0;
  for (let i = 0; i < LATENCY_BUCKETS; i++) {
    level += steps[i]!;
    crossed[i] = level;
  }
  return crossed;
}

/** Histograms of one second, ready to be asked how much of them lies beyond a line. */
export type Cumulative = {
  /** The lowest bucket that holds anything. */
  readonly lowest: number;
  /** Index i: how many lie in bucket `lowest` + i or above; one for each bucket up to the highest that holds anything. */
  readonly above: readonly number[];
};

const ZEROS: readonly number[] = Array.from({ length: LATENCY_BUCKETS }, () => 0);
const NOTHING_COUNTED: Cumulative = { lowest: 0, above: [] };

export function cumulativeOf(histograms: readonly SparseHistogram[]): Cumulative {
  let [lowest, highest] = [LATENCY_BUCKETS, -1];
  for (const histogram of histograms) {
    if (histogram.length === 0) continue;
    lowest = Math.min(lowest, histogram[0]![0]);
    highest = Math.max(highest, histogram.at(-1)![0]);
  }
  if (highest === -1) return NOTHING_COUNTED;
  // A part of a list that is there costs least: a second asks three times.
  const above = ZEROS.slice(0, highest - lowest + 1);
  for (const histogram of histograms) {
    for (let i = 0; i < histogram.length; i++) {
      const one = histogram[i]!;
      above[one[0] - lowest]! += one[1];
    }
  }
  for (let i = above.length - 2; i >= 0; i--) above[i]! += above[i + 1]!;
  return { lowest, above };
}

/** How many lie beyond a fine line; lines past the last bucket are never crossed. */
export function beyondLine(beyond: Beyond | Cumulative, fine: number): number {
  const line = Math.max(0, fine);
  if (beyond instanceof Uint32Array) return beyond[line] ?? 0;
  return beyond.above[Math.max(0, line + 1 - beyond.lowest)] ?? 0;
}

/** Weights per coarse bucket, half-life 58 s. Thousandths are enough, and keep the state small. */
export type DecayedHistogram = readonly number[];

export const NO_LATENCIES: DecayedHistogram = [];

export function addLatencies(
  decayed: DecayedHistogram,
  histograms: readonly SparseHistogram[],
): DecayedHistogram {
  let length = decayed.length;
  for (const histogram of histograms) {
    const last = histogram.at(-1);
    if (last !== undefined) length = Math.max(length, coarseBucket(last[0]) + 1);
  }
  const next = decayed.slice();
  while (next.length < length) next.push(0);
  for (const histogram of histograms) {
    for (let i = 0; i < histogram.length; i++) {
      const one = histogram[i]!;
      next[coarseBucket(one[0])]! += one[1];
    }
  }
  return next;
}

/** What so many seconds leave of the weights. Done every few seconds, just before anybody looks. */
export function faded(decayed: DecayedHistogram, seconds: number): DecayedHistogram {
  const factor = DECAY ** seconds;
  const next = decayed.slice();
  for (let i = 0; i < next.length; i++) {
    const weight = next[i]! * factor;
    next[i] = weight < 100 ? Math.round(weight * 1000) / 1000 : Math.round(weight * 10) / 10;
  }
  return next;
}

export function totalWeight(decayed: DecayedHistogram): number {
  // By index: an iterator makes an object for every bucket, and hundreds of rollouts ask each second.
  let total = 0;
  for (let i = 0; i < decayed.length; i++) total += decayed[i]!;
  return total;
}

/** The smallest coarse bucket at or below which `quantile` of the weight lies, or null without any weight. */
export function quantileBucket(decayed: DecayedHistogram, quantile: number): number | null {
  const total = totalWeight(decayed);
  if (total <= 0) return null;
  let below = 0;
  for (let i = 0; i < decayed.length; i++) {
    below += decayed[i]!;
    if (below >= quantile * total) return i;
  }
  return decayed.length - 1;
}

/** A quantile in milliseconds, interpolated within its bucket (exact to about 3 %), or null without any weight. */
export function quantileMs(decayed: DecayedHistogram, quantile: number): number | null {
  const bucket = quantileBucket(decayed, quantile);
  if (bucket === null) return null;
  const total = totalWeight(decayed);
  let below = 0;
  for (let i = 0; i < bucket; i++) below += decayed[i]!;
  const within = decayed[bucket]! > 0 ? (quantile * total - below) / decayed[bucket]! : 1;
  return latencyBucketMs((bucket - 1 + Math.min(1, Math.max(0, within))) * FINE_PER_COARSE);
}
