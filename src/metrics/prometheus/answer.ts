import { field, listAt, refused, type JsonAnswer } from '../json-answer.ts';
import { foldSeries, tooManySeries } from '../series.ts';
import { noData, sampleOf, sourceDown, type MeasureQuery, type MeasureSample } from '../source.ts';

/**
 * What the query API of Prometheus says (prometheus.io/docs/prometheus/latest/querying/api): `status` is success or error; a
 * result is a scalar, a vector (one value a series) or a matrix (values over time); numbers are text, NaN and ±Inf among them.
 */
export function readAnswer(answer: JsonAnswer, place: string, fold: MeasureQuery['fold']): MeasureSample {
  if (answer.kind === 'failed') return sourceDown(answer.why);
  const { status, value } = answer;
  if (status !== 200 || field(value, 'status') !== 'success') {
    return sourceDown(refused(place, status, wordsOf(value)));
  }
  const data = field(value, 'data');
  const result = listAt(data, 'result');
  switch (field(data, 'resultType')) {
    case 'scalar':
      return pointOf(result);
    case 'vector':
      return single(result, (series) => pointOf(field(series, 'value')));
    case 'matrix':
      return single(result, (series) => foldSeries(listAt(series, 'values').map(numberIn), fold));
    default:
      return sourceDown(
        `the query gives a ${String(field(data, 'resultType'))}, and a measure is one number`,
      );
  }
}

function single(result: readonly unknown[], read: (series: unknown) => MeasureSample): MeasureSample {
  if (result.length > 1) return tooManySeries(result.length, 'put sum(…) around it');
  return result.length === 0 ? noData('the query gives no series') : read(result[0]);
}

function pointOf(point: unknown): MeasureSample {
  const number = numberIn(point);
  return number === null
    ? sourceDown('the value is not a number as Prometheus writes them')
    : sampleOf(number);
}

/** `[1435781451.781, "1"]` */
function numberIn(point: unknown): number | null {
  const text: unknown = Array.isArray(point) ? point[1] : undefined;
  if (typeof text !== 'string') return null;
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (text === 'NaN') return Number.NaN;
  const number = Number(text);
  return text.trim() === '' || Number.isNaN(number) ? null : number;
}

/** `bad_data: invalid parameter "query": …` */
function wordsOf(value: unknown): string {
  const words = [field(value, 'errorType'), field(value, 'error')].filter((word) => typeof word === 'string');
  return words.join(': ');
}
