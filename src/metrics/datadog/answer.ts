import { field, listAt, refused, type JsonAnswer } from '../json-answer.ts';
import { foldSeries, tooManySeries } from '../series.ts';
import { noData, sourceDown, type MeasureQuery, type MeasureSample, type MeasureWindow } from '../source.ts';

/**
 * What GET /api/v1/query says (docs.datadoghq.com/api/latest/metrics/#query-timeseries-points): `status` is ok or error with
 * `error`; each of `series` has a `pointlist` of [time in ms, value or null]. 4xx has a list of `errors`.
 */
export function readAnswer(
  answer: JsonAnswer,
  place: string,
  { fold, window }: { readonly fold: MeasureQuery['fold']; readonly window: MeasureWindow },
): MeasureSample {
  if (answer.kind === 'failed') return sourceDown(answer.why);
  const { status, value } = answer;
  if (status !== 200 || field(value, 'status') !== 'ok')
    return sourceDown(refused(place, status, wordsOf(value)));
  const series = listAt(value, 'series');
  if (series.length > 1) return tooManySeries(series.length, 'take "by {…}" out of it');
  if (series.length === 0) return noData('the query gives no series');
  return foldSeries(
    listAt(series[0], 'pointlist').map((point) => valueOf(point, window)),
    fold,
  );
}

/** Points stand for a bucket that begins at their time; one that begins outside the window belongs to another one. */
function valueOf(point: unknown, { fromMs, toMs }: MeasureWindow): number | null {
  const [atMs, value] = Array.isArray(point) ? (point as readonly unknown[]) : [];
  const isWithin = typeof atMs === 'number' && atMs >= fromMs && atMs < toMs;
  return isWithin && typeof value === 'number' ? value : null;
}

function wordsOf(value: unknown): string {
  const error = field(value, 'error');
  const errors = [error, ...listAt(value, 'errors')].filter((one) => typeof one === 'string');
  return errors.join('; ');
}
