import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LineSplitter } from './line-splitter.ts';

test('however the bytes are cut, the lines are the same', () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n]/g, ''));
  fc.assert(
    fc.property(fc.array(line), line, fc.integer({ min: 1, max: 7 }), (lines, rest, size) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join('') + rest);
      const splitter = new LineSplitter();
      const found: string[] = [];
      for (let at = 0; at < bytes.length; at += size)
        found.push(...splitter.push(bytes.subarray(at, at + size)));

      assert.deepEqual(found, lines);
      assert.deepEqual(splitter.flush(), rest === '' ? [] : [rest]);
    }),
  );
});

test('a line without end takes 16 KiB and no more, and the next one is whole', () => {
  const splitter = new LineSplitter();
  for (let n = 0; n < 100; n += 1) assert.deepEqual(splitter.push(Buffer.alloc(4096, 'x')), []);

  assert.deepEqual(splitter.push(Buffer.from('\nnext\r\n')), [
    `${'x'.repeat(16_384)} … (cut at 16 KiB)`,
    'next',
  ]);
});
