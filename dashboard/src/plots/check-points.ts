import { decimals, grouped, signed as plainSigned } from '../../../src/cli/format.ts';
import type { CheckResult, SeriesPoint } from '../api/api-types.ts';

type Check = SeriesPoint['checks'][number];

/** With a minus that is as wide as the plus. */
function signed(value: number): string {
  return plainSigned(value).replace('-', '−');
}

/** Beside an axis: no more digits than it takes. */
export function tickOf(value: number, unit: Check['unit']): string {
  const number = Number(value.toFixed(2));
  return `${number > 0 ? '+' : ''}${String(number).replace('-', '−')} ${apart(unit)}`;
}

/** A check at a moment. */
export type CheckPoint = Check & { readonly atMs: number };

export function pointsOf(points: readonly SeriesPoint[], name: string): readonly CheckPoint[] {
  return points.flatMap(({ atMs, checks }) => {
    const check = checks.find((one) => one.name === name);
    return check === undefined ? [] : [{ ...check, atMs }];
  });
}

/** What a plot with a band shows of a moment; an end of the band that is not known yet is null. */
export type BandPoint = {
  readonly atMs: number;
  readonly value: number | null;
  readonly band: readonly [number | null, number | null] | null;
};

/** Lines are not drawn across what was not judged: shares that changed, seconds that were lost. */
export function partsOf<P extends { readonly atMs: number }>(
  points: readonly P[],
): readonly (readonly P[])[] {
  const spans = points.slice(1).map((point, index) => point.atMs - points[index]!.atMs);
  const usual = spans.toSorted((one, other) => one - other)[Math.floor(spans.length / 2)] ?? 0;
  const parts: P[][] = [];
  for (const [index, point] of points.entries()) {
    if (index === 0 || spans[index - 1]! > Math.max(5000, usual * 3)) parts.push([]);
    parts.at(-1)!.push(point);
  }
  return parts;
}

export function apart(unit: Check['unit']): string {
  return unit === 'percent' ? 'pp' : '%';
}

export function valueWords(value: number | null, unit: Check['unit']): string {
  if (value === null) return '–';
  return unit === 'ms' ? `${grouped(value)} ms` : `${decimals(value)} %`;
}

export function differenceWords({ difference, unit }: Pick<Check, 'difference' | 'unit'>): string {
  return difference === null ? '–' : `${signed(difference)} ${apart(unit)}`;
}

export function intervalWords({ interval, unit }: Pick<Check, 'interval' | 'unit'>): string {
  if (interval === null) return 'not known yet';
  const [low, high] = interval;
  return `${signed(low)} … ${high === null ? '?' : signed(high)} ${apart(unit)}`;
}

export function limitWords({ limit, unit }: Pick<Check, 'limit' | 'unit'>): string {
  return `${signed(limit)} ${apart(unit)}`;
}

/** What the judge says of a check, with a mark beside the word. */
export function verdictWords(check: Pick<CheckResult, 'state' | 'needRequests'>): {
  readonly mark: string;
  readonly word: string;
  readonly style: 'good' | 'bad' | 'warn';
} {
  switch (check.state) {
    case 'worse':
      return { mark: '✖', word: 'worse', style: 'bad' };
    case 'not-worse':
      return { mark: '✔', word: 'not worse', style: 'good' };
    case 'no-data':
      return { mark: '…', word: 'no data yet', style: 'warn' };
    case 'undecided':
      return {
        mark: '…',
        word:
          check.needRequests === null
            ? 'not decided yet'
            : `needs ~${grouped(check.needRequests)} requests more`,
        style: 'warn',
      };
  }
}

/** Room for what matters: zero, the limit and the difference; a band that is wider than that runs out of it. */
export function differenceDomain(points: readonly CheckPoint[]): readonly [number, number] {
  const limit = Math.abs(points.at(-1)?.limit ?? 1) || 1;
  const differences = points.flatMap(({ difference }) => (difference === null ? [] : [difference]));
  const ends = points.flatMap(({ interval }) =>
    interval === null ? [] : [interval[0], interval[1] ?? interval[0]],
  );
  const most = Math.max(
    limit * 1.4,
    ...differences.map((one) => one * 1.1),
    ...ends.map((end) => Math.min(end, limit * 3)),
  );
  const least = Math.min(
    -limit * 0.6,
    ...differences.map((one) => one * 1.1),
    ...ends.map((end) => Math.max(end, -limit * 2)),
  );
  return [least, most];
}
