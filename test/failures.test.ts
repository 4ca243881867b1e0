/** docs/failures.md and its tests: neither goes without the other. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FAILURES } from './failures-table.ts';

const ROOT = join(import.meta.dirname, '..');
const ROWS = Object.values(FAILURES).flat();

/** The names as they stand in the source, expressions of template literals included. */
function testsOf(file: string): readonly string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/^\s*test\(\s*(?<quote>['"`])(?<name>.*?)\k<quote>,/gmsu)].map(
    ({ groups }) => groups!['name']!,
  );
}

test('every row of the table has its test', () => {
  assert.ok(ROWS.length >= 30, `${ROWS.length} rows`);

  assert.deepEqual(
    ROWS.filter(({ test: [file, name] }) => !testsOf(file).includes(name)).map(({ when }) => when),
    [],
  );
});

test('every test of failures has its row', () => {
  const files = globSync('test/e2e/failures/*.test.ts', { cwd: ROOT });
  const named = new Set(ROWS.map(({ test: [file, name] }) => `${file}: ${name}`));
  const all = files.flatMap((file) => testsOf(file).map((name) => `${file}: ${name}`));
  assert.ok(files.length >= 4 && all.length >= 20, all.join('\n'));

  assert.deepEqual(
    all.filter((each) => !named.has(each)),
    [],
  );
});
