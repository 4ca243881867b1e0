import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DoorObservation, SlotObservation } from '../traffic/router.ts';
import { ReplicasSeen } from './replicas-seen.ts';

const CALM: SlotObservation = { replicas: [], inFlight: 0, streams: 0 };

function observed(blue: Partial<SlotObservation>): DoorObservation {
  return { revision: 1, slots: { blue: { ...CALM, ...blue }, green: CALM } };
}

test('what the proxy said last is known, and an ejection and its end are told once', () => {
  const lines: string[] = [];
  const write = (_: unknown, text: string): void => void lines.push(text);
  const seen = new ReplicasSeen({ info: write, warn: write, error: write });

  seen.note('shop', observed({}));
  assert.deepEqual(seen.of('shop', 'blue'), { ejected: 0, queued: 0 });
  seen.note('shop', observed({ ejected: [1], queued: 7 }));
  seen.note('shop', observed({ ejected: [1], queued: 2 }));
  assert.deepEqual(seen.of('shop', 'blue'), { ejected: 1, queued: 2 });
  assert.deepEqual(seen.of('shop', 'green'), { ejected: 0, queued: 0 });
  seen.note('shop', observed({}));

  assert.deepEqual(seen.of('shop', 'blue'), { ejected: 0, queued: 0 });
  assert.deepEqual(lines, [
    'replica 1 fails, and is ejected for a while',
    'replica 1 is back from its ejection',
  ]);
});

test('a service that is gone is forgotten', () => {
  const seen = new ReplicasSeen({ info: () => {}, warn: () => {}, error: () => {} });
  seen.note('shop', observed({ queued: 1 }));

  seen.forget('shop');

  assert.equal(seen.of('shop', 'blue').queued, 0);
});
