import { field, listAt, refused } from '../json-answer.ts';
import type { HttpAnswer } from '../http-client.ts';
import { jsonOf } from '../json-answer.ts';
import { foldSeries, tooManySeries } from '../series.ts';
import { noData, shortened, sourceDown, type MeasureQuery, type MeasureSample } from '../source.ts';

/**
 * What /render?format=json says (graphite.readthedocs.io/en/latest/render_api.html): a list of series, each with datapoints
 * [value or null, time]. An unknown metric is an empty list; an error is text, or a page.
 */
export function readAnswer(answer: HttpAnswer, place: string, fold: MeasureQuery['fold']): MeasureSample {
  if (answer.kind === 'answer' && answer.status !== 200) {
    return sourceDown(refused(place, answer.status, shortened(answer.text.replaceAll(/<[^>]*>/gu, ' '))));
  }
  const json = jsonOf(answer, place);
  if (json.kind === 'failed') return sourceDown(json.why);
  if (!Array.isArray(json.value)) return sourceDown(`${place} answered with no list of series`);
  const series = json.value as readonly unknown[];
  if (series.length > 1) return tooManySeries(series.length, 'put sumSeries(…) around it');
  if (series.length === 0) return noData('the target gives no series');
  if (!Array.isArray(field(series[0], 'datapoints'))) return sourceDown('the series has no datapoints');
  return foldSeries(listAt(series[0], 'datapoints').map(valueOf), fold);
}

/** `[12.5, 1798761620]`; null where nothing was stored. */
function valueOf(point: unknown): number | null {
  const value: unknown = Array.isArray(point) ? point[0] : undefined;
  return typeof value === 'number' ? value : null;
}
