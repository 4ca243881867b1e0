import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import {
  type RouterBench,
  type Stage,
  openStage,
  send,
  slotOf,
  splitTo,
  sum,
  waitFor,
} from './conformance.ts';
import type { ReplicaSecond } from './counts.ts';
import type { OverrideRule } from './override.ts';
import type { Door, Hold, Mirror } from './router.ts';

const SECRET = 'a-secret-of-some-length';
const BY_SECRET: OverrideRule = { header: 'x-version', allow: { kind: 'secret', secret: SECRET } };
const HOLD: Hold = { maxMs: 20_000, maxRequests: 100, maxBytes: 10_000_000 };
const MIRROR: Mirror = { slot: 'green', sharePercent: 100, methods: ['GET', 'HEAD'] };

type Open = () => Promise<RouterBench>;
type SetUp = (change?: Partial<Door>) => Promise<Stage>;

/** Overrides, mirrors and holds, for every `TrafficRouter`; what it cannot do by its capabilities is skipped. */
export function rulesConformance(name: string, open: Open): void {
  describe(`${name} and rules`, () => {
    let bench: RouterBench;

    before(async () => {
      bench = await open();
    });
    after(async () => bench?.close());

    async function setUp(change: Partial<Door> = {}): Promise<Stage> {
      const stage = await openStage(bench.router, change, undefined, bench.proxy);
      await stage.route({ serve: 'blue' });
      return stage;
    }

    overrides(() => bench, setUp);
    mirrors(() => bench, setUp);
    holds(() => bench, setUp);
  });
}

function overrides(bench: () => RouterBench, setUp: SetUp): void {
  const missing = (): string | false => (bench().router.capabilities.override ? false : 'no overrides');

  test('a valid override reaches the named slot or role, and only that', async (t) => {
    if (missing() !== false) return t.skip('no overrides');
    const { get, route, close } = await setUp({ override: BY_SECRET });
    t.after(close);
    const by = async (target: string) => {
      const answer = await get('/', { 'x-version': `${target}:${SECRET}` });
      return answer.status === 200 ? slotOf(answer.body) : answer.status;
    };

    assert.deepEqual([await by('green'), await by('blue'), await by('stable')], ['green', 'blue', 'blue']);
    assert.equal(await by('candidate'), 503, 'nothing is the candidate');
    await route({ serve: 'blue', candidate: 'green' });
    assert.equal(await by('candidate'), 'green', 'before its first share');
    await route({ serve: 'blue', split: splitTo('green', 0.1) });
    assert.equal(await by('candidate'), 'green');
    await route({ serve: 'green' });
    assert.deepEqual([await by('stable'), await by('blue')], ['green', 'blue']);
  });

  test('an override that is not valid changes nothing, and the application never sees the header', async (t) => {
    if (missing() !== false) return t.skip('no overrides');
    const { get, applications, close } = await setUp({ override: BY_SECRET });
    t.after(close);
    for (const each of [...applications.blue, ...applications.green])
      each.on.set('/echo', (req, res) => res.end(`${each.address.port} ${JSON.stringify(req.rawHeaders)}`));
    const blue = new Set(applications.blue.map((each) => each.address.port));

    for (const value of [
      'green',
      'green:',
      `green:${SECRET}x`,
      `green:${SECRET.slice(1)}`,
      `red:${SECRET}`,
    ]) {
      const { body } = await get('/echo', { 'x-version': value, 'x-other': 'kept' });
      assert.ok(blue.has(Number(body.split(' ')[0])), value);
      assert.doesNotMatch(body, /x-version/i);
      assert.match(body, /x-other/i);
    }
    const valid = await get('/echo', { 'X-Version': `green:${SECRET}` });
    assert.ok(!blue.has(Number(valid.body.split(' ')[0])));
    assert.doesNotMatch(valid.body, /x-version/i);
    const disguised = await get('/echo', { x_version: `green:${SECRET}` });
    assert.doesNotMatch(disguised.body, /x_version/i);
  });

  test('an override by network needs a client of that network, and no secret', async (t) => {
    if (missing() !== false) return t.skip('no overrides');
    const { get, door, close } = await setUp({ override: from('10.0.0.0/8', '127.0.0.0/8') });
    t.after(close);

    assert.match((await get('/', { 'x-version': 'green' })).body, /^green-/);
    await bench().router.install({ ...door, override: from('10.0.0.0/8', 'fd00::/8') });
    // A connection of before may have one more answer by the former description.
    await waitFor(
      () => get('/', { 'x-version': 'green' }),
      ({ body }) => body.startsWith('blue-'),
    );
    assert.match((await get('/', { 'x-version': 'green' })).body, /^blue-/);
  });

  test('overridden requests are counted apart, need no cookie, and nothing stands in for their slot', async (t) => {
    if (missing() !== false) return t.skip('no overrides');
    const { get, applications, batched, observed, door, close } = await setUp({ override: BY_SECRET });
    t.after(close);
    const { cursor } = await bench().router.traffic(door.service, null);
    const headers = { 'x-version': `green:${SECRET}` };

    for (let i = 0; i < 5; i += 1) assert.equal((await get('/', headers)).headers['set-cookie'], undefined);
    assert.equal((await get('/status/500', headers)).status, 500);

    const batch = await batched(cursor, (all) => requests(all.overrides, 'green') >= 6);
    assert.deepEqual([requests(batch.overrides, 'green'), requests(batch.replicas, 'green')], [6, 0]);
    for (const each of applications.green) each.healthy = false;
    await observed((seen) => seen.slots.green.replicas.every((replica) => !replica.healthy));
    assert.equal((await get('/', headers)).status, 503);
  });
}

