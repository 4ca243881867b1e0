/**
 * Recorded answers after docs.newrelic.com/docs/apis/nerdgraph/examples/nerdgraph-nrql-tutorial and, for its words,
 * docs.newrelic.com/docs/query-your-data/explore-query-data/dashboards/troubleshooting-chart-errors: errors come with status 200 as well.
 */
import assert from 'node:assert/strict';
import { metricSourceConformance, PLACE, REF, SECRET, WINDOW, type Rig } from '../conformance.ts';
import type { MeasureQuery } from '../source.ts';
import { newrelicSource } from './source.ts';

const QUERY: MeasureQuery = {
  text: "SELECT count(*) FROM Signup WHERE version = 'v43'",
  path: null,
  fold: 'sum',
  range: false,
  answer: 'number',
  of: { service: 'shop', slot: 'green', role: 'candidate', version: 'v43', release: null },
};

metricSourceConformance('newrelic', {
  open: (url, reveal) =>
    newrelicSource({ ...PLACE, kind: 'newrelic', url, account: 1234, apiKey: REF }, reveal),
  query: QUERY,
  fixtures: new URL('./fixtures/', import.meta.url),
  values: [
    { file: 'count.json', value: 1000, count: null },
    { file: 'percentile.json', value: 0.42, count: null },
  ],
  nothing: ['null.json', 'empty.json'],
  notNumbers: { cannot: 'its JSON has null where there is no number' },
  errors: [
    { file: 'facets.json', says: /2 rows.*FACET/u },
    { file: 'two-values.json', says: /2 values.*select one/u },
    { file: 'syntax.json', says: /NRQL Syntax Error/u },
    { file: 'unauthorized.json', says: /401 .*Invalid API key/u },
  ],
  asked: ({ method, url, headers, body }) => {
    assert.equal(`${method} ${url}`, 'POST /graphql');
    assert.equal(headers['api-key'], SECRET);
    const { query, variables } = JSON.parse(body) as { query: string; variables: unknown };
    assert.match(query, /nrql\(query: \$nrql\) \{ results \}/u);
    assert.deepEqual(variables, {
      account: 1234,
      nrql: `${QUERY.text} SINCE ${WINDOW.fromMs} UNTIL ${WINDOW.toMs}`,
    });
  },
  well: 'count.json',
} satisfies Rig);
