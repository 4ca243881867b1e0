import type { KayentaLabel } from './classify.ts';

export type Scored = {
  readonly label: KayentaLabel;
  readonly critical: boolean;
  readonly groups: readonly string[];
};

export type Score = {
  /** 0 to 100. */
  readonly score: number;
  /** Why it is 0 whatever the groups say, or null. */
  readonly zeroed: string | null;
};

/** From this part of all metrics without data on, nothing is known. */
const MOST_WITHOUT_DATA = 0.5;

/**
 * Kayenta's weighted sum: per group the part of metrics that passed, then the groups by weight. What has no data is outside
 * the sum; a group of such alone counts in full. Weights are taken as they are, not scaled to 100.
 * Golden values: test/vectors/kayenta-vectors.json, group scoring.
 */
export function scoreOf(metrics: readonly Scored[], weights: Readonly<Record<string, number>>): Score {
  const failed = metrics.find((metric) => metric.critical && metric.label !== 'Pass');
  if (failed !== undefined) return { score: 0, zeroed: `a critical metric is ${failed.label}` };
  const without = metrics.filter((metric) => metric.label === 'Nodata').length;
  if (metrics.length === 0 || without / metrics.length >= MOST_WITHOUT_DATA)
    return { score: 0, zeroed: `${without} of ${metrics.length} metrics have no data` };
  const names = [...new Set(metrics.flatMap((metric) => metric.groups))];
  const given = names.filter((name) => weights[name] !== undefined);
  const spent = given.reduce((sum, name) => sum + weights[name]!, 0);
  const shared = (100 - spent) / (names.length - given.length);
  const sum = names.reduce((total, name) => {
    const members = metrics.filter((metric) => metric.groups.includes(name));
    return total + groupScore(members) * ((weights[name] ?? shared) / 100);
  }, 0);
  return { score: Math.round(sum * 100) / 100, zeroed: null };
}

function groupScore(members: readonly Scored[]): number {
  const counted = members.filter((metric) => metric.label !== 'Nodata' && metric.label !== 'Error');
  if (counted.length === 0) return 100;
  return (100 * counted.filter((metric) => metric.label === 'Pass').length) / counted.length;
}

export type ScoreClass = 'pass' | 'marginal' | 'fail';

export function classOf(
  score: number,
  thresholds: { readonly pass: number; readonly marginal: number },
): ScoreClass {
  if (score >= thresholds.pass) return 'pass';
  return score >= thresholds.marginal ? 'marginal' : 'fail';
}
