import assert from 'node:assert/strict';
import { metricSourceConformance, PLACE, REF, SECRET, WINDOW, answering, type Rig } from '../conformance.ts';
import { test } from 'node:test';
import type { MeasureQuery } from '../source.ts';
import { jsonSource } from './source.ts';

const QUERY: MeasureQuery = {
  text: '/stats?version=v43',
  path: 'totals.signups',
  fold: 'sum',
  range: false,
  answer: 'number',
  of: { service: 'shop', slot: 'green', role: 'candidate', version: 'v43', release: null },
};

const FIXTURES = new URL('./fixtures/', import.meta.url);

const RIG: Rig = {
  open: (url, reveal) =>
    jsonSource({ ...PLACE, kind: 'json', url: `${url}/v1`, auth: { kind: 'bearer', token: REF } }, reveal),
  query: QUERY,
  fixtures: FIXTURES,
  values: [{ file: 'number.json', value: 12, count: null }],
  nothing: ['missing.json', 'null.json'],
  notNumbers: ['nan.json'],
  errors: [
    { file: 'text.json', says: /of kind string, no number/u },
    { file: 'list.json', says: /a list, no number/u },
    { file: 'not-found.json', says: /answered 404/u },
  ],
  asked: ({ method, url, headers }) => {
    assert.equal(`${method} ${url}`, 'GET /v1/stats?version=v43');
    assert.equal(headers['authorization'], `Bearer ${SECRET}`);
  },
  strange: 'no-data',
  well: 'number.json',
};

metricSourceConformance('json', RIG);
metricSourceConformance('json, by an expression that looks for its version', {
  ...RIG,
  query: { ...QUERY, path: "totals.versions[?name == 'v43'].n | [0]" },
  values: [{ file: 'number.json', value: 9, count: null }],
  notNumbers: { cannot: 'the list has no such item' },
  nothing: ['missing.json'],
  errors: [],
});

const SIGNAL = new AbortController().signal;
const NEVER = () => Promise.reject(new Error('no secret is to be read'));

test('a whole URL is asked without credentials', async () => {
  await using world = await answering({ status: 200, text: '{"totals":{"signups":3}}' });
  const source = jsonSource(null, NEVER);

  const found = await source.sample({ ...QUERY, text: `${world.url}/stats` }, WINDOW, SIGNAL);

  assert.deepEqual(found, { kind: 'value', value: 3, count: null });
  assert.equal(world.asked[0]!.headers['authorization'], undefined);
});

test('no address leads the credentials of a source elsewhere', async () => {
  await using world = await answering({ status: 200, text: '{}' });
  const at = {
    ...PLACE,
    kind: 'json',
    url: 'http://127.0.0.1:1',
    auth: { kind: 'bearer', token: REF },
  } as const;

  for (const text of [
    `@${new URL(world.url).host}/`,
    `//${new URL(world.url).host}/`,
    world.url,
    '\\\\evil.example/',
  ])
    await jsonSource(at, () => Promise.resolve(SECRET)).sample({ ...QUERY, text }, WINDOW, SIGNAL);

  assert.deepEqual(world.asked, []);
});
