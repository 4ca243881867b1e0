import type { OutlierRules } from '../../release/resilience.ts';

/** What ejections have to know of a replica that is in use. */
export type Standing = {
  readonly healthy: boolean;
  /** Left out until then, or null. */
  readonly ejectedUntilMs: number | null;
  /** How often in a row, and when the last time ended. */
  readonly times: number;
  readonly returnedAtMs: number;
};

export const NEVER_EJECTED = { ejectedUntilMs: null, times: 0, returnedAtMs: Number.NEGATIVE_INFINITY };

/** Part of the time by which each may be longer, so that those that left together do not come back together. */
const JITTER = 0.1;

/**
 * Until when a replica that failed is left out, or null where it is not: one that is not healthy gets nothing anyway, and of those
 * that are healthy at least half stay, so the last one always does. Each time in a row is longer by `baseMs`, up to `maxMs`; each
 * `baseMs` without one takes one off the row. Names and defaults are those of Envoy's outlier detection.
 */
export function decideEjection(
  standings: readonly Standing[],
  replica: number,
  { rules, nowMs, draw }: { readonly rules: OutlierRules; readonly nowMs: number; readonly draw: number },
): { readonly untilMs: number; readonly times: number } | null {
  const failed = standings[replica];
  if (failed === undefined || !failed.healthy || failed.ejectedUntilMs !== null) return null;
  if (ejectedOf(standings).length + 1 > mostEjected(standings)) return null;
  const times = 1 + Math.max(0, failed.times - Math.floor((nowMs - failed.returnedAtMs) / rules.baseMs));
  const lengthMs = Math.min(rules.maxMs, rules.baseMs * times);
  return { untilMs: nowMs + lengthMs * (1 + JITTER * draw), times };
}

/** Who comes back now: whose time is over, and, where others have become unhealthy since, as many as it takes, the first to return first. */
export function whoReturns(standings: readonly Standing[], nowMs: number): readonly number[] {
  const over = standings.flatMap(({ ejectedUntilMs }, replica) =>
    ejectedUntilMs !== null && ejectedUntilMs <= nowMs ? [replica] : [],
  );
  const left = ejectedOf(standings)
    .filter((replica) => !over.includes(replica))
    .toSorted((a, b) => standings[a]!.ejectedUntilMs! - standings[b]!.ejectedUntilMs!);
  return [...over, ...left.slice(0, Math.max(0, left.length - mostEjected(standings)))];
}

/** Those that would get requests otherwise. */
function ejectedOf(standings: readonly Standing[]): readonly number[] {
  return standings.flatMap(({ healthy, ejectedUntilMs }, replica) =>
    healthy && ejectedUntilMs !== null ? [replica] : [],
  );
}

function mostEjected(standings: readonly Standing[]): number {
  return Math.floor(standings.filter(({ healthy }) => healthy).length / 2);
}
