import type { FailedRequest } from '../traffic/counts.ts';

/** Kept of a rollout: enough to know where to look. */
const MOST_KEPT = 10;

/** The first of both, each once. What is known after a restart began with what was written before it. */
export function firstFailures(
  known: readonly FailedRequest[],
  more: readonly FailedRequest[],
): readonly FailedRequest[] {
  if (known.length >= MOST_KEPT || more.length === 0) return known;
  const seen = new Set(known.map((one) => JSON.stringify(one)));
  const news = more.filter((one) => !seen.has(JSON.stringify(one)));
  return [...known, ...news].toSorted((one, other) => one.second - other.second).slice(0, MOST_KEPT);
}
