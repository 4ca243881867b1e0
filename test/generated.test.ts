import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { GENERATED_FILES } from './generated.ts';

for (const { path, render } of GENERATED_FILES) {
  test(`${path} is what the code says; otherwise: npm run generate`, () => {
    assert.equal(readFileSync(join(import.meta.dirname, '..', path), 'utf8'), render());
  });
}
