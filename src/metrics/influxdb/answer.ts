import type { HttpAnswer } from '../http-client.ts';
import { field, jsonOf, refused } from '../json-answer.ts';
import { noData, sampleOf, sourceDown, type MeasureSample } from '../source.ts';
import { csvRows } from './csv.ts';

/**
 * What /api/v2/query says (docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv): CSV tables, each with a header row, without
 * annotations as asked for; an error is JSON with `message`, or, once an answer has begun, a table with the column `error`.
 */
export function readFluxAnswer(answer: HttpAnswer, place: string): MeasureSample {
  if (answer.kind === 'failed') return sourceDown(answer.why);
  if (answer.status !== 200) return errorIn(answer, place);
  const values: string[] = [];
  let column: { readonly name: 'value' | 'error'; readonly at: number } | null = null;
  let isHeader = true;
  for (const row of csvRows(answer.text)) {
    if (row.length === 1 && row[0] === '') {
      isHeader = true;
      continue;
    }
    if (isHeader) {
      column = columnOf(row);
      if (column === null) return notCsv(answer, place);
      isHeader = false;
      continue;
    }
    const value = row[column!.at] ?? '';
    if (column!.name === 'error') return sourceDown(`${place}: ${value}`);
    values.push(value);
  }
  if (values.length === 0) return noData('the query gives no row');
  if (values.length > 1) return tooManyRows(values.length);
  return numberOf(values[0]!);
}

/**
 * What /api/v3/query_sql says (docs.influxdata.com/influxdb3/core/query-data/execute-queries/influxdb-v3-api): a list of rows, each an
 * object of the columns that are not null; an error is JSON with `error`, or text, or nothing but its status.
 */
export function readSqlAnswer(answer: HttpAnswer, place: string): MeasureSample {
  if (answer.kind === 'failed') return sourceDown(answer.why);
  if (answer.status !== 200) return errorIn(answer, place);
  const json = jsonOf(answer, place);
  if (json.kind === 'failed') return sourceDown(json.why);
  if (!Array.isArray(json.value)) return sourceDown(`${place} answered with no list of rows`);
  const rows = json.value as readonly unknown[];
  if (rows.length === 0) return noData('the query gives no row');
  if (rows.length > 1) return tooManyRows(rows.length);
  const [row] = rows;
  const columns = typeof row === 'object' && row !== null ? Object.entries(row) : [];
  const values = columns.filter(([name]) => name !== 'time').map(([, value]) => value as unknown);
  // A column that is null is left out there, and a mean of no rows is null.
  if (values.length === 0) return noData('the query gives no value');
  if (values.length > 1) return sourceDown(`the query gives ${values.length} columns: select one`);
  const [value] = values;
  if (value === null) return noData('the query gives no value');
  if (typeof value === 'number') return sampleOf(value);
  return typeof value === 'string' ? numberOf(value) : sourceDown('the query gives no number');
}

function columnOf(row: readonly string[]): { readonly name: 'value' | 'error'; readonly at: number } | null {
  if (row.includes('error')) return { name: 'error', at: row.indexOf('error') };
  return row.includes('_value') ? { name: 'value', at: row.indexOf('_value') } : null;
}

function numberOf(text: string): MeasureSample {
  if (text === '') return noData('the query gives no value');
  const infinite = /^([+-]?)Inf(?:inity)?$/u.exec(text);
  if (infinite !== null) return sampleOf(infinite[1] === '-' ? -Infinity : Infinity);
  const number = Number(text);
  return Number.isNaN(number) && text !== 'NaN' ? sourceDown('the query gives no number') : sampleOf(number);
}

function tooManyRows(count: number): MeasureSample {
  return sourceDown(`the query gives ${count} rows, and a measure is one number: sum, count or average them`);
}

function notCsv(answer: Extract<HttpAnswer, { kind: 'answer' }>, place: string): MeasureSample {
  const begins = answer.text.slice(0, 80);
  return sourceDown(`${place} answered with no JSON and no table with a _value: ${begins}`);
}

function errorIn(answer: Extract<HttpAnswer, { kind: 'answer' }>, place: string): MeasureSample {
  const json = jsonOf(answer, place);
  const words =
    json.kind === 'json' ? (field(json.value, 'message') ?? field(json.value, 'error')) : answer.text;
  return sourceDown(refused(place, answer.status, typeof words === 'string' ? words : ''));
}
