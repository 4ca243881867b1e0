import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { CODES } from './codes.ts';
import { explain, nearestCode } from './explain.ts';

const SOURCE = join(import.meta.dirname, '..');

test('every code that is thrown is in the table', () => {
  const files = globSync('**/*.ts', { cwd: SOURCE }).filter((file) => !file.endsWith('.test.ts'));
  const thrown = files.flatMap((file) => {
    const text = readFileSync(join(SOURCE, file), 'utf8');
    return [...text.matchAll(/new OperatingError\(\s*'([^']+)'/g)].map((match) => match[1]!);
  });

  assert.ok(files.length > 30, `${files.length} files were read`);
  assert.deepEqual(
    [...new Set(thrown)].filter((code) => !Object.hasOwn(CODES, code)),
    [],
  );
});

test('every entry says what, why and what to do, in sentences', () => {
  for (const [code, { title, cause, fix }] of Object.entries(CODES)) {
    assert.match(code, /^(?:E\d{3}|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)$/);
    assert.ok(title.length > 5 && !title.endsWith('.'), `${code}: title`);
    assert.match(cause, /[.!?]$/, `${code}: cause`);
    assert.match(fix, /[.!?]$/, `${code}: fix`);
  }
});

test('explain knows a code in any case, and says what was probably meant', () => {
  assert.match(explain('e017') ?? '', /^E017: canary steps must grow\n\n {2}why {3}.+\n {2}do {4}.+\n$/);
  assert.equal(explain('E999'), null);
  assert.equal(explain('toString'), null);
  assert.equal(nearestCode('PACK_TO_LARGE'), 'PACK_TOO_LARGE');
});
