import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { type Socket, connect } from 'node:net';
import { type TestContext, after, before, describe, test } from 'node:test';
import { type Timeouts, USUAL_LIMITS, USUAL_TIMEOUTS } from '../../release/resilience.ts';
import type { BuiltinProxy } from '../../release/service.ts';
import { type Handler, type Stage, openStage, send } from '../conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';

/** All end by themselves within some seconds; what does not is found by this. */
const PATIENCE_MS = 30_000;
const SILENT: Handler = () => {};

describe('patience of the built-in proxy by the file', { concurrency: true }, () => {
  let bench: BuiltinBench;

  before(async () => {
    bench = await openBuiltin();
  });
  after(async () => bench.close());

  async function setUp(t: TestContext, timeouts: Partial<Timeouts>, more: Partial<BuiltinProxy> = {}) {
    const stage = await openStage(bench.router, {}, undefined, {
      kind: 'builtin',
      timeouts: { ...USUAL_TIMEOUTS, ...timeouts },
      ...more,
    });
    t.after(stage.close);
    await stage.route({ serve: 'blue' });
    return stage;
  }

  test(
    'an application that says nothing has timed out after response-head',
    { timeout: PATIENCE_MS },
    async (t) => {
      const stage = await setUp(t, { responseHeadMs: 1000 });
      onBlue(stage, '/silent', SILENT);
      const { cursor } = await bench.router.traffic(stage.door.service, null);

      const answer = await send({ port: stage.port, path: '/silent' });

      assert.equal(answer.status, 504);
      assert.equal((await classes(stage, cursor)).timeout, 1);
    },
  );

  test('an answer that stops is broken off after response-idle', { timeout: PATIENCE_MS }, async (t) => {
    const stage = await setUp(t, { responseIdleMs: 1000 });
    onBlue(stage, '/stops', (_req, res) => void res.writeHead(200, { 'content-length': 10 }).write('half'));
    const { cursor } = await bench.router.traffic(stage.door.service, null);

    await assert.rejects(send({ port: stage.port, path: '/stops' }));

    assert.equal((await classes(stage, cursor)).timeout, 1);
  });

  test(
    'a body that does not come is 408 after request-idle, and the client’s doing',
    { timeout: PATIENCE_MS },
    async (t) => {
      const stage = await setUp(t, { requestIdleMs: 1000 });
      onBlue(stage, '/upload', (req) => void req.resume());
      const { cursor } = await bench.router.traffic(stage.door.service, null);
      const req = request({
        port: stage.port,
        path: '/upload',
        method: 'POST',
        headers: { 'content-length': 10 },
      });
      req.write('half');

      const [res] = (await once(req, 'response')) as [{ statusCode: number }];
      req.on('error', () => {}).destroy();

      assert.equal(res.statusCode, 408);
      assert.equal((await classes(stage, cursor)).clientAbort, 1);
    },
  );

  test(
    'an answer that moves on and on has an end where the file gives it one',
    { timeout: PATIENCE_MS },
    async (t) => {
      const stage = await setUp(t, { requestMs: 1000 });
      onBlue(stage, '/endless', (_req, res) => {
        const timer = setInterval(() => res.write('more'), 50);
        res.on('close', () => clearInterval(timer));
      });
      const { cursor } = await bench.router.traffic(stage.door.service, null);

      await assert.rejects(send({ port: stage.port, path: '/endless' }));

      assert.equal((await classes(stage, cursor)).timeout, 1);
    },
  );

  test('an event stream outlasts it', { timeout: PATIENCE_MS }, async (t) => {
    const stage = await setUp(t, { requestMs: 1000, responseIdleMs: 1000 });
    onBlue(stage, '/events', (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      setTimeout(() => res.end('data: late\n\n'), 3500);
    });

    assert.match((await send({ port: stage.port, path: '/events' })).body, /late/);
  });

  test(
    'an upgraded connection ends after upgraded-idle, and not while it moves',
    { timeout: PATIENCE_MS },
    async (t) => {
      const stage = await setUp(t, { upgradedIdleMs: 1000 });
      for (const each of stage.applications.blue)
        each.server.on('upgrade', (_req, socket) => {
          socket.on('error', () => {});
          socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
          socket.pipe(socket);
        });
      const socket = connect(stage.port, '127.0.0.1');
      let bytes = 0;
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      const talking = setInterval(() => socket.write('x'), 100);
      const beganMs = performance.now();
      setTimeout(() => clearInterval(talking), 3000);

      await once(socket, 'close');

      assert.ok(performance.now() - beganMs >= 3000, 'it was cut while it moved');
      assert.ok(bytes > 10);
    },
  );

  test(
    'a client that does not finish its head gets 408 after request-head',
    { timeout: PATIENCE_MS },
    async (t) => {
      const stage = await setUp(t, { requestHeadMs: 1000 });

      const said = await heard(connect(stage.port, '127.0.0.1'), 'GET / HTTP/1.1\r\nHost: a\r\nX-');

      assert.match(said, /^HTTP\/1\.1 408 /);
    },
  );

  test('an idle connection is closed after keep-alive', { timeout: PATIENCE_MS }, async (t) => {
    const stage = await setUp(t, { keepAliveMs: 1000 });

    const said = await heard(connect(stage.port, '127.0.0.1'), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');

    assert.match(said, /^HTTP\/1\.1 200 /);
  });

  test(
    'a head as large as the file lets it be passes, a larger one is 431',
    { timeout: PATIENCE_MS },
    async (t) => {
      const stage = await setUp(t, {}, { limits: { ...USUAL_LIMITS, maxHeadBytes: 32_768 } });
      for (const each of stage.applications.blue) Object.assign(each.server, { maxHeaderSize: 65_536 });
      const statusFor = async (bytes: number): Promise<number> =>
        (await send({ port: stage.port, path: '/', headers: { 'x-large': 'x'.repeat(bytes) } })).status;

      assert.equal(await statusFor(30_000), 200);
      assert.equal(await statusFor(33_000), 431);
    },
  );

  test(
    'connections past the bound are closed at once, and others go on',
    { timeout: PATIENCE_MS },
    async (t) => {
      const stage = await setUp(t, {}, { limits: { ...USUAL_LIMITS, maxConnections: 64 } });
      const open: Socket[] = [];
      t.after(() => open.forEach((each) => each.destroy()));
      for (let i = 0; i < 64; i += 1) {
        const socket = connect(stage.port, '127.0.0.1');
        socket.on('error', () => {});
        socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await once(socket, 'data');
        open.push(socket);
      }

      await assert.rejects(send({ port: stage.port, path: '/' }));
      open[0]!.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const [again] = (await once(open[0]!, 'data')) as [Buffer];

      assert.match(String(again), /^HTTP\/1\.1 200 /);
    },
  );

  test('a change of them takes hold without a new listener', { timeout: PATIENCE_MS }, async (t) => {
    const stage = await setUp(t, {});
    const proxy: BuiltinProxy = {
      kind: 'builtin',
      timeouts: { ...USUAL_TIMEOUTS, keepAliveMs: 1000, responseHeadMs: 1000 },
    };
    onBlue(stage, '/silent', SILENT);

    await bench.router.install({ ...stage.door, spec: { ...stage.door.spec, proxy } });

    assert.equal((await send({ port: stage.port, path: '/silent' })).status, 504);
    assert.match(await heard(connect(stage.port, '127.0.0.1'), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), / 200 /);
  });

  test('services that share a listener have to agree on what is the listener’s', async (t) => {
    const stage = await setUp(t, { keepAliveMs: 10_000 });
    const other = (timeouts: Partial<Timeouts>) => ({
      ...stage.door,
      service: `${stage.door.service}-other`,
      spec: {
        ...stage.door.spec,
        host: 'other.test',
        proxy: { kind: 'builtin' as const, timeouts: { ...USUAL_TIMEOUTS, ...timeouts } },
      },
    });

    await assert.rejects(bench.router.install(other({})), /have the same request-head, keep-alive/);
    await bench.router.install(other({ keepAliveMs: 10_000, connectMs: 1000 }));
    await bench.router.remove(`${stage.door.service}-other`);
  });
});

/** Says something and nothing more; all that comes until the other side closes. */
async function heard(socket: Socket, text: string): Promise<string> {
  let said = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    said += chunk;
  });
  socket.on('error', () => {});
  socket.write(text);
  await once(socket, 'close');
  return said;
}

function onBlue({ applications }: Stage, path: string, handler: Handler): void {
  for (const each of applications.blue) each.on.set(path, handler);
}

async function classes(stage: Stage, cursor: string) {
  const rows = await stage.counted(cursor, (seen) => seen.some(({ attempts }) => attempts > 0));
  const total = { serverError: 0, timeout: 0, clientAbort: 0, connectFailure: 0 };
  for (const row of rows)
    for (const each of Object.keys(total) as (keyof typeof total)[]) total[each] += row.classes[each];
  return total;
}
