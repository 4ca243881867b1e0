import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Release } from '../../release/release.ts';
import type { SlotWorkload } from '../runtime.ts';
import { planSlot, type Present } from './slot-plan.ts';

const addresses = [1, 2, 3].map((port) => ({ host: '127.0.0.1', port }));

function wanted(label: string, replicas: number): SlotWorkload {
  const release = { id: `shop/${label}` } as Release;
  return { service: 'shop', slot: 'blue', release, replicas, addresses };
}

function present(replica: number, label: string, cared = true, port = replica + 1): Present {
  return { replica, releaseId: `shop/${label}`, address: { host: '127.0.0.1', port }, cared };
}

const CASES: readonly (readonly [
  string,
  readonly Present[],
  SlotWorkload,
  readonly number[],
  readonly number[],
])[] = [
  ['an empty slot is filled', [], wanted('v1', 2), [], [0, 1]],
  ['what runs is left alone', [present(0, 'v1'), present(1, 'v1')], wanted('v1', 2), [], []],
  ['more replicas are added', [present(0, 'v1')], wanted('v1', 3), [], [1, 2]],
  [
    'surplus replicas stop',
    [present(0, 'v1'), present(1, 'v1'), present(2, 'v1')],
    wanted('v1', 1),
    [1, 2],
    [],
  ],
  ['another release replaces', [present(0, 'v1'), present(1, 'v1')], wanted('v2', 1), [0, 1], [0]],
  ['a dead replica is started again', [present(0, 'v1', false), present(1, 'v1')], wanted('v1', 2), [], [0]],
  ['a replica elsewhere is moved', [present(0, 'v1', true, 99)], wanted('v1', 1), [0], [0]],
  ['none are wanted', [present(0, 'v1')], wanted('v1', 0), [0], []],
];

for (const [what, now, then, stop, start] of CASES) {
  test(what, () => {
    assert.deepEqual(planSlot(now, then), { stop, start });
  });
}
