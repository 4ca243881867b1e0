import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Standing, dueOf } from './patience.ts';

const MANNERS = { requestHeadMs: 30_000, keepAliveMs: 75_000 };

function due(phase: Standing['phase'], passedMs: number): ReturnType<typeof dueOf> {
  return dueOf({ phase, passedMs }, MANNERS);
}

test('a connection ends when its time is over, each phase in its own way', () => {
  assert.deepEqual([due('head', 30_000), due('head', 30_001)], [null, 'refuse']);
  assert.deepEqual([due('idle', 75_000), due('idle', 76_000), due('idle', 76_001)], [null, null, 'close']);
  assert.deepEqual([due('rest', 5000), due('rest', 5001)], [null, 'destroy']);
  assert.deepEqual([due('closing', 2000), due('closing', 2001)], [null, 'destroy']);
  assert.equal(due('request', 1e9), null);
});
