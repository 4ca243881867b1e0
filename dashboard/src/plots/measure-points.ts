import { decimals, signed } from '../../../src/cli/format.ts';
import type { MeasureResult, SeriesPoint } from '../api/api-types.ts';
import type { BandPoint } from './check-points.ts';

type Shown = NonNullable<SeriesPoint['measures']>[number];
type Limit = MeasureResult['limit'];

/** A measure from elsewhere at a moment. */
export type MeasurePoint = Shown & { readonly atMs: number };

export function measurePointsOf(points: readonly SeriesPoint[], name: string): readonly MeasurePoint[] {
  return points.flatMap(({ atMs, measures = [] }) => {
    const measure = measures.find((one) => one.name === name);
    return measure === undefined ? [] : [{ ...measure, atMs }];
  });
}

/** The line of the limit; null: windows that fail are counted, and there is nothing to draw it in. */
export function limitLine(
  limit: Limit,
): { readonly at: number; readonly words: string; readonly isHarmAbove: boolean } | null {
  switch (limit.against) {
    case 'stable': {
      const at = limit.harm === 'more' ? limit.percent : -limit.percent;
      return { at, words: `limit ${signed(at)} %`, isHarmAbove: limit.harm === 'more' };
    }
    case 'number': {
      const isHarmAbove = limit.harm === 'above';
      return { at: limit.number, words: `${isHarmAbove ? 'max' : 'min'} ${limit.number}`, isHarmAbove };
    }
    case 'failures':
      return null;
  }
}

/** Against stable the difference in percent; against a number the value itself, whose interval is told from that number. */
export function bandPoint({ atMs, limit, candidate, difference, interval }: MeasurePoint): BandPoint {
  if (limit.against !== 'number') return { atMs, value: difference, band: interval };
  const { number } = limit;
  const end = (one: number | null): number | null => (one === null ? null : one + number);
  return { atMs, value: candidate, band: interval === null ? null : [end(interval[0]), end(interval[1])] };
}

export function measureTick(value: number, { against }: Limit): string {
  if (against === 'number') return decimals(value);
  return value === 0 ? '0 %' : `${signed(value).replace('-', '−')} %`;
}

export function measureWords(value: number | null, { kind, limit }: Pick<Shown, 'kind' | 'limit'>): string {
  if (value === null) return '–';
  return `${decimals(value)}${limit.against === 'stable' && kind !== 'mean' ? ' / 1000' : ''}`;
}

export function bandWords(band: BandPoint['band'], limit: Limit): string {
  if (band === null) return 'not known yet';
  return band.map((end) => (end === null ? '?' : measureTick(end, limit))).join(' … ');
}

/** Room for the limit, zero where it says something, the course, and the band as far as it is not enormous. */
export function measureDomain(
  points: readonly BandPoint[],
  limitAt: number,
  hasZero: boolean,
): readonly [number, number] {
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]));
  const sure = [limitAt, ...(hasZero ? [0] : []), ...values];
  const [low, high] = [Math.min(...sure), Math.max(...sure)];
  const room = Math.max(high - low, Math.abs(limitAt) * 0.2, 1e-6);
  const ends = points.flatMap(({ band }) => (band ?? []).flatMap((end) => (end === null ? [] : [end])));
  const least = Math.max(low - room, Math.min(low, ...ends));
  const most = Math.min(high + room, Math.max(high, ...ends));
  return [least - room * 0.1, most + room * 0.1];
}
