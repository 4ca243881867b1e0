import assert from 'node:assert/strict';
import { test } from 'node:test';

import { formatSize, parsePercent, parsePoints, parseSize } from './units.ts';
import { measure } from './values.ts';

test('values carry their units', () => {
  assert.deepEqual(['5%', '12.5%', '0.1%', '5', '5 %', '-5%', '%', '1e3%'].map(parsePercent), [
    5,
    12.5,
    0.1,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual(['0.5pp', '1pp', '0.5%', 'pp'].map(parsePoints), [0.5, 1, undefined, undefined]);
  assert.deepEqual(['64MiB', '1kB', '1.5GB', '1000B', '64mb', '64'].map(parseSize), [
    67_108_864,
    1000,
    1_500_000_000,
    1000,
    undefined,
    undefined,
  ]);
});

test('durations are whole milliseconds, whatever the fraction', () => {
  assert.deepEqual(
    ['1.1s', '1h30m', '0', '0s', '0.25s', '5', 's'].map((text) => measure(text, 'duration')),
    [1100, 5_400_000, 0, 0, 250, undefined, undefined],
  );
});

test('sizes are written in their largest whole unit', () => {
  assert.deepEqual([67_108_864, 1000, 1_500_000_000, 1024, 1023, 1].map(formatSize), [
    '64MiB',
    '1kB',
    '1500MB',
    '1KiB',
    '1023B',
    '1B',
  ]);
});
