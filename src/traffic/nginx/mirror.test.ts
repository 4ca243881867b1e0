import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { openStage, send, sum, waitFor } from '../conformance.ts';
import { type NginxBench, openNginx } from './conformance.ts';

const skip = spawnSync('nginx', ['-v']).status === 0 ? false : 'nginx is not installed';

describe('copies that nginx sends', { skip }, () => {
  let bench: NginxBench;
  before(async () => {
    bench = await openNginx();
  });
  after(async () => bench?.close());

  test('of a method that is named go with their bodies, below the path of their slot', async (t) => {
    const stage = await openStage(bench.router, {}, undefined, bench.proxy);
    t.after(() => stage.close());
    const { port, applications, door } = stage;
    const got: string[] = [];
    for (const each of applications.green) {
      each.on.set('/next/healthz', (_req, res) => res.end('well'));
      each.on.set('/next/orders', (req, res) => {
        let body = '';
        req.on('data', (chunk: Buffer) => (body += chunk.toString()));
        req.on('end', () => {
          got.push(`${req.method} ${req.url} ${body} ${String(req.headers['x-kept'])}`);
          res.writeHead(500).end('nobody sees it');
        });
      });
    }
    const green = door.slots.green.map((each) => ({ ...each, pathPrefix: '/next' }));
    await bench.router.install({ ...door, slots: { ...door.slots, green } });
    await stage.route({ serve: 'blue', mirror: { slot: 'green', sharePercent: 100, methods: ['POST'] } });

    const order = {
      port,
      path: '/orders?id=7',
      method: 'POST',
      headers: { 'x-kept': 'yes' },
      body: 'two hats',
    };
    const answer = await send(order);
    assert.match(answer.body, /^blue-/);
    assert.equal((await send({ port, path: '/orders' })).status, 200);

    await waitFor(
      async () => got.length,
      (count) => count > 0,
    );
    assert.deepEqual(got, ['POST /next/orders?id=7 two hats yes']);
  });

  test('are not sent to a slot that is not well, and counted as dropped; nobody notices', async (t) => {
    const stage = await openStage(bench.router, {}, undefined, bench.proxy);
    t.after(() => stage.close());
    const { applications, door } = stage;
    await stage.route({
      serve: 'blue',
      mirror: { slot: 'green', sharePercent: 100, methods: ['GET', 'HEAD'] },
    });
    const { cursor } = await bench.router.traffic(door.service, null);
    for (const each of applications.green) each.healthy = false;
    await stage.observed((seen) => seen.slots.green.replicas.every((each) => !each.healthy));

    for (let i = 0; i < 5; i += 1) assert.match((await stage.get('/')).body, /^blue-/);

    const batch = await stage.batched(cursor, (all) => (all.mirrorDropped ?? 0) >= 5);
    assert.equal(batch.mirrorDropped, 5);
    assert.equal(batch.mirrored, undefined);
    assert.equal(
      sum(batch.replicas, 'blue', (each) => each.requests),
      5,
    );
    assert.deepEqual(
      applications.green.flatMap((each) => each.asked),
      [],
    );
  });
});
