/**
 * Recorded answers after docs.datadoghq.com/api/latest/metrics/query-timeseries-points (`status`, `error`, `errors`, `pointlist`) and
 * docs.datadoghq.com/api/latest/rate-limits, held against what its own client recorded (DataDog/datadog-api-client-python,
 * tests/v1/cassettes/test_scenarios/test_query_timeseries_points_returns_ok_response.yaml).
 */
import assert from 'node:assert/strict';
import { metricSourceConformance, PLACE, REF, SECRET, WINDOW, type Rig } from '../conformance.ts';
import type { MeasureQuery } from '../source.ts';
import { datadogSource } from './source.ts';

const QUERY: MeasureQuery = {
  text: 'sum:shop.signups{version:v43}.as_count()',
  path: null,
  fold: 'sum',
  range: false,
  answer: 'number',
  of: { service: 'shop', slot: 'green', role: 'candidate', version: 'v43', release: null },
};

const RIG: Rig = {
  open: (url, reveal) => datadogSource({ ...PLACE, kind: 'datadog', url, apiKey: REF, appKey: REF }, reveal),
  query: QUERY,
  fixtures: new URL('./fixtures/', import.meta.url),
  values: [
    { file: 'series.json', value: 12, count: 2 },
    { file: 'outside.json', value: 5, count: 1 },
  ],
  nothing: ['nulls.json', 'empty.json'],
  notNumbers: { cannot: 'its JSON has null where there is no number' },
  errors: [
    { file: 'grouped.json', says: /2 series.*by/u },
    { file: 'error.json', says: /Error parsing query/u },
    { file: 'forbidden.json', says: /403 \(it does not take these credentials\): Forbidden/u },
    { file: 'rate-limit.json', says: /429: Rate limit/u },
  ],
  asked: ({ method, url, headers }) => {
    const { pathname, searchParams } = new URL(url, 'http://x');
    assert.equal(`${method} ${pathname}`, 'GET /api/v1/query');
    assert.deepEqual(Object.fromEntries(searchParams), {
      from: String(WINDOW.fromMs / 1000),
      to: String(WINDOW.toMs / 1000 - 1),
      query: QUERY.text,
    });
    assert.deepEqual([headers['dd-api-key'], headers['dd-application-key']], [SECRET, SECRET]);
  },
  well: 'series.json',
};

metricSourceConformance('datadog', RIG);
metricSourceConformance('datadog, of a mean', {
  ...RIG,
  query: { ...QUERY, fold: 'mean' },
  values: [{ file: 'series.json', value: 6, count: 2 }],
});
