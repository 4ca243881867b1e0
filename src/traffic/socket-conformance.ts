import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { onSocket } from '../lib/address.ts';
import { onAddress } from '../lib/upstream.ts';
import type { ReplicaSecond } from './counts.ts';
import { type RouterBench, type Stage, openStage, sum } from './conformance.ts';

const requests = (each: ReplicaSecond): number => each.requests;

type OnSocket = { readonly asked: IncomingMessage[]; readonly close: () => Promise<void> };

/** What a unix socket means, for every `TrafficRouter`: blue listens on a port, green on a socket. */
export function socketConformance(
  name: string,
  open: () => Promise<RouterBench>,
  skip: string | false = false,
): void {
  describe(`${name} and a unix socket`, { skip }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'bascule-socket-'));
    const path = join(folder, 'app.sock');
    let bench: RouterBench;
    let stage: Stage;
    let application: OnSocket;

    before(async () => {
      // Whichever user the proxy is.
      chmodSync(folder, 0o755);
      bench = await open();
      application = await listenOn(path);
      const [first] = (await openPorts()).door.slots.blue;
      await bench.router.install({
        ...stage.door,
        slots: { blue: [first!], green: [onAddress(onSocket(path))] },
      });
    });
    after(async () => {
      await stage?.close();
      await bench?.close();
      await application?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    async function openPorts(): Promise<Stage> {
      stage = await openStage(bench.router, {}, undefined, bench.proxy);
      return stage;
    }

    async function seen(healthy: boolean): Promise<string> {
      const { slots } = await stage.observed(
        (all) =>
          all.slots.green.replicas[0]?.healthy === healthy &&
          all.slots.green.replicas[0].lastProbe?.ok === healthy,
      );
      return slots.green.replicas[0]!.lastProbe!.found;
    }

    async function serve(slot: 'blue' | 'green'): Promise<void> {
      await stage.route({ serve: slot, replicas: { blue: 1, green: 1 }, standIn: false });
    }

    test('requests and probes go over it, with the client’s Host, and are counted', async () => {
      await serve('green');
      await seen(true);
      const { cursor } = await bench.router.traffic(stage.door.service, null);

      const answer = await stage.get('/x?y=1', { host: 'shop.test' });

      assert.deepEqual([answer.status, answer.body], [200, 'over the socket: /x?y=1 shop.test']);
      const counted = await stage.counted(cursor, (all) => sum(all, 'green', requests) >= 1);
      assert.deepEqual([sum(counted, 'green', requests), sum(counted, 'blue', requests)], [1, 0]);
    });

    test('while nobody listens there it is not healthy, and well again when somebody does', async () => {
      await serve('blue');
      await application.close();
      await seen(false);

      application = await listenOn(path);
      await seen(true);
      await serve('green');

      assert.equal((await stage.get('/again')).status, 200);
    });

    test('what is no socket is not healthy', async () => {
      await serve('blue');
      await application.close();
      writeFileSync(path, '');

      await seen(false);

      rmSync(path);
      application = await listenOn(path);
      await seen(true);
    });
  });
}

export async function listenOn(path: string): Promise<OnSocket> {
  const asked: IncomingMessage[] = [];
  const server: Server = createServer((req, res) => {
    if (req.url !== '/healthz') asked.push(req);
    res.end(req.url === '/healthz' ? 'well' : `over the socket: ${req.url} ${req.headers.host}`);
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  chmodSync(path, 0o777);
  return {
    asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
