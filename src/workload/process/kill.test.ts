import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import type { Address } from '../../lib/address.ts';
import { freeAddresses, until } from '../conformance.ts';
import { listPids } from '../proc.ts';
import { newStateDir, openRuntime, removeDir, stopAll, testRelease } from './fixtures/runtime.ts';

/** Everything that writes to logs of this state directory, gates that have not run their command included. */
function writersOf(stateDir: string): number[] {
  return listPids().filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/1`).startsWith(`${stateDir}/`);
    } catch {
      return false;
    }
  });
}

type Kill = { readonly afterMs: number } | 'itself' | 'once ensured';

/** Runs a controller until it is killed; gives what it said and how long it lived from `starting` on. */
async function killedController(
  args: readonly string[],
  kill: Kill,
): Promise<{ said: string; livedMs: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'fixtures/controller.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child.stdout, 'data');
  const fromMs = performance.now();
  if (kill === 'once ensured') await until(async () => said.includes('ensured'));
  else if (kill !== 'itself') await sleep(kill.afterMs);
  const livedMs = performance.now() - fromMs;
  if (kill !== 'itself') child.kill('SIGKILL');
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL');
  return { said, livedMs };
}

async function arrange(t: TestContext): Promise<{ stateDir: string; service: string; address: Address }> {
  const stateDir = newStateDir();
  const service = `t-${randomBytes(4).toString('hex')}`;
  t.after(async () => {
    await stopAll(stateDir, service);
    removeDir(stateDir);
  });
  const [address] = await freeAddresses(1);
  return { stateDir, service, address: address! };
}

test('killed between start and record: nothing runs, now or later', { timeout: 30_000 }, async (t) => {
  const { stateDir, service, address } = await arrange(t);

  const { said } = await killedController(
    [stateDir, service, String(address.port), 'die-before-record'],
    'itself',
  );

  assert.equal(said, 'starting\n');
  await until(async () => writersOf(stateDir).length === 0);
  const next = openRuntime(stateDir);
  t.after(() => next.detach());
  assert.deepEqual(await next.observe(service), []);
});

test(
  'killed at any moment of a start: the next controller ends up with exactly one',
  { timeout: 120_000 },
  async (t) => {
    const found = { adopted: 0, startedAnew: 0 };
    let wholeMs = 0;
    for (let round = 0; round <= 10; round += 1) {
      const { stateDir, service, address } = await arrange(t);
      // First after a whole start, which tells how long one takes; then ten times, spread over that time.
      const kill: Kill = round === 0 ? 'once ensured' : { afterMs: (wholeMs * (round - 1)) / 9 };
      const { livedMs } = await killedController([stateDir, service, String(address.port)], kill);
      if (round === 0) wholeMs = livedMs;

      const next = openRuntime(stateDir);
      t.after(() => next.detach());
      const before = (await next.observe(service)).filter((state) => state.running);
      await next.ensure({
        service,
        slot: 'blue',
        release: testRelease(service, 'v1', { run: 'node app.mjs' }),
        replicas: 1,
        addresses: [address],
      });
      await until(async () =>
        (await next.diagnose(service, 'blue')).some((line) => line.endsWith('as it should')),
      );

      const [state] = await next.observe(service);
      assert.deepEqual(writersOf(stateDir), [state!.pid], `killed after ${livedMs} ms`);
      if (before.length > 0 && before[0]!.pid === state!.pid) found.adopted += 1;
      else found.startedAnew += 1;
      await next.stop(service, 'blue', 2000);
      assert.deepEqual(writersOf(stateDir), []);
    }
    assert.ok(found.adopted > 0);
    t.diagnostic(`adopted ${found.adopted}, started anew ${found.startedAnew}`);
  },
);
