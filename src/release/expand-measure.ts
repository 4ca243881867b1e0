import { formatDuration } from '../lib/duration.ts';
import { escapeInterpolation } from './interpolate.ts';
import type { Measure, MeasureLimit } from './measure.ts';
import { formatPercent } from './units.ts';

/** A measure as it would stand under `judge:`, with everything written out. */
export function expandMeasure(measure: Measure): readonly [string, Record<string, unknown>] {
  const { name, source, ask, path, from, range, kind, limit, gaps } = measure;
  return [
    name,
    {
      [source]: escapeInterpolation(ask),
      ...(path === null ? {} : { path: escapeInterpolation(path) }),
      ...(from === null ? {} : { from }),
      ...(range && { range }),
      ...expandLimit(limit),
      ...(limit.against !== 'failures' && { kind }),
      interval: formatDuration(measure.intervalMs),
      delay: formatDuration(measure.delayMs),
      ...gaps,
    },
  ];
}

function expandLimit(limit: MeasureLimit): Record<string, unknown> {
  switch (limit.against) {
    case 'stable':
      return { [limit.harm === 'more' ? 'more-by' : 'fewer-by']: formatPercent(limit.percent) };
    case 'number':
      return { [limit.harm === 'above' ? 'max' : 'min']: limit.number };
    case 'failures':
      return { failures: limit.inARow };
  }
}

/** `signups (prometheus) fewer by 10%`: for plans. */
export function describeMeasure({ name, source, limit }: Measure): string {
  return `${name} (${source}) ${describeLimit(limit)}`;
}

export function describeLimit(limit: MeasureLimit): string {
  switch (limit.against) {
    case 'stable':
      return `${limit.harm} by ${formatPercent(limit.percent)}`;
    case 'number':
      return `${limit.harm} ${limit.number}`;
    case 'failures':
      return `${limit.inARow} failures in a row`;
  }
}
