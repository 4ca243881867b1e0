import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { describePlan } from './describe-plan.ts';
import { planRollout, plannedSeconds, type Plan, type PlanContext } from './plan.ts';
import { readConfig } from './read.ts';
import type { ServiceSpec } from './service.ts';

function specWith(strategy: unknown): ServiceSpec {
  const result = readConfig({ version: 1, services: { shop: { run: 'app', listen: 8080, strategy } } });
  assert.ok(result.ok);
  return result.config.services.shop!;
}

/** `start ready 5%(60..300) 25%(60..300) 50%(600..600 bake) full watch(300)`. */
function short(plan: Plan): string {
  return plan.steps
    .map((step) => {
      if (step.kind === 'watch') return `watch(${step.forMs / 1000})`;
      if (step.kind !== 'share') return step.kind;
      return `${step.percent}%(${step.atLeastMs / 1000}..${step.atMostMs / 1000}${step.bake ? ' bake' : ''})`;
    })
    .join(' ');
}

const LATER: PlanContext = { firstDeploy: false };
const bg = (use: string) => ({ 'blue-green': { use } });
const canary = (use: string) => ({ canary: { use } });

const TABLE: readonly (readonly [string, unknown, PlanContext, string])[] = [
  [
    'canary, quick',
    canary('quick'),
    LATER,
    'start ready 10%(10..60) 25%(10..60) 50%(10..60) full watch(120)',
  ],
  [
    'canary, standard',
    'canary',
    LATER,
    'start ready 5%(60..300) 25%(60..300) 50%(600..600 bake) full watch(300)',
  ],
  [
    'canary, careful',
    canary('careful'),
    LATER,
    'start ready 1%(300..1800) 5%(300..1800) 25%(300..1800) 50%(1800..1800 bake) full watch(1800)',
  ],
  ['blue-green, quick', bg('quick'), LATER, 'start ready full watch(120)'],
  ['blue-green, standard', 'blue-green', LATER, 'start ready full watch(300)'],
  ['blue-green, careful', bg('careful'), LATER, 'start ready 5%(600..1800) ask full watch(1800)'],
  [
    'blue-green with a try',
    { 'blue-green': { try: '5% for 2m' } },
    LATER,
    'start ready 5%(120..300) full watch(300)',
  ],
  [
    'a canary that asks',
    { canary: { steps: ['10%', '100%'], ask: true, bake: '0s', watch: 0 } },
    LATER,
    'start ready 10%(60..300) ask full',
  ],
  ['the first deploy', 'canary', { firstDeploy: true }, 'start ready full'],
  [
    'a cold rollback',
    canary('careful'),
    { firstDeploy: false, rollback: 'cold' },
    'start ready full watch(1800)',
  ],
  ['a warm rollback', bg('careful'), { firstDeploy: false, rollback: 'warm' }, 'ready full watch(1800)'],
];

for (const [name, strategy, context, expected] of TABLE) {
  test(`${name}: ${expected}`, () => assert.equal(short(planRollout(specWith(strategy), context)), expected));
}

test('every plan grows to full once, never judges below its least time, and bakes at most once', () => {
  const steps = fc
    .uniqueArray(fc.integer({ min: 1, max: 999 }), { maxLength: 8 })
    .map((tenths) => [...tenths.toSorted((a, b) => a - b), 1000].map((tenth) => `${tenth / 10}%`));
  const minutes = fc.integer({ min: 1, max: 90 }).map((value) => `${value}m`);
  const block = fc.record({ steps, dwell: minutes, bake: minutes, ask: fc.boolean() }, { requiredKeys: [] });
  fc.assert(
    fc.property(block, (block) => {
      const plan = planRollout(specWith({ canary: block }), LATER);
      const shares = plan.steps.filter((step) => step.kind === 'share');

      assert.equal(plan.steps.filter((step) => step.kind === 'full').length, 1);
      assert.ok(shares.every((step, index) => index === 0 || step.percent > shares[index - 1]!.percent));
      assert.ok(shares.every((step) => step.percent < 100 && step.atMostMs >= step.atLeastMs));
      assert.ok(shares.slice(0, -1).every((step) => !step.bake));
      assert.ok(
        plan.steps.findIndex((step) => step.kind === 'ready') <
          plan.steps.findIndex((step) => step.kind === 'share' || step.kind === 'full'),
      );
    }),
  );
});

