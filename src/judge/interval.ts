import {
  LATENCY_FLOOR_MS,
  LATENCY_GAMMA,
  type ReplicaSecond,
  type SparseHistogram,
} from '../traffic/counts.ts';
import type { Measured, MeasuredPoint } from './measured.ts';
import { decidedOf, failuresOf } from './reading.ts';

/** What came within an interval, for judges that look at one value per interval. Plain JSON. */
export type Interval = {
  readonly seconds: number;
  readonly candidate: SideSums;
  readonly stable: SideSums;
  /** The last value of each measure that came. */
  readonly measured: readonly MeasuredPoint[];
};

type SideSums = {
  readonly decided: number;
  readonly failed: number;
  readonly clientErrors: number;
  readonly latency: SparseHistogram;
};

export type Values = { readonly candidate: Measured; readonly stable: Measured };

const NOTHING: SideSums = { decided: 0, failed: 0, clientErrors: 0, latency: [] };

export const NEW_INTERVAL: Interval = { seconds: 0, candidate: NOTHING, stable: NOTHING, measured: [] };

export type IntervalSecond = {
  readonly candidate: readonly ReplicaSecond[];
  readonly stable: readonly ReplicaSecond[];
  readonly measured: readonly MeasuredPoint[];
};

export function lengthened(interval: Interval, second: IntervalSecond): Interval {
  const newer = new Set(second.measured.map((point) => point.measure));
  return {
    seconds: interval.seconds + 1,
    candidate: summed(interval.candidate, second.candidate),
    stable: summed(interval.stable, second.stable),
    measured: [...interval.measured.filter((point) => !newer.has(point.measure)), ...second.measured],
  };
}

/**
 * `error-rate` and `client-error-rate` in percent of what was decided, quantiles such as `p95` in milliseconds, and the measures of
 * the file by their names. A side without requests has no rate: it is not 0.
 */
export function valuesOf(interval: Interval, measure: string): Values {
  const quantile = /^p(\d{1,2}(?:\.\d+)?)$/u.exec(measure)?.[1];
  const of = (side: SideSums): Measured => {
    if (quantile !== undefined) return quantileOf(side.latency, Number(quantile) / 100);
    const events = measure === 'error-rate' ? side.failed : side.clientErrors;
    return side.decided === 0 ? 'no-data' : (100 * events) / side.decided;
  };
  if (quantile !== undefined || measure === 'error-rate' || measure === 'client-error-rate')
    return { candidate: of(interval.candidate), stable: of(interval.stable) };
  const point = interval.measured.find((one) => one.measure === measure);
  return point ?? { candidate: 'no-data', stable: 'no-data' };
}

function summed(sums: SideSums, rows: readonly ReplicaSecond[]): SideSums {
  if (rows.length === 0) return sums;
  let { decided, failed, clientErrors } = sums;
  const latency = new Map(sums.latency);
  for (const row of rows) {
    decided += decidedOf(row);
    failed += failuresOf(row);
    clientErrors += row.classes.clientError;
    for (const [bucket, count] of row.latency) latency.set(bucket, (latency.get(bucket) ?? 0) + count);
  }
  return { decided, failed, clientErrors, latency: [...latency].toSorted(([a], [b]) => a - b) };
}

/** In milliseconds, interpolated within its bucket: exact to 3 %. */
function quantileOf(latency: SparseHistogram, quantile: number): Measured {
  const all = latency.reduce((sum, [, count]) => sum + count, 0);
  if (all === 0) return 'no-data';
  let below = 0;
  for (const [bucket, count] of latency) {
    if (below + count >= quantile * all) {
      const within = (quantile * all - below) / count;
      return LATENCY_FLOOR_MS * LATENCY_GAMMA ** (bucket - 1 + within);
    }
    below += count;
  }
  return 'no-data';
}
