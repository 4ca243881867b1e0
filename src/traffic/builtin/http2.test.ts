import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, type OutgoingHttpHeaders, constants } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { type Handler, type Stage, openStage, sum, waitFor } from '../conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';
import { FRAME, HELLO, ask, frame, headFrame, openSession, replyOn, resetFrame } from './http2-fixture.ts';
import { makeCertificate, secureSend, shake } from './tls-fixture.ts';

type Seen = {
  method: string;
  url: string;
  raw: string[];
  headers: Record<string, string>;
  body: string;
  trailers: object;
};

describe('HTTP/2 to clients', () => {
  let bench: BuiltinBench;
  let folder: string;
  let stage: Stage;
  /** Asked by the tests that count. */
  let counted: Stage;
  const sessions: ClientHttp2Session[] = [];

  before(async () => {
    bench = await openBuiltin(1);
    folder = mkdtempSync(join(tmpdir(), 'bascule-h2-'));
    const files = makeCertificate(folder, 'shop', ['127.0.0.1']);
    stage = await openStage(bench.router, {}, undefined, { kind: 'builtin', tls: [files] });
    await stage.route({ serve: 'blue' });
    counted = await openStage(bench.router, {}, undefined, { kind: 'builtin', tls: [files] });
    await counted.route({ serve: 'blue' });
    on('/reflect', (req, res) => {
      let body = '';
      req.setEncoding('latin1');
      req.on('data', (chunk: string) => (body += chunk));
      req.on('end', () => {
        const { method, url, rawHeaders: raw, headers, trailers } = req;
        res.end(JSON.stringify({ method, url, raw, headers, body, trailers }));
      });
    });
  });
  afterEach(() => {
    for (const session of sessions.splice(0)) session.destroy();
  });
  after(async () => {
    await Promise.all([stage.close(), counted.close()]);
    await bench.close();
    rmSync(folder, { recursive: true });
  });

  function on(path: string, handler: Handler): void {
    for (const application of [...stage.applications.blue, ...stage.applications.green])
      application.on.set(path, handler);
  }

  async function session(
    ...options: Parameters<typeof openSession> extends [unknown, ...infer R] ? R : never
  ) {
    const opened = await openSession(stage.port, ...options);
    sessions.push(opened);
    return opened;
  }

  async function reflected(headers: OutgoingHttpHeaders = {}, body?: string): Promise<Seen> {
    const reply = await ask(await session(), { ':path': '/reflect', ...headers }, body);
    assert.equal(reply.status, 200, reply.body);
    return JSON.parse(reply.body) as Seen;
  }

  test('a request is served as one of HTTP/1.1 to the application', async () => {
    const seen = await reflected({ ':path': '/reflect?a=%20&&b', ':authority': 'shop.test:1', 'x-one': 'é' });

    assert.equal(seen.url, '/reflect?a=%20&&b');
    assert.equal(seen.headers.host, 'shop.test:1');
    assert.equal(seen.headers['x-forwarded-proto'], 'https');
    assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen.headers['x-one'], 'é');
    assert.deepEqual(
      seen.raw.filter((name) => name.startsWith(':')),
      [],
    );
    assert.equal(seen.headers['transfer-encoding'], undefined);
  });

  test('cookies that come apart are joined, and ours is kept from the application', async () => {
    const id = '0123456789abcdef0123456789abcdef';
    const seen = await reflected({ cookie: ['a=1', `bascule_id=${id}`, 'b=2'] });

    assert.equal(seen.headers.cookie, 'a=1; b=2');
  });

  test('a new visitor gets the cookie, Secure; one who has it gets none', async () => {
    const open = await session();
    const first = await ask(open);
    const cookie = String(first.headers['set-cookie']);

    assert.match(cookie, /^bascule_id=[0-9a-f]{32};.*; Secure$/);
    const again = await ask(open, { cookie: cookie.split(';')[0]! });
    assert.equal(again.headers['set-cookie'], undefined);
  });

  test('bodies of a known and of an unknown length, and of none', async () => {
    const known = await reflected({ ':method': 'POST', 'content-length': '3' }, 'abc');
    const unknown = await reflected({ ':method': 'POST' }, 'abcd');
    const none = await reflected({ ':method': 'POST' });

    assert.deepEqual([known.body, known.headers['content-length']], ['abc', '3']);
    assert.deepEqual([unknown.body, unknown.headers['transfer-encoding']], ['abcd', 'chunked']);
    assert.deepEqual([none.body, none.headers['content-length']], ['', '0']);
  });

  test('trailers pass both ways', async () => {
    on('/trailers', (req, res) => {
      res.writeHead(200, { trailer: 'x-sum' });
      req.on('end', () => {
        res.write('body');
        res.addTrailers({ 'X-Sum': `seen ${req.trailers['x-up'] as string}` });
        res.end();
      });
      req.resume();
    });
    const stream = (await session()).request(
      { ':path': '/trailers', ':method': 'POST' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-up': 'up' }));
    stream.end('x');
    const reply = await replyOn(stream);

    assert.equal(reply.body, 'body');
    assert.equal(reply.trailers['x-sum'], 'seen up');
  });

  test('HEAD, 204, 304 and an empty answer have no body and end', async () => {
    const open = await session();
    on('/length', (_req, res) => res.writeHead(200, { 'content-length': '5' }).end('12345'));
    const head = await ask(open, { ':path': '/length', ':method': 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '5', '']);
    for (const status of [204, 304])
      assert.equal((await ask(open, { ':path': `/status/${status}` })).status, status);
    on('/empty', (_req, res) => res.end());
    assert.equal((await ask(open, { ':path': '/empty' })).body, '');
    const absent = await ask(open, { ':path': '/', ':method': 'HEAD', ':authority': 'a', host: 'b' });
    assert.deepEqual([absent.status, absent.body], [400, '']);
  });

  test('what belongs to a connection of HTTP/1.1 does not come out', async () => {
    on('/hop', (_req, res) =>
      res
        .writeHead(200, { connection: 'x-hop, close', 'x-hop': '1', 'keep-alive': 'timeout=5', 'x-end': '1' })
        .end('x'),
    );
    const { headers } = await ask(await session(), { ':path': '/hop' });

    assert.equal(headers['x-end'], '1');
    for (const name of ['connection', 'keep-alive', 'x-hop', 'transfer-encoding'])
      assert.equal(headers[name], undefined);
    assert.ok(headers.date);
  });

  test('a large upload and a large download arrive whole', async () => {
    const bytes = Buffer.alloc(8_000_000, 'bascule');
    on('/echo', (req, res) => req.pipe(res));
    const reply = await ask(await session(), { ':path': '/echo', ':method': 'POST' }, bytes);

    assert.equal(
      createHash('sha256').update(reply.body).digest('hex'),
      createHash('sha256').update(bytes).digest('hex'),
    );
  });

  test('a client that reads nothing holds the application up, and other streams go on', async () => {
    let written = 0;
    on('/endless', (_req, res) => {
      const chunk = Buffer.alloc(65_536);
      const more = (): void => {
        while (written < 200_000_000) {
          written += chunk.length;
          if (!res.write(chunk)) return void res.once('drain', more);
        }
      };
      more();
    });
    const open = await session();
    const stream = open.request({ ':path': '/endless' });
    await once(stream, 'response');
    stream.pause();
    for (let before = -1; before !== written; await new Promise((resolve) => setTimeout(resolve, 300)))
      before = written;

    // Windows, socket buffers of both hops, and what the streams hold.
    assert.ok(written < 24_000_000, `${written} bytes`);
    assert.equal((await ask(open)).status, 200);
    stream.close(constants.NGHTTP2_CANCEL);
  });

  test('an application that reads nothing holds the client up', async () => {
    on('/deaf', (req) => void req.pause());
    const open = await session();
    const stream = open.request({ ':path': '/deaf', ':method': 'POST' });
    stream.on('error', () => {});
    let sent = 0;
    const chunk = Buffer.alloc(65_536);
    const more = (): void => {
      while (sent < 200_000_000 && !stream.destroyed) {
        sent += chunk.length;
        if (!stream.write(chunk)) return void stream.once('drain', more);
      }
    };
    more();
    for (let before = -1; before !== sent; await new Promise((resolve) => setTimeout(resolve, 300)))
      before = sent;

    assert.ok(sent < 24_000_000, `${sent} bytes`);
    assert.equal((await ask(open)).status, 200);
    stream.close(constants.NGHTTP2_CANCEL);
  });

  for (const code of ['NGHTTP2_CANCEL', 'NGHTTP2_NO_ERROR'] as const) {
    test(`an upload that is reset with ${code} does not look complete to the application`, async () => {
      const half = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<string>();
      on('/cut', (req) => {
        req.once('data', () => half.resolve());
        req.on('end', () => ended.resolve('complete'));
        req.on('close', () => ended.resolve('cut'));
        req.on('error', () => ended.resolve('cut'));
      });
      const socket = await shake(stage.port, { ALPNProtocols: ['h2'] });
      socket.on('error', () => {});
      socket.write(
        Buffer.concat([HELLO, headFrame(1, 'POST', '/cut'), frame(FRAME.data, 1, Buffer.from('half'))]),
      );
      await half.promise;

      socket.write(resetFrame(1, constants[code]));

      assert.equal(await ended.promise, 'cut');
      socket.destroy();
    });
  }

  test('a reset reaches the application, and is counted as the client’s', async () => {
    const { cursor } = await bench.router.traffic(counted.door.service, null);
    const arrived = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    for (const application of counted.applications.blue) {
      application.on.set('/left', (_req, res) => {
        arrived.resolve();
        res.on('close', () => left.resolve());
      });
    }
    const open = await openSession(counted.port);
    const stream = open.request({ ':path': '/left' });
    stream.on('error', () => {});
    await arrived.promise;
    stream.close(constants.NGHTTP2_CANCEL);
    await left.promise;
    open.destroy();

    const counts = await counted.counted(cursor, (all) => sum(all, 'blue', ({ requests }) => requests) === 1);
    assert.equal(
      sum(counts, 'blue', ({ classes }) => classes.clientAbort),
      1,
    );
  });

  test('an application that breaks off does not look like the end', async () => {
    on('/breaks', (_req, res) => {
      res.write('half');
      setTimeout(() => res.destroy(), 30);
    });

    await assert.rejects(ask(await session(), { ':path': '/breaks' }), /code 2|INTERNAL_ERROR/);
  });

  test('a hundred requests of one connection at a time, each counted', async () => {
    const { cursor } = await bench.router.traffic(counted.door.service, null);
    const open = await openSession(counted.port);
    const replies = await Promise.all(Array.from({ length: 100 }, () => ask(open, { ':path': '/slow?100' })));
    open.destroy();

    assert.ok(replies.every(({ status, body }) => status === 200 && body.startsWith('blue-')));
    const counts = await counted.counted(
      cursor,
      (all) => sum(all, 'blue', ({ requests }) => requests) >= 100,
    );
    assert.equal(
      sum(counts, 'blue', ({ classes }) => classes.ok),
      100,
    );
    const latencies = sum(counts, 'blue', ({ latency }) =>
      latency.reduce((all, [, count]) => all + count, 0),
    );
    assert.equal(latencies, 100);
  });

  test('an event stream is passed on unbuffered', async () => {
    on('/events', (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: one\n\n');
    });
    const stream = (await session()).request({ ':path': '/events' });
    const [chunk] = (await once(stream, 'data')) as [Buffer];

    assert.equal(chunk.toString(), 'data: one\n\n');
    stream.close(constants.NGHTTP2_CANCEL);
  });

  test('100 Continue is passed on', async () => {
    const stream = (await session()).request({
      ':path': '/reflect',
      ':method': 'POST',
      expect: '100-continue',
    });
    await once(stream, 'continue');
    stream.end('now');

    assert.equal((JSON.parse((await replyOn(stream)).body) as Seen).body, 'now');
  });

  test('what cannot be said in HTTP/1.1, or in two ways, is refused', async () => {
    const open = await session();
    const status = async (headers: OutgoingHttpHeaders): Promise<number | string> =>
      ask(open, headers).then(
        (reply) => reply.status,
        () => 'reset',
      );

    for (const path of ['/a b', '/a\tb', '/a\u0080', 'a', 'http://b/', '/a#b', '/a\r\nX: 1', ''])
      assert.ok([400, 'reset'].includes(await status({ ':path': path })), JSON.stringify(path));
    for (const host of ['a b', 'a/b', 'u@a', 'a:b', ''])
      assert.ok([400, 'reset'].includes(await status({ ':authority': host })), JSON.stringify(host));
    assert.equal(await status({ ':authority': 'a', host: 'b' }), 400);
    assert.equal(await status({ ':scheme': 'ftp' }), 400);
    assert.equal(await status({ x_forwarded_for: '1' }), 400);
    assert.equal(await status({ ':method': 'OPTIONS', ':path': '*' }), 400);
    assert.equal(
      await status(Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, '1']))),
      431,
    );
    assert.equal(await status({ 'x-long': 'x'.repeat(20_000) }).then((is) => is === 200), false);
    assert.equal((await ask(await session())).status, 200);
  });

  test('CONNECT, for a WebSocket or otherwise, is refused with 405', async () => {
    const stream = (await session()).request({
      ':method': 'CONNECT',
      ':authority': 'a:1',
      ':path': undefined,
      ':scheme': undefined,
    });
    stream.end();

    assert.equal((await replyOn(stream)).status, 405);
  });

  test('opening streams and taking them back ends the connection, and the proxy goes on', async () => {
    const asked = (): number => stage.applications.blue.reduce((all, each) => all + each.asked.length, 0);
    const before = asked();
    const socket = await shake(stage.port, { ALPNProtocols: ['h2'] });
    socket.on('error', () => {});
    // The proxy may close while the flood is still being written: that error is no failure.
    const ended = new Promise((resolve) => socket.resume().once('close', resolve));
    socket.write(HELLO);
    for (let stream = 1; stream < 6000 && !socket.destroyed; stream += 2) {
      socket.write(
        Buffer.concat([headFrame(stream, 'GET', '/slow?1000'), resetFrame(stream, constants.NGHTTP2_CANCEL)]),
      );
      if (stream % 100 === 1) await new Promise((resolve) => setImmediate(resolve));
    }
    await ended;

    assert.ok(asked() - before < 1000, `${asked() - before} requests reached the application`);
    assert.equal((await ask(await session())).status, 200);
  });

  test('floods of PING and SETTINGS end the connection or are borne, and the proxy goes on', async () => {
    for (const flood of [frame(FRAME.ping, 0, Buffer.alloc(8)), frame(FRAME.settings)]) {
      const socket = await shake(stage.port, { ALPNProtocols: ['h2'] });
      socket.on('error', () => {});
      // The answers are never read, so that they would have to be kept.
      socket.pause();
      socket.write(HELLO);
      const block = Buffer.concat(Array.from({ length: 1000 }, () => flood));
      for (let i = 0; i < 400 && !socket.destroyed; i += 1) {
        if (!socket.write(block)) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assert.equal((await ask(await session())).status, 200);
      socket.destroy();
    }
  });

  test('the same port speaks HTTP/1.1 to who asks for it, WebSockets as well', async (t) => {
    assert.equal((await secureSend(stage.port, { path: '/reflect' })).status, 200);
    const socket = await shake(stage.port, { ALPNProtocols: ['http/1.1'] });
    assert.equal(socket.alpnProtocol, 'http/1.1');
    socket.destroy();
    const sockets = stage.applications.blue.map(({ server }) => new WebSocketServer({ server }));
    t.after(() => sockets.forEach((each) => each.close()));
    for (const each of sockets)
      each.on('connection', (client) => client.on('message', (data) => client.send(data)));
    const client = new WebSocket(`wss://127.0.0.1:${stage.port}/ws`, { rejectUnauthorized: false });
    await once(client, 'open');
    client.send('hello');
    const [data] = (await once(client, 'message')) as [Buffer];

    assert.equal(data.toString(), 'hello');
    client.terminate();
  });

  test('switches lose no request of a connection that stays', async () => {
    const open = await session();
    const over = new AbortController();
    const failures: unknown[] = [];
    const bodies = new Set<string>();
    const callers = Array.from({ length: 8 }, async () => {
      while (!over.signal.aborted) {
        const reply = await ask(open, { ':path': '/' }).catch((error: unknown) => ({
          status: 0,
          body: String(error),
        }));
        if (reply.status !== 200) failures.push(reply.body);
        bodies.add(reply.body.split('-')[0]!);
      }
    });
    for (let i = 0; i < 30; i += 1) await stage.route({ serve: i % 2 === 0 ? 'green' : 'blue' });
    over.abort();
    await Promise.all(callers);

    assert.deepEqual(failures, []);
    assert.deepEqual([...bodies].sort(), ['blue', 'green']);
  });

  test('a proxy that stops says goodbye, and lets what has begun end', async () => {
    const other = await openBuiltin(1);
    const files = makeCertificate(folder, 'stop', ['127.0.0.1']);
    const stopping = await openStage(other.router, {}, undefined, { kind: 'builtin', tls: [files] });
    await stopping.route({ serve: 'blue' });
    const open = await openSession(stopping.port);
    const goodbye = once(open, 'goaway');
    const asked = ask(open, { ':path': '/slow?600' });
    await waitFor(async () => stopping.applications.blue.some((each) => each.asked.length > 0), Boolean);

    const stopped = other.router.stopProxy(5000);
    const [code] = (await goodbye) as [number];
    const reply = await asked;
    await stopped;

    assert.equal(code, constants.NGHTTP2_NO_ERROR);
    assert.equal(reply.status, 200);
    await Promise.all(
      [...stopping.applications.blue, ...stopping.applications.green].map((each) => each.close()),
    );
    rmSync(other.stateDir, { recursive: true, force: true });
  });
});
