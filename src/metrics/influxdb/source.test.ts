/**
 * Recorded answers after docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv (tables, empty answers, the table with `error`) and
 * docs.influxdata.com/influxdb3/core/query-data/execute-queries/influxdb-v3-api. What the pages leave open about version 3 is from its
 * server's source (influxdata/influxdb, influxdb3_server/src/http.rs): columns that are null are left out of a row, a database that is
 * not there is 404 with JSON, other faults of a query are 500 with text, a missing token is 401 without a word.
 */
import assert from 'node:assert/strict';
import { metricSourceConformance, PLACE, REF, SECRET, type Rig } from '../conformance.ts';
import type { MeasureQuery } from '../source.ts';
import { influxdbSource } from './source.ts';

const QUERY: MeasureQuery = {
  text: 'from(bucket: "shop") |> range(start: 1798761600, stop: 1798761660) |> sum()',
  path: null,
  fold: 'sum',
  range: false,
  answer: 'number',
  of: { service: 'shop', slot: 'green', role: 'candidate', version: 'v43', release: null },
};

const RIG = { query: QUERY, fixtures: new URL('./fixtures/', import.meta.url) };

metricSourceConformance('influxdb 2', {
  ...RIG,
  open: (url, reveal) =>
    influxdbSource(
      { ...PLACE, kind: 'influxdb', url, token: REF, speaks: { version: 2, organisation: 'example' } },
      reveal,
    ),
  values: [
    { file: 'flux-sum.json', value: 12, count: null },
    { file: 'flux-quoted.json', value: 2.5, count: null },
  ],
  nothing: ['flux-empty.json', 'flux-blank.json', 'flux-null.json'],
  notNumbers: ['flux-nan.json', 'flux-infinite.json'],
  errors: [
    { file: 'flux-rows.json', says: /2 rows/u },
    { file: 'flux-late-error.json', says: /reached memory limit/u },
    { file: 'flux-invalid.json', says: /400: compilation failed/u },
    { file: 'flux-unauthorized.json', says: /401 .*unauthorized access/u },
  ],
  asked: ({ method, url, headers, body }) => {
    assert.equal(`${method} ${url}`, 'POST /api/v2/query?org=example');
    assert.equal(headers['authorization'], `Token ${SECRET}`);
    assert.equal(headers['accept'], 'application/csv');
    assert.deepEqual(JSON.parse(body), {
      query: QUERY.text,
      type: 'flux',
      dialect: { annotations: [], header: true },
    });
  },
  well: 'flux-sum.json',
} satisfies Rig);

metricSourceConformance('influxdb 3', {
  ...RIG,
  open: (url, reveal) =>
    influxdbSource(
      { ...PLACE, kind: 'influxdb', url, token: REF, speaks: { version: 3, database: 'shop' } },
      reveal,
    ),
  query: { ...QUERY, text: "SELECT count(*) AS signups FROM signups WHERE version = 'v43'" },
  values: [
    { file: 'sql-count.json', value: 12, count: null },
    { file: 'sql-time.json', value: 2.5, count: null },
  ],
  nothing: ['sql-empty.json', 'sql-null.json', 'sql-nothing.json'],
  notNumbers: { cannot: 'its JSON has null where there is no number' },
  errors: [
    { file: 'sql-rows.json', says: /2 rows/u },
    { file: 'sql-columns.json', says: /2 columns: select one/u },
    { file: 'sql-no-table.json', says: /500: query error: .*not found/u },
    { file: 'sql-no-database.json', says: /404: query error: database not found: shop/u },
    { file: 'sql-unauthorized.json', says: /401 \(it does not take these credentials\)$/u },
  ],
  asked: ({ method, url, headers, body }) => {
    assert.equal(`${method} ${url}`, 'POST /api/v3/query_sql');
    assert.equal(headers['authorization'], `Bearer ${SECRET}`);
    const { db, q, format } = JSON.parse(body) as Record<string, string>;
    assert.deepEqual([db, q?.slice(0, 15), format], ['shop', 'SELECT count(*)', 'json']);
  },
  well: 'sql-count.json',
} satisfies Rig);
