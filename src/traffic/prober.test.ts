import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Prober } from './prober.ts';
import type { Door, Route } from './router.ts';

/** Answers at once, in a process of its own. */
const SERVER = `const { createServer } = require('node:http');
const server = createServer((request, response) => response.end('ok'));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;

function doorTo(port: number): Door {
  const health = { path: '/', intervalMs: 20, timeoutMs: 100, rise: 1, fall: 1 };
  const blue = [{ host: '127.0.0.1', port, pathPrefix: '' }];
  const door = {
    service: 'shop',
    spec: { host: null, proxy: { kind: 'builtin' } },
    slots: { blue, green: [] },
  };
  return { ...door, health: { blue: health, green: health } } as unknown as Door;
}

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('a replica that answers at once stays healthy, however long the one that probes stood still', async (t) => {
  const server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill());
  const [port] = (await once(server.stdout, 'data')) as [Buffer];
  const found: boolean[] = [];
  const prober = new Prober({ random: () => 0.5, onChange: ({ healthy }) => found.push(healthy) });
  t.after(() => prober.stop());
  prober.follow(doorTo(Number(port)), { replicas: { blue: 1, green: 0 } } as unknown as Route);
  while (found.length === 0) await sleep(5);

  for (let times = 0; times < 20; times += 1) {
    standStill(150);
    await sleep(7);
  }

  assert.deepEqual(found, [true]);
  assert.equal(prober.observe('shop', 'blue')[0]!.lastProbe!.ok, true);
});