test('checks come between ready and the first traffic, and on the way back only when it is cold', () => {
  const spec = specWith('canary');
  const check = { kind: 'run', command: './smoke.sh', withinMs: 1000, attempts: 1 } as const;
  const checked = { ...spec, release: { ...spec.release, verify: [check] } };
  const steps = (context: PlanContext) => short(planRollout(checked, context));

  assert.match(steps(LATER), /^start ready verify 5%/);
  assert.equal(steps({ firstDeploy: true }), 'start ready verify full');
  assert.equal(steps({ firstDeploy: false, rollback: 'cold' }), 'start ready verify full watch(300)');
  assert.equal(steps({ firstDeploy: false, rollback: 'warm' }), 'ready full watch(300)');
  assert.equal(describePlan(planRollout(checked, LATER))[0], 'verified before any traffic: ./smoke.sh');
});

test('what comes before the first share is said with what it cannot see, on no way back and before no first version', () => {
  const spec = specWith({ canary: { mirror: '20% for 2m', use: 'quick' } });
  const plan = planRollout(spec, LATER);

  assert.match(short(plan), /^start ready mirror 10%/);
  assert.deepEqual(plan.steps[2], {
    kind: 'mirror',
    percent: 20,
    methods: ['GET', 'HEAD'],
    because: null,
    atLeastMs: 120_000,
    atMostMs: 120_000,
  });
  const [copies, unseen, traffic] = describePlan(plan);
  assert.match(
    copies!,
    /^mirror 20% ≥2m: copies of GET, HEAD, their answers thrown away .*; users get stable$/,
  );
  assert.match(unseen!, /^mirror cannot see: writes: only GET and HEAD are copied; how people react/);
  assert.equal(traffic, '10% → 25% → 50% → 100%, ≥10s each, earliest end in 4m30s');
  assert.doesNotMatch(short(planRollout(spec, { firstDeploy: true })), /mirror/);
  assert.doesNotMatch(short(planRollout(spec, { firstDeploy: false, rollback: 'cold' })), /mirror/);
});

test('a switch is judged when copies were looked at before it', () => {
  const lines = describePlan(planRollout(specWith({ 'blue-green': { mirror: '100% for 5m' } }), LATER));

  assert.ok(lines.includes('then all traffic in one switch, earliest end in 10m'));
  assert.ok(lines.some((line) => line.startsWith('judge errors and response times')));
});

test('a plan is described in a few lines', () => {
  const plan = planRollout(specWith('canary'), LATER);

  assert.equal(plannedSeconds(plan), 60 + 60 + 600 + 300);
  assert.deepEqual(describePlan(plan), [
    '5% → 25% → 50% → 100%, ≥1m each, ≥10m at 50%, earliest end in 17m',
    'judge errors and response times, default margins; worse: back at once',
    'undecided after 5m: wait 10m, then go on',
    'watched 5m after 100%, going back by itself on a breach',
    'the former version stays warm for 10m after the end',
  ]);
  assert.deepEqual(describePlan(planRollout(specWith(bg('careful')), LATER)).slice(0, 3), [
    '5% → 100%, ≥10m, earliest end in 40m',
    'a person is asked before 100%, for at most 1d: bascule promote',
    'judge errors and response times, default margins; worse: back at once',
  ]);
  assert.deepEqual(describePlan(planRollout(specWith('blue-green'), { firstDeploy: true }), true), [
    'all traffic in one switch as soon as it is ready, at once',
  ]);
});
