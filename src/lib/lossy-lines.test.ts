import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PROGRAM = `
  import { lossyLines } from ${JSON.stringify(join(import.meta.dirname, 'lossy-lines.ts'))};
  const write = lossyLines(2);
  for (let line = 0; line < 20_000; line += 1) write('line ' + line + '\\n');
  process.stdout.write('still here\\n');
  setTimeout(() => write('after\\n'), 700);
`;

/** `$0 $@` is the program; its own output comes back, and what is read of its log after it. */
async function inShell(command: string): Promise<string> {
  const args = ['-c', command, process.execPath, '--input-type=module-typescript', '-e', PROGRAM];
  return (await run('/bin/sh', args, { timeout: 10_000 })).stdout;
}

test('nothing fails where every write does', async () => {
  assert.equal(await inShell('"$0" "$@" 2>/dev/full'), 'still here\n');
});

test('a reader that is gone holds nobody up', async () => {
  assert.equal(await inShell('{ "$0" "$@" 2>&1 >&3 | true; } 3>&1'), 'still here\n');
});

test('a reader that stands still holds nobody up, and is told afterwards what it missed', async () => {
  const lines = (await inShell('{ "$0" "$@" 2>&1 >&3 | { sleep 0.3; cat; }; } 3>&1')).split('\n');

  // Said before the reader woke: nobody had waited for it.
  assert.equal(lines[0], 'still here');
  assert.equal(lines[1], 'line 0');
  assert.match(lines.at(-3) ?? '', /^.*\(\d+ lines could not be written here\)$/);
  assert.equal(lines.at(-2), 'after');
});
