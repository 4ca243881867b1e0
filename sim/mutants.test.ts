import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MUTANTS, type Mutant } from './mutants.ts';

function of(area: Mutant['area']): number {
  return MUTANTS.filter((mutant) => mutant.area === area).length;
}

test('every mutant changes one line of real code, and they are spread', () => {
  const misplaced = MUTANTS.filter(
    ({ file, from, to }) => from === to || readFileSync(file, 'utf8').split(from).length !== 2,
  );

  assert.deepEqual(
    misplaced.map(({ name }) => name),
    [],
  );
  assert.ok(of('transition') >= 8 && of('execution') >= 6 && of('adoption') >= 4);
});
