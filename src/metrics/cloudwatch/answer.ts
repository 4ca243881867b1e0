import { field, listAt, refused, type JsonAnswer } from '../json-answer.ts';
import { foldSeries, tooManySeries } from '../series.ts';
import { noData, sourceDown, type MeasureQuery, type MeasureSample, type MeasureWindow } from '../source.ts';

/**
 * What GetMetricData says (docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html): one of
 * `MetricDataResults` for each series, with `Values`, `Timestamps` in seconds and a `StatusCode`; errors have a `__type` and a message.
 */
export function readAnswer(
  answer: JsonAnswer,
  place: string,
  { fold, window }: { readonly fold: MeasureQuery['fold']; readonly window: MeasureWindow },
): MeasureSample {
  if (answer.kind === 'failed') return sourceDown(answer.why);
  const { status, value } = answer;
  if (status !== 200) return sourceDown(refused(place, status, errorOf(value)));
  if (!Array.isArray(field(value, 'MetricDataResults'))) {
    return sourceDown(`${place} answered without MetricDataResults`);
  }
  const results = listAt(value, 'MetricDataResults');
  if (results.length > 1) return tooManySeries(results.length, 'put SUM(…) around it, or take GROUP BY out');
  if (results.length === 0) return noData('the expression gives no series');
  const [result] = results;
  const code = field(result, 'StatusCode');
  // Partial: there is more of it, and half of a count is a wrong count.
  if (code === 'InternalError' || code === 'Forbidden' || code === 'PartialData') {
    return sourceDown(`${place} answered ${code}${messagesOf(result)}`);
  }
  const times = listAt(result, 'Timestamps');
  return foldSeries(
    listAt(result, 'Values').map((point, at) => (isWithin(times[at], window) ? (point as number) : null)),
    fold,
  );
}

/** Seconds, with a fraction. */
function isWithin(time: unknown, { fromMs, toMs }: MeasureWindow): boolean {
  return typeof time === 'number' && time * 1000 >= fromMs && time * 1000 < toMs;
}

function messagesOf(result: unknown): string {
  const words = listAt(result, 'Messages').map((message) => field(message, 'Value'));
  return words
    .filter((word) => typeof word === 'string')
    .map((word) => `: ${word}`)
    .join('');
}

/** `InvalidParameterValue: …` of `com.amazonaws.cloudwatch.v2010_08_01#InvalidParameterValue`. */
function errorOf(value: unknown): string {
  const type = field(value, '__type');
  const name = typeof type === 'string' ? type.slice(type.indexOf('#') + 1) : '';
  const message = field(value, 'message') ?? field(value, 'Message');
  return [name, message].filter((part) => typeof part === 'string' && part !== '').join(': ');
}
