import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { nearest, timeTicks } from './ticks.ts';

test('moments beside a plot are round, inside it, and no more than there is room for', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }),
      fc.integer({ min: 1000, max: 3 * 86_400_000 }),
      fc.integer({ min: 2, max: 12 }),
      (fromMs, lengthMs, most) => {
        const ticks = timeTicks([fromMs, fromMs + lengthMs], most);
        assert.ok(ticks.length <= most + 1);
        for (const at of ticks) assert.ok(at % 1000 === 0 && at >= fromMs && at <= fromMs + lengthMs);
      },
    ),
  );
});

test('the point under the cursor is the nearest one', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(10_000), { minLength: 1 }), fc.nat(10_000), (times, atMs) => {
      const points = times.toSorted((one, other) => one - other).map((at) => ({ atMs: at }));
      const least = Math.min(...times.map((time) => Math.abs(time - atMs)));
      assert.equal(Math.abs(nearest(points, atMs)!.atMs - atMs), least);
    }),
  );
  assert.equal(nearest([], 5), null);
});