function mirrors(bench: () => RouterBench, setUp: SetUp): void {
  const cannot = (): boolean => !bench().router.capabilities.mirror;

  test('copies of GET and HEAD go to the other slot, of nothing else, and are counted apart', async (t) => {
    if (cannot()) return t.skip('no mirror');
    const { get, port, applications, route, batched, door, close } = await setUp();
    t.after(close);
    await route({ serve: 'blue', mirror: MIRROR });
    const { cursor } = await bench().router.traffic(door.service, null);

    for (let i = 0; i < 6; i += 1) assert.match((await get(`/read?${i}`)).body, /^blue-/);
    await send({ port, path: '/write', method: 'POST', body: 'x' });
    await send({ port, path: '/read', headers: { 'content-length': '5' }, body: 'stray' });

    const batch = await batched(cursor, (all) => requests(all.mirrored, 'green') >= 6);
    assert.deepEqual([requests(batch.mirrored, 'green'), requests(batch.replicas, 'green')], [6, 0]);
    // What they are held against: the requests that they are of, which count as users' as well.
    const held = await batched(cursor, (all) => requests(all.copied, 'blue') >= 6);
    assert.deepEqual([requests(held.copied, 'blue'), requests(held.replicas, 'blue')], [6, 8]);
    const copied = applications.green.flatMap((each) => each.asked).sort();
    assert.deepEqual(
      copied,
      [0, 1, 2, 3, 4, 5].map((i) => `/read?${i}`),
    );
  });

  test('a share of the requests is copied, none at 0 %', async (t) => {
    if (cannot()) return t.skip('no mirror');
    const { get, applications, route, close } = await setUp();
    t.after(close);
    const copied = () => applications.green.flatMap((each) => each.asked).length;

    await route({ serve: 'blue', mirror: { ...MIRROR, sharePercent: 0 } });
    for (let i = 0; i < 50; i += 1) await get('/');
    assert.equal(copied(), 0);
    await route({ serve: 'blue', mirror: { ...MIRROR, sharePercent: 50 } });
    for (let i = 0; i < 200; i += 1) await get('/');

    await waitFor(
      async () => copied(),
      (seen) => seen > 60,
    );
    assert.ok(copied() < 140, `${copied()} of 200 at 50 %`);
  });

  test('a slot that hangs or refuses its copies neither delays nor fails a request', async (t) => {
    if (cannot()) return t.skip('no mirror');
    const { get, applications, route, close } = await setUp();
    t.after(close);
    for (const each of applications.green) each.on.set('/', () => {});
    await route({ serve: 'blue', mirror: MIRROR });

    const sinceMs = performance.now();
    for (let i = 0; i < 200; i += 1) assert.match((await get('/')).body, /^blue-/);
    await Promise.all(applications.green.map((each) => each.close()));
    for (let i = 0; i < 200; i += 1) assert.match((await get('/')).body, /^blue-/);

    assert.ok(performance.now() - sinceMs < 8000, 'one hanging copy alone would take longer');
  });
}

