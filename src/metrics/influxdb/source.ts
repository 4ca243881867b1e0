import type { SourceConnection } from '../../release/source-connection.ts';
import { askWith, type Question } from '../asking.ts';
import type { Reveal } from '../credentials.ts';
import { placeOf, type HttpAnswer } from '../http-client.ts';
import type { MeasureSample, MetricSource } from '../source.ts';
import { readFluxAnswer, readSqlAnswer } from './answer.ts';

type Connection = Extract<SourceConnection, { kind: 'influxdb' }>;

/** InfluxDB 2 in Flux, InfluxDB 3 in SQL. The window stands in the query itself. */
export function influxdbSource(connection: Connection, reveal: Reveal): MetricSource {
  const { speaks } = connection;
  const place = placeOf(new URL(connection.url));

  const ask = (query: string, signal: AbortSignal): Promise<HttpAnswer> =>
    askWith(connection, async () => questionOf(connection, query, await reveal(connection.token)), signal);

  const read = (answer: HttpAnswer): MeasureSample =>
    speaks.version === 2 ? readFluxAnswer(answer, place) : readSqlAnswer(answer, place);

  return {
    async sample({ text }, _window, signal) {
      return read(await ask(text, signal));
    },
    async check(signal) {
      const probe =
        speaks.version === 2
          ? 'import "array" array.from(rows: [{_value: 1.0}]) |> yield(name: "check")'
          : 'SELECT 1 AS value';
      const found = read(await ask(probe, signal));
      return found.kind === 'none' && found.why === 'unreachable' ? found.says : null;
    },
  };
}

function questionOf({ url, speaks }: Connection, query: string, token: string): Question {
  const json = { 'content-type': 'application/json' };
  if (speaks.version === 3) {
    return {
      method: 'POST',
      url: new URL(`${url}/api/v3/query_sql`),
      headers: { ...json, authorization: `Bearer ${token}` },
      body: JSON.stringify({ db: speaks.database, q: query, format: 'json' }),
    };
  }
  const at = new URL(`${url}/api/v2/query`);
  at.searchParams.set('org', speaks.organisation);
  return {
    method: 'POST',
    url: at,
    headers: { ...json, accept: 'application/csv', authorization: `Token ${token}` },
    body: JSON.stringify({ query, type: 'flux', dialect: { annotations: [], header: true } }),
  };
}
