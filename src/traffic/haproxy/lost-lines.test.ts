/** What HAProxy answered and did not write is noticed, by what it counts itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openStage, send, type Stage, waitFor } from '../conformance.ts';
import type { TrafficBatch } from '../counts.ts';
import { searchPath } from '../proxy-command.ts';
import { type HaproxyBench, openHaproxy } from './conformance.ts';

const ENV = { ...process.env, PATH: searchPath() };
const skip = spawnSync('haproxy', ['-v'], { env: ENV }).status === 0 ? false : 'haproxy is not installed';

type Watched = { readonly bench: HaproxyBench; readonly stage: Stage; readonly told: string[] };

async function open(t: TestContext): Promise<Watched> {
  const told: string[] = [];
  const bench = await openHaproxy({ checkEveryMs: 50, report: (message) => told.push(message) });
  const stage = await openStage(bench.router, {}, undefined, bench.proxy);
  t.after(async () => {
    await stage.close();
    await bench.close();
  });
  await stage.route({ serve: 'blue' });
  return { bench, stage, told };
}

/** By somebody else; until the new worker is there. */
async function reload({ router }: HaproxyBench): Promise<void> {
  const { current } = await router.managed.master.workers();
  process.kill(router.managed.pid!, 'SIGUSR2');
  await waitFor(
    () => router.managed.master.workers().catch(() => null),
    (now) => now !== null && now.current !== null && now.current !== current,
  );
}

/** Reads on until this is so. */
async function readUntil(
  { bench, stage }: Watched,
  from: string,
  isEnough: (batch: TrafficBatch) => boolean,
): Promise<string> {
  let cursor = from;
  await waitFor(async () => {
    const batch = await bench.router.traffic(stage.door.service, cursor);
    cursor = batch.cursor;
    return batch;
  }, isEnough);
  return cursor;
}

test('of lines that were not written the number is told, and their seconds are lost', { skip }, async (t) => {
  const watched = await open(t);
  const { bench, stage, told } = watched;
  const { port, door } = stage;
  const { cursor } = await bench.router.traffic(door.service, null);
  const file = join(bench.root, 'services.cfg');
  const text = readFileSync(file, 'utf8');
  const sampled = text.replace('format raw local0', 'format raw sample 1:2 local0');
  assert.notEqual(sampled, text);
  writeFileSync(file, sampled);
  await reload(bench);

  for (let i = 0; i < 20; i += 1) assert.equal((await send({ port, path: '/' })).status, 200);

  await readUntil(watched, cursor, ({ lost }) => lost !== null);
  const numbers = told.map((line) => Number(/: (\d+) requests that HAProxy answered/.exec(line)?.[1]));
  const sum = numbers.reduce((all, each) => all + each, 0);
  // Every second line of what a worker writes, of which a few are of its own health checks.
  assert.ok(sum >= 6 && sum <= 14, told.join('\n'));
});

test('retries, streams, aborts, a preview and a reload are no difference', { skip }, async (t) => {
  const watched = await open(t);
  const { bench, stage, told } = watched;
  const { port, door, applications } = stage;
  const [dying] = applications.blue;
  dying!.on.set('/dies', (req) => req.socket.destroy());
  for (const each of applications.blue) each.on.set('/slow', () => {});
  const { cursor } = await bench.router.traffic(door.service, null);

  for (let i = 0; i < 10; i += 1) await send({ port, path: '/dies' });
  const stream = connect(port, '127.0.0.1');
  stream.write('GET /slow HTTP/1.1\r\nHost: shop\r\nAccept: text/event-stream\r\n\r\n');
  const leaving = connect(port, '127.0.0.1');
  leaving.write('GET /slow HTTP/1.1\r\nHost: shop\r\n\r\n');
  const during = await readUntil(watched, cursor, ({ replicas }) => replicas.length > 0);
  leaving.destroy();
  await reload(bench);
  for (let i = 0; i < 20; i += 1) await send({ port, path: '/' });
  stream.destroy();
  let reads = 0;
  await readUntil(watched, during, () => (reads += 1) >= 10);

  assert.deepEqual(told, []);
});
