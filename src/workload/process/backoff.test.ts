import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backOff } from './backoff.ts';

test('waits double from 0.2 s and stay at 10 s', () => {
  const waits: number[] = [];
  let inARow = 0;
  for (let crash = 0; crash < 9; crash += 1) {
    const next = backOff(inARow, 0);
    waits.push(next.delayMs);
    inARow = next.inARow;
  }

  assert.deepEqual(waits, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
});

test('a minute up forgives earlier crashes', () => {
  assert.deepEqual(backOff(50, 60_000), { delayMs: 200, inARow: 1 });
  assert.deepEqual(backOff(50, 59_999), { delayMs: 10_000, inARow: 51 });
});
