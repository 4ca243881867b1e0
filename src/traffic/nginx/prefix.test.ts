import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { openStage, type Stage } from '../conformance.ts';
import { cookieWithout, locationWithout } from '../without-prefix.ts';
import { type NginxBench, openNginx } from './conformance.ts';

const skip = spawnSync('nginx', ['-v']).status === 0 ? false : 'nginx is not installed';

describe('targets below a path in nginx', { skip }, () => {
  let bench: NginxBench;
  before(async () => {
    bench = await openNginx();
  });
  after(async () => bench?.close());

  /** Green below `pathPrefix`, and everybody there. */
  async function openBelow(pathPrefix: string): Promise<Stage> {
    const stage = await openStage(bench.router, {}, undefined, bench.proxy);
    for (const each of stage.applications.green)
      each.on.set(`${pathPrefix}/healthz`, (_req, res) => res.end('well'));
    const green = stage.door.slots.green.map((each) => ({ ...each, pathPrefix }));
    const door = { ...stage.door, slots: { ...stage.door.slots, green } };
    await bench.router.install(door);
    await stage.route({ serve: 'green' });
    return { ...stage, door };
  }

  test('answers are what the built-in proxy makes of them, whatever they say', async (t) => {
    const stage = await openBelow('/a.b~c');
    t.after(() => stage.close());
    const upstream = stage.door.slots.green[0]!;
    const own = `127.0.0.1:${upstream.port}`;
    const host = 'Shop.example:80';
    const locations = [
      '/a.b~c/x',
      '/axb~c/x',
      '/a.b~c//evil.example/x',
      '/a.b~c/\\evil.example',
      '/a.b~c/\t/evil.example',
      '/a.b~c/\t\\evil.example',
      '/a.b~c?q=1#f',
      '/a.b~c#f',
      '//shop.example/a.b~c/x',
      'http://shop.example/a.b~c//x',
      'http://SHOP.example:80/a.b~c?x',
      'https://shop.example:443/a.b~c/x',
      'https://shop.example/a.b~c/x',
      'http://shop.example:81/a.b~c/x',
      'http://shop.example.evil/a.b~c/x',
      `http://${own}/a.b~c//evil.example`,
      `//${own}/a.b~c/x`,
      `https://${own}/a.b~c/x`,
      'relative/a.b~c/x',
      'ftp://shop.example/a.b~c/x',
      '',
    ];
    const cookies = ['a=1; path=/a.b~c', 'b=2; Path=/a.b~c/x; Secure', 'c=3; Path=/a.b~cd', 'd=4; Path=/'];

    for (const given of locations) {
      for (const each of stage.applications.green)
        each.on.set('/a.b~c/go', (_req, res) =>
          res.writeHead(302, { location: given, 'set-cookie': cookies }).end(),
        );
      const { headers } = await stage.get('/go', { host, cookie: `bascule_id=${'0'.repeat(32)}` });

      // Whichever of the two replicas answers, this is the origin of one of them.
      const expected = stage.door.slots.green.map((each) => locationWithout(each, given, [host]));
      assert.ok(expected.includes(headers.location ?? ''), `${given}: ${headers.location}`);
      assert.deepEqual(
        headers['set-cookie']?.map((one) => one.toLowerCase()),
        cookies.map((one) => cookieWithout('/a.b~c', one).toLowerCase()),
      );
    }
  });

  test('a slot that another one stands in for is asked by the path of that one', async (t) => {
    const stage = await openBelow('/canary');
    t.after(() => stage.close());
    await stage.route({ serve: 'blue' });
    await Promise.all(stage.applications.blue.map((each) => each.close()));

    for (const path of ['/x?1', '/']) assert.equal((await stage.get(path)).status, 200);
    await stage.observed((seen) => seen.slots.blue.replicas.every((each) => !each.healthy));
    assert.equal((await stage.get('/y')).status, 200);

    const asked = stage.applications.green.flatMap((each) => each.asked);
    assert.deepEqual(asked.filter((path) => path !== '/canary/healthz').toSorted(), [
      '/canary',
      '/canary/x?1',
      '/canary/y',
    ]);
  });

  test('replicas of one slot below different paths are refused, and what served still serves', async (t) => {
    const stage = await openStage(bench.router, {}, undefined, bench.proxy);
    t.after(() => stage.close());
    await stage.route({ serve: 'blue' });
    const [one, two] = stage.door.slots.green;
    const green = [{ ...one!, pathPrefix: '/a' }, two!];

    await assert.rejects(bench.router.install({ ...stage.door, slots: { ...stage.door.slots, green } }), {
      code: 'TRAFFIC_DOOR_UNSERVABLE',
      message: /\/a, \//,
    });
    assert.match((await stage.get('/')).body, /^blue-/);
  });
});
