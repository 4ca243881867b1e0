import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type BuiltinBench, openBuiltin } from './builtin/conformance.ts';
import { freePort, openStage, type RouterBench, send, sum } from './conformance.ts';
import type { HoldPort } from './hold-port.ts';
import type { Hold } from './router.ts';

const HOLD: Hold = { maxMs: 20_000, maxRequests: 100, maxBytes: 10_000_000 };

/** What another proxy lets wait at the hold port arrives whole, and is counted once. */
export function holdConformance(
  name: string,
  open: (holdPort: HoldPort) => Promise<RouterBench>,
  skip: false | string,
): void {
  describe(`what ${name} lets wait`, { skip }, () => {
    let builtin: BuiltinBench;
    let bench: RouterBench;
    before(async () => {
      builtin = await openBuiltin(1);
      bench = await open(builtin.router.holdPort);
    });
    after(async () => {
      await bench?.close();
      await builtin?.close();
    });

    test('arrives with its method, address, headers and body, and is counted once, without its wait', async (t) => {
      const stage = await openStage(bench.router, {}, undefined, bench.proxy);
      t.after(() => stage.close());
      const { port, applications, door } = stage;
      for (const each of applications.green)
        each.on.set('/orders', (req, res) => {
          let length = 0;
          req.on('data', (chunk: Buffer) => (length += chunk.length));
          req.on('end', () => {
            const seen = Object.keys(req.headers).filter((name) => name.startsWith('x-bascule'));
            res.end(`${req.method} ${req.url} ${length} ${String(req.headers['x-kept'])} ${seen.length}`);
          });
        });
      await stage.route({ serve: 'blue', hold: HOLD });
      const { cursor } = await bench.router.traffic(door.service, null);
      const order = { path: '/orders?a=%2F', method: 'POST', headers: { 'x-kept': 'yes' } };

      const held = send({ port, ...order, body: Buffer.alloc(300_000) });
      await stage.observed((seen) => seen.held === 1);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await stage.route({ serve: 'green' });

      assert.equal((await held).body, 'POST /orders?a=%2F 300000 yes 0');
      const seconds = await stage.counted(cursor, (all) => all.length > 0);
      assert.deepEqual(
        seconds.map(({ slot, attempts, requests, classes }) => [slot, attempts, requests, classes.ok]),
        [['green', 1, 1, 1]],
      );
      const [bucket] = seconds[0]!.latency[0]!;
      assert.ok(bucket < 250, 'the time in the hold is no time of the application');
    });

    test('what is turned away is counted as that, a client that leaves nowhere', async (t) => {
      const stage = await openStage(bench.router, {}, undefined, bench.proxy);
      t.after(() => stage.close());
      const { port, door } = stage;
      await stage.route({ serve: 'blue', hold: { ...HOLD, maxRequests: 1 } });
      const { cursor } = await bench.router.traffic(door.service, null);
      const held = send({ port, path: '/first' });
      await stage.observed((seen) => seen.held === 1);

      assert.equal((await send({ port, path: '/second' })).status, 503);
      await stage.route({ serve: 'blue' });
      assert.equal((await held).status, 200);

      const batch = await stage.batched(cursor, (all) => all.replicas.length > 0);
      assert.equal(batch.holdRefused, 1);
      assert.equal(
        sum(batch.replicas, 'blue', (each) => each.requests),
        1,
      );
    });

    test('goes on at once where nobody is there to let it wait', async (t) => {
      const host = '127.0.0.1';
      const nobody = await freePort();
      const holdPort = { ...builtin.router.holdPort, open: async () => ({ host, port: nobody }) };
      const alone = await open({
        ...holdPort,
        set: async () => {},
        waiting: async () => 0,
        close: async () => {},
      });
      const stage = await openStage(alone.router, {}, undefined, alone.proxy);
      t.after(async () => {
        await stage.close();
        await alone.close();
      });
      await stage.route({ serve: 'blue', hold: HOLD });

      assert.match((await send({ port: stage.port, path: '/' })).body, /^blue-/);
      assert.match((await send({ port: stage.port, path: '/', method: 'POST', body: 'x' })).body, /^blue-/);
    });
  });
}
