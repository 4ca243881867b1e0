import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MUTANTS } from './mutants.ts';

test('every mutant changes one line of real code, and they are spread', () => {
  const misplaced = MUTANTS.filter(
    ({ file, from, to }) => from === to || readFileSync(file, 'utf8').split(from).length !== 2,
  );
  const of = (area: string): number => MUTANTS.filter((mutant) => mutant.area === area).length;

  assert.deepEqual(
    misplaced.map(({ name }) => name),
    [],
  );
  assert.ok(of('transition') >= 8 && of('execution') >= 6 && of('adoption') >= 4);
});
