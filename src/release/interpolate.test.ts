import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { escapeInterpolation, interpolate } from './interpolate.ts';

const ENVIRONMENT = { A: 'x', EMPTY: '', B2: '${A}' };

const FILLED: readonly (readonly [string, string])[] = [
  ['${A}', 'x'],
  ['a${A}b${A}c', 'axbxc'],
  ['${NOPE:-y}', 'y'],
  ['${EMPTY:-y}', 'y'],
  ['${A:-y}', 'x'],
  ['${NOPE:-}', ''],
  ['${EMPTY}', ''],
  ['${A:?needed}', 'x'],
  ['${NOPE:-a b: c, d}', 'a b: c, d'],
  ['${B2}', '${A}'],
  ['$$', '$'],
  ['$${A}', '${A}'],
  ['$$$${A}', '$${A}'],
  ['$A $PORT $1 $(date) $', '$A $PORT $1 $(date) $'],
];

for (const [text, expected] of FILLED) {
  test(`${text} gives ${expected}`, () => {
    assert.deepEqual(interpolate(text, ENVIRONMENT).faults, []);
    assert.equal(interpolate(text, ENVIRONMENT).text, expected);
  });
}

const REFUSED: readonly (readonly [string, string])[] = [
  ['${NOPE}', 'E010'],
  ['${EMPTY:?}', 'E010'],
  ['${constructor}', 'E010'],
  ['${PORT}', 'E012'],
  ['${PORT:-80}', 'E012'],
  ['${}', 'E011'],
  ['${ A }', 'E011'],
  ['${A-y}', 'E011'],
  ['${A:+y}', 'E011'],
  ['${A', 'E011'],
  ['${A:-${B2}}', 'E011'],
];

for (const [text, code] of REFUSED) {
  test(`${text} is ${code}`, () => {
    assert.deepEqual(
      interpolate(text, ENVIRONMENT).faults.map((fault) => fault.code),
      [code],
    );
  });
}

test('escaped text comes out as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'A', ':', '-') }), (text) => {
      assert.deepEqual(interpolate(escapeInterpolation(text), {}), { text, filled: false, faults: [] });
    }),
  );
});
