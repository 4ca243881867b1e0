import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SPEC } from '../src/rollout/fixtures.ts';
import { Machine } from './machine.ts';
import { ManualTime } from './manual-time.ts';

test('the end of one curse does not lift a later one', () => {
  const time = new ManualTime();
  const machine = new Machine(time);
  const release = {
    id: 'shop/v1-good',
    service: 'shop',
    label: 'v1-good',
    artifactDigest: null,
    configDigest: 'c',
    environmentDigest: 'e',
    spec: SPEC.release,
    createdAtMs: 0,
    createdBy: 'ana',
  };
  machine.bring('shop/blue', { service: 'shop', slot: 'blue', release, replicas: 1, addresses: [] });
  machine.curse(release.id, 1000);
  machine.curse(release.id, null);

  time.step(2000, () => undefined);
  assert.equal(machine.isSound('shop', 'blue', 0), false);
  machine.lift(release.id);
  assert.equal(machine.isSound('shop', 'blue', 0), true);
});
