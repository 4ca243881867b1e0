import { noData, sampleOf, sourceDown, type MeasureQuery, type MeasureSample } from './source.ts';

/**
 * The points of one series as one number. Gaps are left out: what is missing is no zero. Points that are no numbers are left out as well
 * while there are others, because a quiet part of a window divides nothing by nothing.
 */
export function foldSeries(points: readonly (number | null)[], fold: MeasureQuery['fold']): MeasureSample {
  const there = points.filter((point) => point !== null);
  if (there.length === 0) return noData('the series has no point in this window');
  const numbers = there.filter((point) => Number.isFinite(point));
  if (numbers.length === 0) return sampleOf(there[0]!);
  const sum = numbers.reduce((all, point) => all + point, 0);
  return sampleOf(fold === 'sum' ? sum : sum / numbers.length, numbers.length);
}

/** For a question whose answer is several series: which one is meant is nobody's guess. */
export function tooManySeries(count: number, fix: string): MeasureSample {
  return sourceDown(`the query gives ${count} series, and a measure is one number: ${fix}`);
}
