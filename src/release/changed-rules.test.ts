import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withChanges, underPolicy } from './changed-rules.ts';
import { planRollout, type Plan } from './plan.ts';
import { readConfig } from './read.ts';
import type { Policy } from './service.ts';

function policyOf(canary: object): Policy {
  const read = readConfig({
    version: 1,
    services: { shop: { run: 'app', listen: 8080, strategy: { canary } } },
  });
  assert.ok(read.ok);
  return read.config.services['shop']!.policy;
}

function planOf(canary: object): Plan {
  const read = readConfig({
    version: 1,
    services: { shop: { run: 'app', listen: 8080, strategy: { canary } } },
  });
  assert.ok(read.ok);
  return planRollout(read.config.services['shop']!, { firstDeploy: false });
}

const BASE = {
  steps: ['10%', '50%', '100%'],
  dwell: { 'at-least': '1m', 'at-most': '5m' },
  bake: '10m',
  judge: { 'error-rate': { 'worse-by': '0.5pp' }, p95: { 'worse-by': '20%' } },
};

/** A change must give what a file with that change gives. */
const SAME_AS_FILE: readonly (readonly [string, object])[] = [
  ['error-rate=2pp', { judge: { ...BASE.judge, 'error-rate': { 'worse-by': '2pp' } } }],
  ['p95=30%', { judge: { ...BASE.judge, p95: { 'worse-by': '30%' } } }],
  ['p99=40%', { judge: { ...BASE.judge, p99: { 'worse-by': '40%' } } }],
  ['p95=off', { judge: { 'error-rate': BASE.judge['error-rate'] } }],
  ['dwell=2m', { dwell: { 'at-least': '2m', 'at-most': '5m' } }],
  ['dwell.at-least=2m', { dwell: { 'at-least': '2m', 'at-most': '5m' } }],
  ['dwell.at-most=7m', { dwell: { 'at-least': '1m', 'at-most': '7m' } }],
  ['bake=20m', { bake: '20m' }],
  ['warm-up=60s', { 'warm-up': '60s' }],
  ['when-worse=pause', { 'when-worse': 'pause' }],
];

/** The order of checks means nothing. */
function sorted(plan: Plan): Plan {
  const checks = plan.judge.checks.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { ...plan, judge: { ...plan.judge, checks } };
}

for (const [change, file] of SAME_AS_FILE) {
  test(`${change} is what a file with it gives`, () => {
    const changed = withChanges(planOf(BASE), [change]);

    assert.deepEqual(sorted(changed), sorted(planOf({ ...BASE, ...file })));
  });
}

test('when-unsure changes what is done, not how long is waited', () => {
  const { whenUnsure } = withChanges(planOf(BASE), ['when-unsure=rollback']);

  assert.deepEqual(whenUnsure, { ...planOf(BASE).whenUnsure, then: 'rollback' });
});

test('the policy of a service gives its own plan again, and shares stay what they were', () => {
  const plan = planOf(BASE);

  assert.deepEqual(underPolicy(plan, policyOf(BASE)), plan);
  const other = underPolicy(plan, policyOf({ use: 'quick', steps: ['1%', '100%'] }));
  assert.deepEqual(
    other.steps.map((step) => (step.kind === 'share' ? [step.percent, step.atLeastMs] : step.kind)),
    ['start', 'ready', [10, 10_000], [50, 10_000], 'full', 'watch'],
  );
});

for (const [change, says] of [
  ['error-rate', /NAME=VALUE/],
  ['error-rate=', /NAME=VALUE/],
  ['=2pp', /NAME=VALUE/],
  ['error-rate=2', /"error-rate=2": .*0.5pp/],
  ['errorrate=2pp', /did you mean error-rate\?/],
  ['p98=20%', /p98/],
  ['p99=off', /p99 is not among the checks/],
  ['dwell=5', /dwell/],
  ['when-worse=maybe', /rollback/],
] as const) {
  test(`"${change}" is refused with what is wrong`, () => {
    assert.throws(() => withChanges(planOf(BASE), [change]), { code: 'RULES_WRONG', message: says });
  });
}
