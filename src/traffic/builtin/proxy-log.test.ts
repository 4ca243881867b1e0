import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ProxyLog } from './proxy-log.ts';

function open(t: TestContext): { readonly path: string; readonly descriptor: number } {
  const dir = mkdtempSync(join(tmpdir(), 'proxy-log-'));
  const path = join(dir, 'proxy.log');
  const descriptor = openSync(path, 'a', 0o600);
  t.after(() => {
    closeSync(descriptor);
    rmSync(dir, { recursive: true });
  });
  return { path, descriptor };
}

function numbers(path: string): number[] {
  return [...readFileSync(path, 'utf8').matchAll(/ line (\d+)$/gm)].map(([, number]) => Number(number));
}

test('the log of a proxy that runs for years stays bounded, with one older part', (t) => {
  const { path, descriptor } = open(t);
  const log = new ProxyLog(path, 5000, descriptor);

  for (let line = 0; line < 1000; line += 1) log.write(`line ${line}`);

  assert.ok(statSync(path).size <= 5100);
  const kept = [...numbers(`${path}.1`), ...numbers(path)];
  assert.deepEqual(
    kept,
    kept.map((_, index) => 1000 - kept.length + index),
  );
  assert.ok(kept.length > 150, `${kept.length}`);
});

test('a log that cannot be written costs its lines and nothing else', () => {
  // /dev/full: every write fails with ENOSPC.
  const full = openSync('/dev/full', 'a');
  new ProxyLog('/dev/full', 5000, full).write('nobody reads this');
  closeSync(full);

  new ProxyLog('/nowhere', 5000, full).write('nor this');
});

test('where the log goes to a pipe, it is only written', () => {
  const program = `
    import { ProxyLog } from ${JSON.stringify(join(import.meta.dirname, 'proxy-log.ts'))};
    const log = new ProxyLog('/nowhere/proxy.log', 10);
    for (let line = 0; line < 3; line += 1) log.write('line ' + line);
  `;
  const said = execFileSync(
    '/bin/sh',
    ['-c', '"$0" --input-type=module-typescript -e "$1" 2>&1', process.execPath, program],
    {
      encoding: 'utf8',
    },
  );

  assert.equal(said.split('\n').filter((line) => / line \d$/.test(line)).length, 3, said);
});
