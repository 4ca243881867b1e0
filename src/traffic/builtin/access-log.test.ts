import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, after, before, describe, test } from 'node:test';
import type { AccessLogSpec, BuiltinProxy } from '../../release/service.ts';
import { ACCESS_FIELDS } from '../../release/access-fields.ts';
import { type Stage, openStage, send, waitFor } from '../conformance.ts';
import type { Door } from '../router.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';
import { ask, openSession } from './http2-fixture.ts';
import { makeCertificate } from './tls-fixture.ts';

const MIB = 1024 ** 2;
const ALL: AccessLogSpec = { fields: ACCESS_FIELDS, headers: [], samplePercent: 100, keepBytes: MIB };
const TRACE = '0af7651916cd43dd8448eb211c80319c';

type Line = Readonly<Record<string, string | number | null>>;

function linesIn(path: string): Line[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

describe('the access log of the built-in proxy', () => {
  let bench: BuiltinBench;

  before(async () => {
    bench = await openBuiltin(2);
  });
  after(async () => bench.close());

  async function setUp(
    t: TestContext,
    accessLog: AccessLogSpec,
    more: { readonly proxy?: Partial<BuiltinProxy>; readonly door?: Partial<Door> } = {},
  ): Promise<Stage> {
    const proxy = { kind: 'builtin' as const, accessLog, ...more.proxy };
    const stage = await openStage(bench.router, more.door ?? {}, undefined, proxy);
    t.after(stage.close);
    await stage.route({ serve: 'blue' });
    return stage;
  }

  function pathOf({ door }: Stage): string {
    return join(bench.stateDir, 'access', `${door.service}.log`);
  }

  const lines = (stage: Stage, count: number): Promise<Line[]> =>
    waitFor(
      async () => linesIn(pathOf(stage)),
      (seen) => seen.length >= count,
    );

  test('a line says all that was asked for, the query apart from the path', async (t) => {
    const stage = await setUp(t, { ...ALL, headers: ['user-agent', 'referer'] });
    const headers = {
      host: 'Shop.Test:80',
      'user-agent': 'a "test"\\',
      referer: 'http://other/page?token=1',
      'x-request-id': 'mine',
      traceparent: `00-${TRACE}-b7ad6b7169203331-01`,
      cookie: 'session=secret-cookie',
      authorization: 'Bearer secret-token',
    };
    const beforeMs = Date.now();

    const answer = await send({ port: stage.port, path: '/cart/a%20b?who=ana&x', headers });
    const [line] = await lines(stage, 1);

    assert.deepEqual(Object.keys(line!), [...ACCESS_FIELDS, 'user-agent', 'referer']);
    const { time, ms, 'app-ms': appMs, replica, ...rest } = line!;
    assert.deepEqual(rest, {
      client: '127.0.0.1',
      method: 'GET',
      scheme: 'http',
      host: 'shop.test',
      path: '/cart/a%20b',
      query: 'who=ana&x',
      status: 200,
      bytes: answer.body.length,
      'queue-ms': 0,
      slot: 'blue',
      attempts: 1,
      outcome: 'answered',
      kind: null,
      'request-id': 'mine',
      'trace-id': TRACE,
      'user-agent': 'a "test"\\',
      referer: 'http://other/page?token=1',
    });
    assert.ok(Date.parse(String(time)) >= beforeMs - 5 && Date.parse(String(time)) <= Date.now());
    assert.ok(Number(ms) >= Number(appMs) && Number(appMs) > 0, `${ms} ${appMs}`);
    assert.ok(replica === 0 || replica === 1);
    assert.doesNotMatch(readFileSync(pathOf(stage), 'utf8'), /secret/);
    assert.equal(statSync(pathOf(stage)).mode & 0o777, 0o600);
  });

  test('who asks for no query gets none, of a Referer neither', async (t) => {
    const stage = await setUp(t, { ...ALL, fields: ['path', 'status'], headers: ['referer'] });

    await send({ port: stage.port, path: '/a?secret=1', headers: { referer: 'http://o/b?secret=2' } });

    assert.deepEqual(await lines(stage, 1), [{ path: '/a', status: 200, referer: 'http://o/b' }]);
  });

  test('without the option nothing is written, and with it what is refused is said as well', async (t) => {
    const stage = await setUp(t, { ...ALL, fields: ['path', 'status', 'outcome', 'slot', 'attempts'] });
    const { port, applications, route } = stage;
    for (const each of applications.blue) {
      each.on.set('/broken', (_req, res) => {
        res.writeHead(200, { 'content-length': '100' });
        res.write('x');
        setImmediate(() => res.destroy());
      });
      each.on.set('/none', (req) => req.socket.destroy());
    }
    await send({ port, path: '/fine' });
    await send({ port, path: '/none', method: 'POST', body: 'x' });
    await assert.rejects(send({ port, path: '/broken' }));
    await route({ serve: null });
    await send({ port, path: '/refused' });

    const seen = new Map((await lines(stage, 4)).map((line) => [line.path, line]));

    assert.deepEqual(seen.get('/fine'), {
      path: '/fine',
      status: 200,
      outcome: 'answered',
      slot: 'blue',
      attempts: 1,
    });
    assert.deepEqual([seen.get('/none')!.status, seen.get('/none')!.outcome], [502, 'failed']);
    assert.deepEqual([seen.get('/broken')!.status, seen.get('/broken')!.outcome], [200, 'broken off']);
    assert.deepEqual(seen.get('/refused'), {
      path: '/refused',
      status: 503,
      outcome: 'refused',
      slot: null,
      attempts: 0,
    });
    const plain = await openStage(bench.router, {});
    t.after(plain.close);
    await plain.route({ serve: 'blue' });
    await send({ port: plain.port, path: '/' });
    assert.equal(existsSync(pathOf(plain)), false);
  });

  test('a client that leaves, an upgrade, a preview and an override are told apart', async (t) => {
    const override = { header: 'x-version', allow: { kind: 'networks', networks: ['127.0.0.0/8'] } } as const;
    const stage = await setUp(
      t,
      { ...ALL, fields: ['path', 'status', 'outcome', 'kind', 'slot'] },
      { door: { override } },
    );
    const { port, applications } = stage;
    for (const each of applications.blue) each.on.set('/never', () => {});
    const client = connect(port, '127.0.0.1');
    client.write('GET /never HTTP/1.1\r\nHost: a\r\n\r\n');
    await applications.arrived('/never');
    client.destroy();
    await send({ port, path: '/chosen', headers: { 'x-version': 'green' } });
    const refused = connect(port, '127.0.0.1');
    refused.write('GET /plain HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: nothing\r\n\r\n');
    await once(refused, 'data');
    refused.destroy();

    const seen = new Map((await lines(stage, 3)).map((line) => [line.path, line]));

    assert.deepEqual(seen.get('/never'), {
      path: '/never',
      status: null,
      outcome: 'client left',
      kind: null,
      slot: 'blue',
    });
    assert.deepEqual([seen.get('/chosen')!.kind, seen.get('/chosen')!.slot], ['override', 'green']);
    assert.equal(seen.get('/plain')!.outcome, 'answered');
  });

  test('an upgraded connection is said at its end, and an event stream with all its bytes', async (t) => {
    const stage = await setUp(t, { ...ALL, fields: ['path', 'status', 'outcome', 'bytes', 'ms'] });
    const { port, applications } = stage;
    for (const each of applications.blue) {
      each.server.on('upgrade', (_req, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
        socket.on('error', () => {}).pipe(socket);
      });
      each.on.set('/events', (_req, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.write('data: 1\n\n');
        setTimeout(() => res.end('data: 2\n\n'), 30);
      });
    }
    const client = connect(port, '127.0.0.1');
    client.write('GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    await once(client, 'data');
    client.write('hello');
    await once(client, 'data');
    await send({ port, path: '/events' });
    const first = await lines(stage, 1);
    assert.deepEqual(
      first.map((line) => [line.path, line.status, line.outcome, line.bytes]),
      [['/events', 200, 'answered', 18]],
      'the tunnel still stands',
    );
    client.destroy();

    const tunnel = (await lines(stage, 2)).find((line) => line.path === '/tunnel')!;

    assert.deepEqual([tunnel.status, tunnel.outcome, tunnel.bytes], [101, 'answered', 0]);
    assert.ok(Number(tunnel.ms) >= Number(first[0]!.ms), `${tunnel.ms}`);
  });

  test('requests of HTTP/2 are said like any others, those that were taken back too', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'bascule-access-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const tls = [makeCertificate(folder, 'shop', ['shop.test'])];
    const stage = await setUp(
      t,
      { ...ALL, fields: ['scheme', 'host', 'path', 'status', 'bytes', 'outcome', 'slot'] },
      { proxy: { tls } },
    );
    const session = await openSession(stage.port);
    t.after(() => session.destroy());
    const { body } = await ask(session, { ':path': '/two?q=1', ':authority': 'shop.test' });
    const left = session.request({ ':path': '/slow?20000', ':authority': 'shop.test' });
    left.on('error', () => {});
    await stage.applications.arrived('/slow');
    left.close(constants.NGHTTP2_CANCEL);

    const seen = new Map((await lines(stage, 2)).map((line) => [line.path, line]));

    const shared = { scheme: 'https', host: 'shop.test', slot: 'blue' };
    assert.deepEqual(seen.get('/two'), {
      ...shared,
      path: '/two',
      status: 200,
      bytes: body.length,
      outcome: 'answered',
    });
    assert.deepEqual(seen.get('/slow'), {
      ...shared,
      path: '/slow',
      status: null,
      bytes: 0,
      outcome: 'client left',
    });
  });

  test('of a sample what failed is all there', async (t) => {
    const stage = await setUp(t, { ...ALL, fields: ['path', 'status'], samplePercent: 10 });
    for (const each of stage.applications.blue)
      each.on.set('/bad', (_req, res) => {
        res.writeHead(500);
        res.end();
      });
    for (let i = 0; i < 400; i += 1) await stage.get('/good');
    for (let i = 0; i < 20; i += 1) await stage.get('/bad');

    const seen = await waitFor(
      async () => linesIn(pathOf(stage)),
      (all) => all.filter(({ status }) => status === 500).length === 20,
    );

    // Beyond seven standard deviations of 400 draws at 10 %.
    const good = seen.filter(({ status }) => status === 200).length;
    assert.ok(good > 0 && good < 85, `${good}`);
  });

  test('the files stay within their bound, and each line is whole', async (t) => {
    const stage = await setUp(t, { ...ALL, fields: ['path', 'time'], headers: ['x-long'] });
    const headers = { 'x-long': 'x'.repeat(2000) };
    const path = pathOf(stage);
    for (let round = 0; round < 8; round += 1) {
      for (let i = 0; i < 100; i += 1) await stage.get(`/${round}/${i}`, headers);
      await waitFor(
        async () => [path, `${path}.1`].flatMap(linesIn),
        (seen) => seen.some((line) => line.path === `/${round}/99`),
      );
    }

    // The current one is not there between being put aside and the next line.
    const kept = [path, `${path}.1`].reduce(
      (bytes, each) => bytes + (statSync(each, { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
    assert.ok(kept <= MIB, `${kept}`);
    const seen = [`${path}.1`, path].flatMap(linesIn);
    assert.equal(seen.filter((line) => 'dropped' in line).length, 0);
    // What is there is the end of what was asked, without a gap.
    const asked = Array.from({ length: 800 }, (_, i) => `/${Math.floor(i / 100)}/${i % 100}`);
    assert.ok(seen.length >= 100 && seen.length < 700, `${seen.length}`);
    assert.deepEqual(
      seen.map((line) => line.path),
      asked.slice(-seen.length),
    );
  });

  test('a log that cannot be written costs lines, which are counted, and no request', async (t) => {
    const stage = await setUp(t, { ...ALL, fields: ['path'] });
    const path = pathOf(stage);
    mkdirSync(path, { recursive: true });
    for (let i = 0; i < 5; i += 1) assert.equal((await stage.get('/lost')).status, 200);
    await waitFor(
      async () => readFileSync(join(bench.stateDir, 'proxy.log'), 'utf8').includes(path),
      Boolean,
    );

    rmSync(path, { recursive: true });
    writeFileSync(path, '', { mode: 0o600 });
    await stage.get('/kept');
    const seen = await lines(stage, 2);

    assert.equal(seen.filter((line) => line.path === '/kept').length, 1);
    const dropped = seen.reduce((sum, line) => sum + Number(line.dropped ?? 0), 0);
    assert.equal(dropped + seen.filter((line) => line.path === '/lost').length, 5);
    assert.ok(dropped > 0);
  });

  test('what waits is written when the proxy is stopped', async (t) => {
    const own = await openBuiltin(1);
    const stage = await openStage(own.router, {}, undefined, {
      kind: 'builtin',
      accessLog: { ...ALL, fields: ['path'] },
    });
    t.after(async () => {
      for (const each of [...stage.applications.blue, ...stage.applications.green]) await each.close();
      rmSync(own.stateDir, { recursive: true, force: true });
    });
    await stage.route({ serve: 'blue' });
    await send({ port: stage.port, path: '/last' });

    await own.router.stopProxy(1000);

    const path = join(own.stateDir, 'access', `${stage.door.service}.log`);
    assert.deepEqual(linesIn(path), [{ path: '/last' }]);
  });
});
