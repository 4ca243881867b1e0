import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { onAddress } from '../lib/upstream.ts';
import {
  openStage,
  startApplication,
  waitFor,
  type Application,
  type RouterBench,
  type Stage,
} from './conformance.ts';

/** What a path prefix means, for every `TrafficRouter`: one application, in blue at its root and in green below `/canary`. */
export function prefixConformance(name: string, open: () => Promise<RouterBench>): void {
  describe(`${name} and a path prefix`, () => {
    let bench: RouterBench;
    let stage: Stage;
    let one: Application;
    let revision = 0;

    /** Everybody to one slot of one replica. */
    async function serve(slot: 'blue' | 'green'): Promise<void> {
      revision += 1;
      const { service } = stage.door;
      const replicas = { blue: 1, green: 1 };
      await bench.router.apply({ service, revision, serve: slot, split: null, replicas, standIn: false });
      await stage.observed((seen) => seen.slots[slot].replicas.every(({ healthy }) => healthy));
    }

    async function openPrefixed(pathPrefix: string): Promise<void> {
      const green = { ...one.address, pathPrefix };
      stage = await openStage(
        bench.router,
        { slots: { blue: [onAddress(one.address)], green: [green] } },
        undefined,
        bench.proxy,
      );
      revision = 0;
    }

    before(async () => {
      bench = await open();
      one = await startApplication('one');
      one.on.set('/canary/healthz', (_req, res) => res.end('well'));
    });
    after(async () => {
      await one?.close();
      await bench?.close();
    });

    test('requests of that slot go below it, query and all, and those of the other do not', async (t) => {
      await openPrefixed('/canary');
      t.after(() => stage.close());
      one.asked.length = 0;

      await serve('green');
      for (const path of ['/', '/?q=/', '/x/y?z=%2F&a', '/canary']) await stage.get(path);
      await serve('blue');
      await stage.get('/x');

      const asked = one.asked.filter((path) => path !== '/canary/healthz');
      assert.deepEqual(asked, ['/canary', '/canary?q=/', '/canary/x/y?z=%2F&a', '/canary/canary', '/x']);
    });

    test('with a slash at its end, the root of the slot has one too', async (t) => {
      await openPrefixed('/canary/');
      t.after(() => stage.close());
      one.asked.length = 0;

      await serve('green');
      for (const path of ['/', '/?q=1', '/x']) await stage.get(path);

      const asked = one.asked.filter((path) => path !== '/canary/healthz');
      assert.deepEqual(asked, ['/canary/', '/canary/?q=1', '/canary/x']);
    });

    test('health is looked at below the prefix', async (t) => {
      await openPrefixed('/elsewhere');
      t.after(() => stage.close());
      one.on.set('/elsewhere/healthz', (_req, res) => res.writeHead(404).end('no such page'));
      revision += 1;
      const { service } = stage.door;
      const replicas = { blue: 1, green: 1 };

      await bench.router.apply({ service, revision, serve: 'blue', split: null, replicas, standIn: false });

      const seen = await stage.observed(
        ({ slots }) =>
          slots.blue.replicas[0]?.healthy === true &&
          slots.green.replicas.some(({ lastProbe }) => lastProbe !== null),
      );
      assert.equal(seen.slots.green.replicas[0]!.healthy, false);
      assert.match(seen.slots.green.replicas[0]!.lastProbe!.found, /404/);
    });

    test('Location and the paths of cookies are as visitors know them', async (t) => {
      await openPrefixed('/canary');
      t.after(() => stage.close());
      await serve('green');
      const visitors = `http://127.0.0.1:${stage.port}`;
      const own = `http://127.0.0.1:${one.address.port}`;
      const cases = [
        ['/canary/next?q=/canary#f', '/next?q=/canary#f'],
        ['/canary', '/'],
        ['/canaryx', '/canaryx'],
        [`${visitors}/canary/next`, `${visitors}/next`],
        [`${own}/canary/next`, '/next'],
        ['https://elsewhere.example/canary/next', 'https://elsewhere.example/canary/next'],
      ] as const;

      for (const [given, becomes] of cases) {
        one.on.set('/canary/go', (_req, res) => {
          res.writeHead(302, {
            location: given,
            'set-cookie': ['a=1; Path=/canary; HttpOnly', 'b=2; Path=/', 'c=3'],
          });
          res.end();
        });
        const { headers } = await stage.get('/go', { cookie: `bascule_id=${'0'.repeat(32)}` });

        // A proxy may write out what the Location of its own origin leaves open.
        const location = headers.location ?? '';
        assert.ok(location === becomes || location === visitors + becomes, `${given}: ${location}`);
        assert.deepEqual(headers['set-cookie']?.slice(0, 3), ['a=1; Path=/; HttpOnly', 'b=2; Path=/', 'c=3']);
      }
    });

    test('a slot that gets a prefix by a new description asks below it from then on', async (t) => {
      await openPrefixed('');
      t.after(() => stage.close());
      await serve('green');
      await stage.get('/before');

      await bench.router.install({
        ...stage.door,
        slots: { ...stage.door.slots, green: [{ ...one.address, pathPrefix: '/canary' }] },
      });

      // A connection that was kept may have one more answer of before.
      await waitFor(
        () => stage.get('/after'),
        ({ status }) => status === 200 && one.asked.includes('/canary/after'),
      );
      assert.ok(one.asked.includes('/before'));
    });
  });
}
