import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coverageOf, joined, type Tally } from './tally.ts';

function piece(from: number, played: number, change: Partial<Tally> = {}): Tally {
  const figures = { events: 10 * played, breaches: [], seconds: 2, cpuSeconds: 1 };
  return { code: 'a', sqlite: false, from, played, ...figures, counts: [['killed / none', 1]], ...change };
}

test('pieces in a row are one run, whatever order they come in', () => {
  const breach = { seed: 25, breach: 'nobody serves', events: 3 };

  const sum = joined([piece(21, 10, { breaches: [breach] }), piece(1, 20)]);

  assert.deepEqual([sum.from, sum.played, sum.events, sum.seconds], [1, 30, 300, 4]);
  assert.deepEqual(sum.breaches, [breach]);
  assert.equal(coverageOf(sum).of({ row: 'killed', phase: 'none' }), 2);
});

test('a seed that was left out, or other code, is no part of a run', () => {
  assert.throws(() => joined([piece(1, 19), piece(21, 10)]), /Seed 20 comes next, and not 21/u);
  assert.throws(() => joined([piece(1, 20), piece(21, 10, { code: 'b' })]), /by other code/u);
  assert.throws(() => joined([piece(1, 20), piece(21, 10, { sqlite: true })]), /by other code/u);
});
