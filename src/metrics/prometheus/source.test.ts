/**
 * Recorded answers after prometheus.io/docs/prometheus/latest/querying/api (format overview, instant and range queries). The same source is
 * asked for real in `live.test.ts`.
 */
import assert from 'node:assert/strict';
import { metricSourceConformance, PLACE, REF, SECRET, WINDOW, type Rig } from '../conformance.ts';
import type { MeasureQuery } from '../source.ts';
import { prometheusSource } from './source.ts';

const QUERY: MeasureQuery = {
  text: 'sum(increase(signup_total{version="v43"}[60s]))',
  path: null,
  fold: 'sum',
  range: false,
  answer: 'number',
  of: { service: 'shop', slot: 'green', role: 'candidate', version: 'v43', release: null },
};

const RIG: Rig = {
  open: (url, reveal) =>
    prometheusSource({ ...PLACE, kind: 'prometheus', url, auth: { kind: 'bearer', token: REF } }, reveal),
  query: QUERY,
  fixtures: new URL('./fixtures/', import.meta.url),
  values: [
    { file: 'vector.json', value: 12.5, count: null },
    { file: 'scalar.json', value: 3, count: null },
    { file: 'warnings.json', value: 0, count: null },
  ],
  nothing: ['empty.json'],
  notNumbers: ['nan.json', 'infinite.json'],
  errors: [
    { file: 'bad-data.json', says: /answered 400: bad_data: .*unclosed left parenthesis/u },
    { file: 'timeout.json', says: /answered 503: timeout: query timed out/u },
    { file: 'two-series.json', says: /2 series.*sum\(…\)/u },
  ],
  asked: ({ method, url, headers, body }) => {
    assert.equal(`${method} ${url}`, 'POST /api/v1/query');
    assert.equal(headers['authorization'], `Bearer ${SECRET}`);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(body)), {
      query: QUERY.text,
      time: String(WINDOW.toMs / 1000),
      timeout: '300ms',
    });
  },
  well: 'scalar.json',
};

metricSourceConformance('prometheus', RIG);

metricSourceConformance('prometheus, over a range, with a password', {
  ...RIG,
  open: (url, reveal) =>
    prometheusSource(
      {
        ...PLACE,
        kind: 'prometheus',
        url: `${url}/behind`,
        auth: { kind: 'basic', user: 'bascule', password: REF },
      },
      reveal,
    ),
  query: { ...QUERY, text: 'avg(queue_length{version="v43"})', fold: 'mean', range: true },
  values: [{ file: 'matrix.json', value: 6, count: 2 }],
  nothing: ['empty-matrix.json'],
  asked: ({ method, url, headers, body }) => {
    assert.equal(`${method} ${url}`, 'POST /behind/api/v1/query_range');
    assert.equal(headers['authorization'], `Basic ${Buffer.from(`bascule:${SECRET}`).toString('base64')}`);
    const { start, end, step } = Object.fromEntries(new URLSearchParams(body));
    assert.deepEqual([start, end, step], ['1798761602', '1798761660', '2']);
  },
});
