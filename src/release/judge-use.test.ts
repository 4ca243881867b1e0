import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describePlan } from './describe-plan.ts';
import { expandConfig } from './expand.ts';
import type { OtherJudge } from './judge-rules.ts';
import { parseConfig } from './parse.ts';
import { planRollout } from './plan.ts';
import type { ServiceSpec } from './service.ts';

function shop(use: string): ServiceSpec {
  const text = `version: 1
services:
  shop:
    run: node server.mjs
    listen: 8080
    strategy: {canary: {judge: {use: ${use}}}}
`;
  const result = parseConfig(text, 'bascule.yaml', {});
  assert.ok(result.ok, JSON.stringify(result));
  const again = parseConfig(expandConfig(result.config), 'bascule.yaml', {});
  assert.ok(again.ok);
  assert.deepEqual(again.config, result.config);
  return result.config.services['shop']!;
}

function ruleOf(use: string): OtherJudge | undefined {
  return shop(use).policy.judge.rule;
}

test('bets are what decides when nothing else is asked for', () => {
  assert.equal(ruleOf('bets'), undefined);
});

test('limits in their units, and what is not written', () => {
  const rule = ruleOf('{limits: {max: {error-rate: 0.5%, p99: 1.5s}, min: {p50: 1ms}}}');

  assert.deepEqual(rule, {
    use: 'limits',
    everyMs: 60_000,
    failureLimit: 0,
    noData: 'fail',
    limits: [
      { measure: 'error-rate', max: 0.5, min: null },
      { measure: 'p99', max: 1500, min: null },
      { measure: 'p50', max: null, min: 1 },
    ],
  });
});

test("Kayenta's judge by its name alone, and in its words", () => {
  const usual = ruleOf('kayenta');
  const given = ruleOf(
    '{kayenta: {lookback: 30m, groups: {errors: 60}, metrics: {error-rate: {group: errors, critical: true}, p95: {effect: cles}}}}',
  );

  assert.ok(usual?.use === 'kayenta' && given?.use === 'kayenta');
  assert.deepEqual(
    [usual.pass, usual.marginal, usual.everyMs, usual.judgeEveryMs],
    [95, 75, 60_000, 300_000],
  );
  assert.deepEqual(
    usual.metrics.map((metric) => [metric.measure, metric.direction, metric.allowedIncrease]),
    [
      ['error-rate', 'increase', 1],
      ['p99', 'increase', 1],
    ],
  );
  assert.deepEqual(
    given.metrics.map((metric) => [metric.group, metric.critical, metric.allowedDecrease]),
    [
      ['errors', true, 1],
      ['p95', false, 0.5],
    ],
  );
  assert.deepEqual([given.lookbackMs, given.groups], [1_800_000, { errors: 60 }]);
});

function says(use: string): string {
  return describePlan(planRollout(shop(use), { firstDeploy: false })).find((line) =>
    line.startsWith('judge'),
  )!;
}

test('a plan says which judge decides', () => {
  assert.equal(
    says('{limits: {failure-limit: 4, max: {error-rate: 1%, p99: 500ms}}}'),
    'judge by limits (error-rate ≤ 1%, p99 ≤ 500ms; 4 failures allowed) every 1m; worse: back at once',
  );
  assert.match(says('kayenta'), /^judge by Kayenta \(error-rate, p99; score 95 passes\) every 5m;/);
});
