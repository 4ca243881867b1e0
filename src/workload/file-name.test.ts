import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fileNameOf, textOfFileName } from './file-name.ts';

test('any label is one file name, and comes back', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 28, unit: 'grapheme' }), (text) => {
      fc.pre(encodeURIComponent(text).length < 250);
      const name = fileNameOf(text);

      assert.ok(!name.includes('/') && !name.startsWith('.'));
      assert.equal(textOfFileName(name), text);
    }),
  );
  for (const text of ['.', '..', 'release/1.2', '%2E', 'v1.2.3-4-gabc'])
    assert.equal(textOfFileName(fileNameOf(text)), text);
});
