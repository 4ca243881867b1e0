import { field, listAt, refused, type JsonAnswer } from '../json-answer.ts';
import { noData, sampleOf, sourceDown, type MeasureSample } from '../source.ts';

/**
 * What NerdGraph says (docs.newrelic.com/docs/apis/nerdgraph/examples/nerdgraph-nrql-tutorial): `data.actor.account.nrql.results`,
 * a list of rows, one where neither FACET nor TIMESERIES is asked for; `errors` with messages, also beside status 200.
 */
export function readAnswer(answer: JsonAnswer, place: string): MeasureSample {
  if (answer.kind === 'failed') return sourceDown(answer.why);
  const { status, value } = answer;
  const errors = listAt(value, 'errors').map((error) => field(error, 'message'));
  if (status !== 200 || errors.length > 0) {
    return sourceDown(refused(place, status, errors.filter((error) => typeof error === 'string').join('; ')));
  }
  const account = field(field(field(value, 'data'), 'actor'), 'account');
  const results = field(field(account, 'nrql'), 'results');
  if (!Array.isArray(results)) return sourceDown(`${place} answered without results`);
  const rows = results as readonly unknown[];
  if (rows.length === 0) return noData('the query gives no row');
  if (rows.length > 1)
    return sourceDown(
      `the query gives ${rows.length} rows, and a measure is one number: take FACET or TIMESERIES out of it`,
    );
  return numberIn(rows[0]);
}

/** `{"count": 12}`, `{"average.duration": null}`, `{"percentile.duration": {"95": 0.4}}`. */
function numberIn(row: unknown): MeasureSample {
  const values = typeof row === 'object' && row !== null ? Object.values(row) : [];
  if (values.length !== 1) {
    return sourceDown(`the query gives ${values.length} values, and a measure is one number: select one`);
  }
  const [value] = values as [unknown];
  if (value === null) return noData('the query gives no value');
  if (typeof value === 'number') return sampleOf(value);
  return typeof value === 'object' ? numberIn(value) : sourceDown('the query gives no number');
}
