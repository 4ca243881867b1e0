import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeFileDurably } from './durable-file.ts';

test('a durable write replaces the whole file and leaves no temporary one', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'durable-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'record.json');

  await writeFileDurably(path, 'a long first text', 0o600);
  await writeFileDurably(path, 'short', 0o600);

  assert.equal(await readFile(path, 'utf8'), 'short');
  assert.deepEqual(await readdir(directory), ['record.json']);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});
