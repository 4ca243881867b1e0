import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { type Http2Server, type ServerHttp2Session, type ServerHttp2Stream, createServer } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { onSocket } from '../../lib/address.ts';
import { type Upstream, onAddress } from '../../lib/upstream.ts';
import { freePort, send, sum, waitFor } from '../conformance.ts';
import type { TrafficBatch } from '../counts.ts';
import type { Door, Route } from '../router.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';

type H2cHandler = (stream: ServerHttp2Stream, headers: Record<string, string>) => void;

/** An application that speaks HTTP/2 in the clear and nothing else. */
class H2cApplication {
  readonly sessions = new Set<ServerHttp2Session>();
  readonly on = new Map<string, H2cHandler>();
  readonly name: string;
  opened = 0;
  healthy = true;
  port = 0;
  #socket: string | null = null;
  #server: Http2Server;

  constructor(name: string, maxStreams = 100) {
    this.name = name;
    this.#server = createServer({ settings: { maxConcurrentStreams: maxStreams } });
    this.#server.on('session', (session) => {
      this.sessions.add(session);
      session.on('close', () => this.sessions.delete(session));
      session.on('error', () => {});
    });
    this.#server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      const path = String(headers[':path']);
      if (path === '/healthz') {
        stream.respond({ ':status': this.healthy ? 200 : 503 });
        stream.end();
        return;
      }
      this.opened += 1;
      const handler = this.on.get(path.split('?')[0]!);
      if (handler === undefined) {
        stream.respond({ ':status': 200 });
        stream.end(this.name);
      } else handler(stream, headers as Record<string, string>);
    });
  }

  async listen(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async listenOn(path: string): Promise<void> {
    this.#server.listen(path);
    await once(this.#server, 'listening');
    this.#socket = path;
  }

  get address(): Upstream {
    const { port } = this;
    return onAddress(this.#socket === null ? { host: '127.0.0.1', port } : onSocket(this.#socket));
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const session of this.sessions) session.destroy();
    await closed;
  }
}

describe('an application that speaks h2c', () => {
  let bench: BuiltinBench;
  let door: Door;
  const blue = [new H2cApplication('blue-0'), new H2cApplication('blue-1', 4)];
  const green = [new H2cApplication('green-0')];
  const folder = mkdtempSync(join(tmpdir(), 'bascule-h2c-'));
  let revision = 0;

  before(async () => {
    bench = await openBuiltin(1);
    await Promise.all(blue.map((each) => each.listen()));
    // One slot on a unix socket: it is HTTP/2 there as well.
    await green[0]!.listenOn(join(folder, 'green.sock'));
    const health = { path: '/healthz', intervalMs: 100, timeoutMs: 400, rise: 2, fall: 2 };
    door = {
      service: 'shop',
      spec: {
        listen: { address: '127.0.0.1', port: await freePort() },
        host: null,
        path: '/',
        proxy: { kind: 'builtin', protocol: 'h2c' },
        drainMs: 2000,
        streamGraceMs: 1000,
        trustForwarded: false,
        maxBodyBytes: null,
      },
      health: { blue: health, green: health },
      sticky: { by: 'none' },
      salt: '00112233445566778899aabbccddeeff',
      slots: { blue: blue.map((each) => each.address), green: green.map((each) => each.address) },
      preview: null,
    };
    await bench.router.install(door);
    await route({ serve: 'blue' });
  });
  after(async () => {
    await bench.close();
    await Promise.all([...blue, ...green].map((each) => each.close()));
    rmSync(folder, { recursive: true });
  });

  test('what listens on a unix socket is asked there', async () => {
    await route({ serve: 'green' });

    const { status, body } = await send({ port: door.spec.listen.port, path: '/' });

    assert.deepEqual([status, body], [200, 'green-0']);
    await route({ serve: 'blue' });
  });

  async function route(part: Partial<Route>): Promise<void> {
    revision += 1;
    const replicas = { blue: 2, green: 1 };
    await bench.router.apply({
      service: 'shop',
      revision,
      serve: null,
      split: null,
      standIn: true,
      replicas,
      ...part,
    });
    await waitFor(
      () => bench.router.observe('shop'),
      ({ slots }) => [...slots.blue.replicas, ...slots.green.replicas].every(({ healthy }) => healthy),
    );
  }

  function on(path: string, handler: H2cHandler): void {
    for (const application of [...blue, ...green]) application.on.set(path, handler);
  }

  function get(path: string, more: Partial<Parameters<typeof send>[0]> = {}) {
    return send({ port: door.spec.listen.port, path, ...more });
  }

  /** Behind all that was asked before. */
  async function freshCursor(): Promise<string> {
    const { upToSecond } = await bench.router.traffic('shop', null);
    const { cursor } = await waitFor(
      () => bench.router.traffic('shop', null),
      (batch) => batch.upToSecond > upToSecond + 1,
    );
    return cursor;
  }

  async function counted(is: (batch: TrafficBatch) => boolean, cursor: string): Promise<TrafficBatch> {
    return waitFor(() => bench.router.traffic('shop', cursor), is);
  }

  test('a request of HTTP/1.1 is served, and its head arrives as HTTP/2 has it', async () => {
    on('/reflect', (stream, headers) => {
      stream.respond({ ':status': 200, 'content-type': 'application/json' });
      stream.end(JSON.stringify(headers));
    });
    const answer = await get('/reflect?a=%20b', {
      headers: { host: 'shop.test', 'X-One': ['1', '2'], connection: 'x-hop', 'x-hop': '1' },
    });
    const headers = JSON.parse(answer.body) as Record<string, string>;

    assert.equal(headers[':path'], '/reflect?a=%20b');
    assert.equal(headers[':authority'], 'shop.test');
    assert.equal(headers['x-one'], '1, 2');
    assert.equal(headers['x-forwarded-proto'], 'http');
    for (const name of ['connection', 'x-hop', 'transfer-encoding', 'host'])
      assert.equal(headers[name], undefined, name);
  });

  test('bodies go both ways, of a known length and in chunks', async () => {
    on('/echo', (stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const body = Buffer.alloc(3_000_000, 'bascule').toString();

    assert.equal(
      (await get('/echo', { method: 'POST', body, headers: { 'content-length': String(body.length) } })).body,
      body,
    );
    assert.equal(
      (await get('/echo', { method: 'POST', body, headers: { 'transfer-encoding': 'chunked' } })).body,
      body,
    );
    assert.equal((await get('/echo', { method: 'POST' })).body, '');
  });

  test('trailers of the answer are passed on', async () => {
    on('/trailers', (stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }));
      stream.end('body');
    });
    const answer = await get('/trailers');

    assert.deepEqual([answer.body, answer.trailers['x-sum']], ['body', '7']);
  });

  test('many requests share a connection, and no more of them than the application takes', async () => {
    on('/slow', (stream) => {
      setTimeout(() => {
        if (stream.destroyed) return;
        stream.respond({ ':status': 200 });
        stream.end('slow');
      }, 100);
    });
    const answers = await Promise.all(Array.from({ length: 60 }, () => get('/slow')));

    assert.ok(answers.every(({ status }) => status === 200));
    assert.ok(blue[0]!.sessions.size <= 8, `${blue[0]!.sessions.size} connections`);
    assert.ok(blue[1]!.sessions.size <= 9, `${blue[1]!.sessions.size} connections`);
  });

  test('a client that leaves takes its request back', async () => {
    const closed = Promise.withResolvers<number>();
    on('/left', (stream) => stream.on('close', () => closed.resolve(stream.rstCode)));
    const socket = connect(door.spec.listen.port, '127.0.0.1');
    socket.write('GET /left HTTP/1.1\r\nHost: a\r\n\r\n');
    setTimeout(() => socket.destroy(), 100);

    assert.equal(await closed.promise, 8, 'CANCEL');
  });

  for (const [how, end] of [
    ['resets an answer under way', (stream: ServerHttp2Stream) => stream.destroy(new Error('broken'))],
    ['loses its connection', (stream: ServerHttp2Stream) => stream.session!.destroy()],
  ] as const) {
    test(`an application that ${how} does not look as if it had ended`, async () => {
      on('/breaks', (stream) => {
        stream.respond({ ':status': 200 });
        stream.write('half');
        setTimeout(() => end(stream), 50);
      });

      await assert.rejects(get('/breaks'));
    });
  }

  test('a reset in place of an answer is 502, and counted as a failed connection', async () => {
    const cursor = await freshCursor();
    on('/resets', (stream) => stream.close(2));

    assert.equal((await get('/resets', { method: 'POST', body: 'x' })).status, 502);
    await counted(
      ({ replicas }) => sum(replicas, 'blue', ({ classes }) => classes.connectFailure) === 1,
      cursor,
    );
  });

  test('what a replica refuses before it began goes to another one', async () => {
    blue[0]!.on.set('/refuses', (stream) => stream.close(7));
    blue[1]!.on.set('/refuses', (stream) => {
      stream.respond({ ':status': 200 });
      stream.end('taken');
    });
    for (let i = 0; i < 4; i += 1) assert.equal((await get('/refuses', { method: 'GET' })).body, 'taken');
  });

  test('a replica that closes its connections loses no request', async () => {
    const over = new AbortController();
    const failures: string[] = [];
    const callers = Array.from({ length: 4 }, async () => {
      while (!over.signal.aborted) {
        const { status, body } = await get('/');
        if (status !== 200) failures.push(body);
      }
    });
    for (let i = 0; i < 20; i += 1) {
      for (const session of [...blue[0]!.sessions, ...blue[1]!.sessions]) session.close();
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    over.abort();
    await Promise.all(callers);

    assert.deepEqual(failures, []);
  });

  test('health is asked over h2c, and a replica that is not well is not chosen', async () => {
    blue[0]!.healthy = false;
    await waitFor(
      () => bench.router.observe('shop'),
      ({ slots }) => slots.blue.replicas[0]?.healthy === false,
    );
    for (let i = 0; i < 10; i += 1) assert.equal((await get('/')).body, 'blue-1');
    blue[0]!.healthy = true;
    await route({ serve: 'blue' });
  });

  test('a replica that is gone is another’s turn, and is found again', async () => {
    const { port } = blue[0]!;
    await blue[0]!.close();
    for (let i = 0; i < 10; i += 1) assert.equal((await get('/')).status, 200);
    blue[0] = new H2cApplication('blue-0');
    await blue[0].listen(port);
    await route({ serve: 'blue' });
    await waitFor(
      async () => (await get('/')).body,
      (body) => body === 'blue-0',
    );
  });

  test('switches lose no request', async () => {
    const over = new AbortController();
    const failures: number[] = [];
    const callers = Array.from({ length: 4 }, async () => {
      while (!over.signal.aborted) {
        const { status } = await get('/');
        if (status !== 200) failures.push(status);
      }
    });
    for (let i = 0; i < 20; i += 1) await route({ serve: i % 2 === 0 ? 'green' : 'blue' });
    over.abort();
    await Promise.all(callers);

    assert.deepEqual(failures, []);
  });

  test('an upgrade is refused with 501', async () => {
    const headers = { connection: 'upgrade', upgrade: 'websocket' };
    const req = request({ port: door.spec.listen.port, headers });
    req.end();
    const [response] = (await once(req, 'response')) as [IncomingMessage];
    response.resume();

    assert.equal(response.statusCode, 501);
  });
});
