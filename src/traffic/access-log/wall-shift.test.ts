import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as hold, integer, property } from 'fast-check';
import { wallShift } from './wall-shift.ts';

const BUFFER_MS = 1500;

test('a clock that goes as it should loses nothing, and is rounded to the nearest second', () => {
  const before = { steadyMs: 100_300, wallMs: 3_700_000 };
  const now = { steadyMs: 101_300, wallMs: 3_701_010 };

  assert.deepEqual(wallShift(null, before, BUFFER_MS), { seconds: -3600, lost: null });
  assert.deepEqual(wallShift(before, now, BUFFER_MS), { seconds: -3600, lost: null });
});

test('a jump loses the seconds whose lines may be by either clock, with what was buffered, and no other', () => {
  const before = { steadyMs: 100_000, wallMs: 100_000 };
  const now = { steadyMs: 101_000, wallMs: 3_701_000 };

  assert.deepEqual(wallShift(before, now, BUFFER_MS), {
    seconds: -3600,
    lost: { fromSecond: 98, toSecond: 103 },
  });
});

test('whatever the jump, a line written after it gets the second in which it was written, but for one', () => {
  hold(
    property(
      integer({ min: -1e9, max: 1e9 }),
      integer({ min: 0, max: 1e10 }),
      integer({ min: 0, max: 60_000 }),
      (jumpMs, steadyMs, laterMs) => {
        const { seconds } = wallShift(null, { steadyMs, wallMs: steadyMs + jumpMs }, BUFFER_MS);
        const stamped = Math.floor((steadyMs + laterMs + jumpMs) / 1000);
        const written = Math.floor((steadyMs + laterMs) / 1000);
        assert.ok(Math.abs(stamped + seconds - written) <= 1);
      },
    ),
  );
});
