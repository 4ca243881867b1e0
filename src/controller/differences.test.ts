import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SPEC } from '../rollout/fixtures.ts';
import { differences } from './differences.ts';

const lines = (after: typeof SPEC): readonly string[] => differences(SPEC, after).map(({ line }) => line);

test('what apply would change is said in the names and units of the file', () => {
  const policy = {
    ...SPEC.policy,
    stepsPercent: [25, 100],
    dwell: { atLeastMs: 20_000, atMostMs: 60_000 },
    judge: { checks: [{ kind: 'error-rate' as const, worseByPp: 1 }], warmUpMs: 10_000 },
  };
  const door = { ...SPEC.door, drainMs: 5000, maxBodyBytes: 1024 * 1024, preview: true as const };

  assert.deepEqual(lines({ ...SPEC, policy, door, scale: { replicas: 3, maxReplicas: 4 } }), [
    'replicas: 2 -> 3',
    'drain: 30s -> 5s',
    'max-body: none -> 1MiB',
    'strategy.canary.steps: [10%, 50%, 100%] -> [25%, 100%]',
    'strategy.canary.dwell.at-least: 10s -> 20s',
    'strategy.canary.judge.error-rate: nothing -> {"worse-by":"1pp"}',
    'preview: nothing -> true',
  ]);
});

test('another strategy is one change, and what belongs to a release none', () => {
  const policy = { ...SPEC.policy, strategy: 'blue-green' as const, stepsPercent: [100] };

  assert.deepEqual(differences(SPEC, { ...SPEC, policy }), [
    { part: 'policy', line: 'strategy: canary -> blue-green' },
  ]);
  assert.deepEqual(lines({ ...SPEC, release: { ...SPEC.release, run: 'other', readyWithinMs: 1 } }), []);
});