function holds(bench: () => RouterBench, setUp: SetUp): void {
  const cannot = (): boolean => !bench().router.capabilities.hold;

  test('held requests wait, and go where the next route says', async (t) => {
    if (cannot()) return t.skip('no hold');
    const { port, applications, route, observed, close } = await setUp();
    t.after(close);
    await route({ serve: 'blue', hold: HOLD });

    const held = [send({ port, path: '/a' }), send({ port, path: '/b', method: 'POST', body: 'abc' })];
    await observed((seen) => (seen.held ?? 0) >= 2);
    assert.deepEqual(
      applications.blue.flatMap((each) => each.asked),
      [],
    );
    await route({ serve: 'green' });

    for (const answer of await Promise.all(held)) assert.match(answer.body, /^green-/);
  });

  test('a hold ends by itself', async (t) => {
    if (cannot()) return t.skip('no hold');
    const { port, route, close } = await setUp();
    t.after(close);
    await route({ serve: 'blue', hold: { ...HOLD, maxMs: 600 } });

    const sinceMs = performance.now();
    const first = await send({ port, path: '/' });
    const waitedMs = performance.now() - sinceMs;

    assert.match(first.body, /^blue-/);
    assert.ok(waitedMs < 3000, `${waitedMs}ms`);
    assert.match((await send({ port, path: '/' })).body, /^blue-/);
  });

  test('past its bound requests are turned away with Retry-After, the others wait', async (t) => {
    if (cannot()) return t.skip('no hold');
    const { port, route, close } = await setUp();
    t.after(close);
    await route({ serve: 'blue', hold: { ...HOLD, maxRequests: 4 } });
    const turnedAway: unknown[] = [];

    const all = Array.from({ length: 16 }, async () => {
      const answer = await send({ port, path: '/' });
      if (answer.status === 503) turnedAway.push(answer.headers['retry-after']);
      return answer;
    });
    await waitFor(
      async () => turnedAway.length,
      (count) => count >= 12,
    );
    for (const retryAfter of turnedAway) assert.match(String(retryAfter), /^\d+$/);
    await route({ serve: 'blue' });

    const served = (await Promise.all(all)).filter((answer) => answer.status === 200).length;
    assert.ok(served >= 1 && served <= 4, `${served} waited`);
  });

  test('the health path answers during a hold', async (t) => {
    if (cannot()) return t.skip('no hold');
    const { port, route, close } = await setUp();
    t.after(close);
    await route({ serve: 'blue', hold: HOLD });

    assert.equal((await send({ port, path: '/healthz' })).body, 'well');
  });

  test('who waits when the door is removed hears so', async (t) => {
    if (cannot()) return t.skip('no hold');
    const { port, route, observed, door, close } = await setUp();
    t.after(close);
    await route({ serve: 'blue', hold: HOLD });
    const held = send({ port, path: '/' });
    await observed((seen) => (seen.held ?? 0) >= 1);

    await bench().router.remove(door.service);

    assert.equal((await held).status, 503);
  });

  test('an upgrade waits like any request', async (t) => {
    if (cannot()) return t.skip('no hold');
    const { port, applications, route, observed, close } = await setUp();
    t.after(close);
    for (const each of applications.blue) {
      each.server.on('upgrade', (_req, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
        socket.pipe(socket);
      });
    }
    await route({ serve: 'blue', hold: HOLD });
    const client = await upgrading(port);
    await observed((seen) => (seen.held ?? 0) >= 1);

    await route({ serve: 'blue' });

    const [head] = (await once(client, 'data')) as [Buffer];
    assert.match(head.toString(), /^HTTP\/1.1 101 /);
    client.write('hello');
    const [echo] = (await once(client, 'data')) as [Buffer];
    assert.equal(echo.toString(), 'hello');
    client.destroy();
  });
}

function from(...networks: string[]): OverrideRule {
  return { header: 'x-version', allow: { kind: 'networks', networks } };
}

async function upgrading(port: number): Promise<Socket> {
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  client.write('GET /socket HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  return client;
}

function requests(seconds: readonly ReplicaSecond[] | undefined, slot: 'blue' | 'green'): number {
  return sum(seconds ?? [], slot, (each) => each.requests);
}
