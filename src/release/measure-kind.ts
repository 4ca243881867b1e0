import type { MeasureKind, SourceKind } from './measure.ts';

const QUOTED = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/gu;
/** A quotient of two rates is a share or a mean; so is what a function for means or quantiles gives. */
const MEAN_IN_PROMQL = /\/|\b(?:avg|quantile|histogram_quantile|stddev)\b|(?:avg|quantile)_over_time/u;

/** What a query says about itself, in the order in which it is looked for; null where it says nothing. */
const SIGNS: Readonly<Partial<Record<SourceKind, readonly (readonly [RegExp, MeasureKind])[]>>> = {
  prometheus: [
    [MEAN_IN_PROMQL, 'mean'],
    [/\bincrease\s*\(|count_over_time/u, 'count'],
    [/\bi?rate\s*\(/u, 'rate'],
  ],
  datadog: [
    [/\/|^\s*(?:avg|min|max|p\d+):/u, 'mean'],
    [/\.as_count\(\)/u, 'count'],
    [/\.as_rate\(\)|per_second\(/u, 'rate'],
  ],
  cloudwatch: [
    [/\bAVG\s*\(|\//iu, 'mean'],
    [/\b(?:SUM|COUNT)\s*\(/iu, 'count'],
  ],
  newrelic: [
    [/\b(?:average|percentile|percentage|median|uniqueCount)\s*\(|\//iu, 'mean'],
    [/\brate\s*\(/iu, 'rate'],
    [/\b(?:count|sum)\s*\(/iu, 'count'],
  ],
  graphite: [[/\bperSecond\s*\(/u, 'rate']],
  influxdb: [
    [/\b(?:mean|quantile|median)\s*\(|\bavg\s*\(/iu, 'mean'],
    [/\b(?:sum|count|increase)\s*\(/iu, 'count'],
  ],
  pushed: [[/./u, 'count']],
};

/** Counts, rates or anything else, as far as the query shows it. */
export function kindOfQuery(source: SourceKind, query: string): MeasureKind | null {
  const bare = query.replaceAll(QUOTED, '""');
  return SIGNS[source]?.find(([sign]) => sign.test(bare))?.[1] ?? null;
}
