import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PROGRAM = `
  import { writeFileSync } from 'node:fs';
  import { lossyLines } from ${JSON.stringify(join(import.meta.dirname, 'lossy-lines.ts'))};
  const write = lossyLines(2);
  for (let line = 0; line < 20_000; line += 1) write('line ' + line + '\\n');
  writeFileSync('written', '');
  process.stdout.write('still here\\n');
  setTimeout(() => write('after\\n'), 700);
`;

/** `$0 $@` is the program; its own output comes back, with what the command prints. It works in a directory of its own. */
async function inShell(t: TestContext, command: string): Promise<string> {
  const cwd = mkdtempSync(join(tmpdir(), 'lossy-lines-'));
  t.after(() => rmSync(cwd, { recursive: true }));
  const args = ['-c', command, process.execPath, '--input-type=module-typescript', '-e', PROGRAM];
  return (await run('/bin/sh', args, { cwd, timeout: 20_000 })).stdout;
}

test('nothing fails where every write does', async (t) => {
  assert.equal(await inShell(t, '"$0" "$@" 2>/dev/full'), 'still here\n');
});

test('a reader that is gone holds nobody up', async (t) => {
  assert.equal(await inShell(t, '{ "$0" "$@" 2>&1 >&3 | true; } 3>&1'), 'still here\n');
});

test('a reader that stands still holds nobody up, and is told afterwards what it missed', async (t) => {
  const reader = 'while [ ! -e written ]; do sleep 0.05; done; cat';
  const lines = (await inShell(t, `{ "$0" "$@" 2>&1 >&3 | { ${reader}; }; } 3>&1`)).split('\n');

  assert.ok(lines.includes('line 0') && !lines.includes('line 19999'));
  assert.match(lines.at(-3) ?? '', /\(\d+ lines could not be written here\)$/);
  assert.equal(lines.at(-2), 'after');
});
