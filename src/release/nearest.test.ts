import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { editDistance, nearest } from './nearest.ts';

const KEYS = ['run', 'replicas', 'max-replicas', 'listen', 'health', 'stop-grace'];

const GUESSES: readonly (readonly [string, string | null])[] = [
  ['rnu', 'run'],
  ['replica', 'replicas'],
  ['maxReplicas', 'max-replicas'],
  ['MAX_REPLICAS', 'max-replicas'],
  ['port', 'listen'],
  ['healthcheck', 'health'],
  ['xyz', null],
  ['', null],
  ['toString', null],
];

for (const [word, expected] of GUESSES) {
  test(`${word} probably means ${expected}`, () => assert.equal(nearest(word, KEYS), expected));
}

test('the distance is zero for the same word only, symmetric, and never more than the longer word', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 7 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);

      assert.equal(distance === 0, a === b);
      assert.equal(distance, editDistance(b, a));
      assert.ok(distance <= Math.max(a.length, b.length));
    }),
  );
});

test('a swap of neighbours counts once', () => assert.equal(editDistance('listne', 'listen'), 1));
