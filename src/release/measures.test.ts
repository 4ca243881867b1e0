import assert from 'node:assert/strict';
import { test } from 'node:test';

import { expandConfig } from './expand.ts';
import { kindOfQuery } from './measure-kind.ts';
import { fillTemplate } from './measure-template.ts';
import { parseConfig } from './parse.ts';
import type { Measure } from './measure.ts';

function measuresOf(judge: string): readonly Measure[] {
  const text = `version: 1
services:
  shop:
    run: app --port $PORT
    listen: 8080
    strategy:
      canary:
        judge:
${judge}`;
  return read(text);
}

function read(text: string): readonly Measure[] {
  const result = parseConfig(text, 'bascule.yaml', {});
  if (!result.ok) throw new Error(result.diagnostics.map((one) => one.message).join('; '));
  return result.config.services['shop']!.policy.judge.measures ?? [];
}

test('the example of the design is a measure with everything filled in', () => {
  const [signups] = measuresOf(
    `          signups: {prometheus: 'sum(rate(signup_total{version="{{version}}"}[1m]))', fewer-by: 10%}`,
  );

  assert.deepEqual(signups, {
    name: 'signups',
    source: 'prometheus',
    from: 'prometheus',
    ask: 'sum(rate(signup_total{version="{{version}}"}[1m]))',
    path: null,
    range: false,
    kind: 'rate',
    limit: { against: 'stable', harm: 'fewer', percent: 10 },
    intervalMs: 60_000,
    delayMs: 15_000,
    gaps: { 'no-data': 'wait', 'not-a-number': 'wait', 'source-down': 'wait' },
  });
});

test('what is printed with everything written out reads back to the same measures', () => {
  const judge = `          signups: {prometheus: 'sum(increase(signup_total{version="{{version}}"}[{{window}}]))', from: eu, fewer-by: 10%, interval: 10s, delay: 0s}
          basket: {prometheus: 'avg(basket{slot="{{slot}}"})', range: true, worse-by: 5%, no-data: fail}
          queue: {json: 'http://127.0.0.1:9000/stats?v={{version}}', path: 'queue.length', max: 100, not-a-number: ignore}
          smoke: {command: ./smoke.sh, failures: 3, interval: 30s}
          orders: {pushed: orders, min: 0.5, source-down: ignore}
`;
  const measures = measuresOf(judge);
  const text = `version: 1
services:
  shop:
    run: app --port $PORT
    listen: 8080
    strategy: {canary: {judge: {${judge.replaceAll('\n', ',')}}}}`;
  const parsed = parseConfig(text, 'bascule.yaml', {});
  assert.ok(parsed.ok);

  assert.equal(measures.length, 5);
  assert.deepEqual(read(expandConfig(parsed.config)), measures);
});

test('a query says itself what it gives, where it does', () => {
  const found: readonly [Parameters<typeof kindOfQuery>[0], string, ReturnType<typeof kindOfQuery>][] = [
    ['prometheus', 'sum(rate(a[1m]))', 'rate'],
    ['prometheus', 'sum(increase(a{path="/rate(x)"}[1m]))', 'count'],
    ['prometheus', 'sum(rate(a[1m])) / sum(rate(b[1m]))', 'mean'],
    ['prometheus', 'histogram_quantile(0.9, sum(rate(a_bucket[1m])) by (le))', 'mean'],
    ['prometheus', 'queue_length', null],
    ['datadog', 'sum:shop.signups{version:v43}.as_count()', 'count'],
    ['datadog', 'avg:shop.basket{version:v43}', 'mean'],
    ['datadog', 'sum:shop.signups{version:v43}', null],
    ['cloudwatch', "SELECT SUM(Signups) FROM Shop WHERE Version = 'v43'", 'count'],
    ['cloudwatch', 'SELECT AVG(Basket) FROM Shop', 'mean'],
    ['newrelic', "SELECT count(*) FROM Signup WHERE version = 'v43'", 'count'],
    ['newrelic', 'SELECT average(basket) FROM Order', 'mean'],
    ['graphite', 'perSecond(sumSeries(shop.v43.*.signups))', 'rate'],
    ['graphite', 'shop.v43.signups', null],
    ['influxdb', "SELECT count(*) FROM signups WHERE version = 'v43'", 'count'],
    ['influxdb', 'from(bucket: "shop") |> mean()', 'mean'],
    ['json', 'http://127.0.0.1/', null],
    ['pushed', 'signups', 'count'],
  ];

  for (const [source, query, kind] of found) assert.equal(kindOfQuery(source, query), kind, query);
});

test('every place in a query is filled in, and nothing else is touched', () => {
  const values = {
    version: 'v43',
    slot: 'green',
    role: 'candidate',
    service: 'shop',
    window: '60s',
    seconds: '60',
    from: '10',
    to: '70',
  };

  assert.equal(
    fillTemplate(
      '{{version}} {{ slot }} {role} {{window}}/{{seconds}} {{from}}-{{to}} {{service}} {{ other }}',
      values,
    ),
    'v43 green {role} 60s/60 10-70 shop {{ other }}',
  );
});
