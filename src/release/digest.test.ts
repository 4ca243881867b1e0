import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  configDigest,
  defaultLabel,
  environmentDigest,
  isLabel,
  planId,
  releaseDigest,
  secretMac,
} from './digest.ts';
import { planRollout } from './plan.ts';
import { readConfig } from './read.ts';

const DIGEST = 'a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90';

function spec(service: Record<string, unknown>) {
  const result = readConfig({ version: 1, services: { shop: { listen: 8080, run: 'app', ...service } } });
  assert.ok(result.ok);
  return result.config.services.shop!;
}

test('the config digest follows what is part of the release, and nothing else', () => {
  const base = configDigest(spec({ env: { A: '1', B: '2' } }).release);

  assert.match(base, /^[0-9a-f]{64}$/);
  assert.equal(configDigest(spec({ env: { B: '2', A: '1' } }).release), base);
  assert.equal(
    configDigest(spec({ env: { A: '1', B: '2' }, replicas: 3, strategy: 'canary', listen: 9090 }).release),
    base,
  );
  assert.notEqual(configDigest(spec({ env: { A: '1', B: '3' } }).release), base);
  assert.notEqual(configDigest(spec({ env: { A: '1', B: '2' }, health: '/up' }).release), base);
});

test('the environment digest shows that a secret changed, without the secret', () => {
  const env = spec({ env: { A: '1', TOKEN: { secret: 'env:TOKEN' } } }).release.env;
  const withValue = (value: string) =>
    environmentDigest(env, new Map([['TOKEN', secretMac('key', 'TOKEN', value)]]));

  assert.equal(withValue('x'), withValue('x'));
  assert.notEqual(withValue('x'), withValue('y'));
  assert.notEqual(withValue('x'), environmentDigest(env, new Map()));
});

test('the same secret under another name or key has another MAC', () => {
  assert.notEqual(secretMac('key', 'A', 'x'), secretMac('key', 'B', 'x'));
  assert.notEqual(secretMac('key', 'A', 'x'), secretMac('other', 'A', 'x'));
});

const LABELS: readonly (readonly [string | null, string])[] = [
  [null, 'a1b2c3d4e5f6'],
  ['v1.2.0', 'v1.2.0'],
  ['v1.2.0-3-gabc1234', 'v1.2.0-3-gabc1234'],
  ['v1.2.0-3-gabc1234-dirty', 'v1.2.0-3-gabc1234-dirty-a1b2c3'],
  ['release/2026 beta', 'release-2026-beta'],
  ['///', 'a1b2c3d4e5f6'],
];

for (const [describe, label] of LABELS) {
  test(`git describe ${describe} gives the label ${label}`, () => {
    assert.equal(defaultLabel(describe, DIGEST), label);
    assert.ok(isLabel(label));
  });
}

test('labels stay out of other directories and of other lines', () => {
  assert.deepEqual(['..', 'a/b', '', 'a\n', '-a', 'a'.repeat(65)].filter(isLabel), []);
});

test('a plan id changes with the plan, the releases and the slot', () => {
  const plan = planRollout(spec({}), { firstDeploy: false });
  const releases = { candidate: 'x', stable: 'y', slot: 'green' };
  const id = planId(plan, releases);

  assert.match(id, /^p-[0-9a-f]{8}$/);
  assert.equal(planId(planRollout(spec({}), { firstDeploy: false }), releases), id);
  assert.notEqual(planId(planRollout(spec({ strategy: 'canary' }), { firstDeploy: false }), releases), id);
  assert.notEqual(planId(plan, { ...releases, slot: 'blue' }), id);
});

test('a release is the same only if all three digests are', () => {
  const digests = { artifactDigest: 'a', configDigest: 'b', environmentDigest: 'c' };

  assert.notEqual(releaseDigest(digests), releaseDigest({ ...digests, environmentDigest: 'd' }));
});
