import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesWords } from './bytes.ts';

test('bytes are told in the unit in which they are least', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 64 * 2 ** 20, 2 ** 40].map(bytesWords), [
    '0 B',
    '1023 B',
    '1 KiB',
    '1.5 KiB',
    '64 MiB',
    '1 TiB',
  ]);
});
