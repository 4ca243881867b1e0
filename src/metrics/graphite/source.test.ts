/**
 * Recorded answers after graphite.readthedocs.io/en/latest/render_api.html#json. Of numbers that are none the page says nothing: its source
 * (graphite-project/graphite-web, webapp/graphite/render/float_encoder.py) writes null for NaN and 1e9999 for infinity.
 */
import assert from 'node:assert/strict';
import { metricSourceConformance, PLACE, REF, SECRET, WINDOW, type Rig } from '../conformance.ts';
import type { MeasureQuery } from '../source.ts';
import { graphiteSource } from './source.ts';

const QUERY: MeasureQuery = {
  text: 'sumSeries(shop.v43.*.signups)',
  path: null,
  fold: 'sum',
  range: false,
  answer: 'number',
  of: { service: 'shop', slot: 'green', role: 'candidate', version: 'v43', release: null },
};

metricSourceConformance('graphite', {
  open: (url, reveal) =>
    graphiteSource(
      { ...PLACE, kind: 'graphite', url, auth: { kind: 'basic', user: 'ana', password: REF } },
      reveal,
    ),
  query: QUERY,
  fixtures: new URL('./fixtures/', import.meta.url),
  values: [{ file: 'series.json', value: 12, count: 2 }],
  nothing: ['nulls.json', 'empty.json'],
  notNumbers: ['infinite.json'],
  errors: [
    { file: 'several.json', says: /2 series.*sumSeries/u },
    { file: 'bad-function.json', says: /400: Invalid target .* unknown function sumSereis/u },
    { file: 'broken.json', says: /500: Internal Server Error no more space/u },
  ],
  asked: ({ method, url, headers, body }) => {
    assert.equal(`${method} ${url}`, 'POST /render');
    assert.equal(headers['authorization'], `Basic ${Buffer.from(`ana:${SECRET}`).toString('base64')}`);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(body)), {
      target: QUERY.text,
      from: String(WINDOW.fromMs / 1000),
      until: String(WINDOW.toMs / 1000),
      format: 'json',
    });
  },
  well: 'series.json',
} satisfies Rig);
