import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { type Stage, freePort, openStage, send, sum, waitFor } from '../conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';

let bench: BuiltinBench;

before(async () => {
  bench = await openBuiltin(1);
});
after(async () => bench?.close());

/** What a hostile or broken application does with a request, in bytes. */
type Misbehaviour = (request: string, socket: Socket) => void;

/** A service whose only replica answers probes well and everything else as told. */
/** `allowHalfOpen`: an application that does not close its side because the other one has. */
async function rawStage(t: TestContext, misbehave: Misbehaviour, allowHalfOpen = false): Promise<Stage> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      if (text.startsWith('GET /healthz')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      else misbehave(text, socket);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const stage = await openStage(bench.router, {
    slots: { blue: [{ host: '127.0.0.1', port, pathPrefix: '' }], green: [] },
  });
  t.after(async () => {
    await stage.close();
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await bench.router.apply({
    service: stage.door.service,
    revision: 1,
    serve: 'blue',
    split: null,
    replicas: { blue: 1, green: 0 },
    standIn: true,
  });
  await stage.observed((seen) => seen.slots.blue.replicas[0]?.healthy === true);
  return stage;
}

type Talk = {
  readonly socket: Socket;
  /** All that came until it is as wanted or the connection is closed. */
  readonly until: (is: (text: string) => boolean) => Promise<string>;
};

function talk(port: number, bytes: string): Talk {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let ended = false;
  socket.setEncoding('latin1');
  socket.on('error', () => {});
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('close', () => {
    ended = true;
  });
  socket.write(bytes, 'latin1');
  return {
    socket,
    until: async (is) => {
      await waitFor(
        async () => ended || is(text),
        (done) => done,
      );
      return text;
    },
  };
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('what a broken application cannot do', () => {
  let witness: Stage;
  let cursor: string;
  before(async () => {
    witness = await openStage(bench.router, {});
    cursor = (await bench.router.traffic(witness.door.service, null)).cursor;
  });
  after(async () => witness.close());

  const answers: readonly (readonly [name: string, bytes: string, expected: RegExp])[] = [
    [
      'a trailer with a control character does not end the worker',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-a\r\n\r\n2\r\nok\r\n0\r\nx-a: a\u0001b\r\n\r\n',
      /^(HTTP\/1\.1 200|$)(?![^]*\r\n0\r\n)/,
    ],
    [
      'a trailer whose name is none does not end the worker',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx a: b\r\n\r\n',
      /^(HTTP\/1\.1 200|$)(?![^]*\r\n0\r\n)/,
    ],
    [
      'a line feed in a header does not split the answer',
      'HTTP/1.1 200 OK\r\nX-A: 1\nSet-Cookie: admin=1\r\nContent-Length: 2\r\n\r\nok',
      /^HTTP\/1\.1 502/,
    ],
    [
      'nor in the reason',
      'HTTP/1.1 200 O\nSet-Cookie: admin=1\r\nContent-Length: 2\r\n\r\nok',
      /^HTTP\/1\.1 502/,
    ],
    [
      'a space in a header name is no header',
      'HTTP/1.1 200 OK\r\nX A: 1\r\nContent-Length: 2\r\n\r\nok',
      /^HTTP\/1\.1 502/,
    ],
    [
      'a folded header is none',
      'HTTP/1.1 200 OK\r\nX-A: 1\r\n b\r\nContent-Length: 2\r\n\r\nok',
      /^HTTP\/1\.1 502/,
    ],
    [
      'two lengths are none',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
      /^HTTP\/1\.1 502/,
    ],
    ['a negative length is none', 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok', /^HTTP\/1\.1 502/],
    ['a head without end is cut off', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}`, /^HTTP\/1\.1 502/],
    ['status 000 is none', 'HTTP/1.1 000 Nothing\r\nContent-Length: 2\r\n\r\nok', /^HTTP\/1\.1 502/],
    [
      'an unasked 101 is refused',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
      /^HTTP\/1\.1 502/,
    ],
    [
      'a 204 with a length and a body has neither for the client',
      'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello',
      /^HTTP\/1\.1 204 (?![^]*content-length)(?![^]*hello)/i,
    ],
    [
      'a length beside chunks is not passed on',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      /^HTTP\/1\.1 200 (?![^]*content-length)/i,
    ],
  ];
  for (const [name, bytes, expected] of answers) {
    test(name, async (t) => {
      let asked = 0;
      const stage = await rawStage(t, (_request, socket) => {
        asked += 1;
        socket.write(asked === 1 ? bytes : OK, 'latin1');
      });

      const first = talk(stage.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      assert.match(await first.until(() => false), expected);
      assert.equal((await send({ port: stage.port, path: '/' })).body, 'ok');
    });
  }

  test('a flood of interim answers is bounded, and none is passed on unasked', async (t) => {
    const stage = await rawStage(t, (_request, socket) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n'.repeat(5000));
    });
    const { until } = talk(stage.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const text = await until(() => false);
    assert.match(text, /^HTTP\/1\.1 502/);
  });

  test('a 101 whose head has a line feed is refused', async (t) => {
    const stage = await rawStage(t, (_request, socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-A: 1\nSet-Cookie: admin=1\r\n\r\n',
      );
    });
    const { until } = talk(
      stage.port,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
    );
    assert.match(await until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 502/);
  });

  test('and in all of this no worker has ended', async () => {
    const upTo = Math.floor(Date.now() / 1000);
    const { lost } = await witness.batched(cursor, ({ upToSecond }) => upToSecond >= upTo);
    assert.equal(lost, null);
  });
});

describe('what a hostile client cannot do', () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage(bench.router, {});
    for (const each of stage.applications.blue) {
      each.on.set('/reflect', (req, res) => {
        req.resume();
        req.on('end', () => res.end(JSON.stringify({ raw: req.rawHeaders, trailers: req.rawTrailers })));
      });
    }
    await stage.route({ serve: 'blue' });
  });
  after(async () => stage.close());

  async function names(bytes: string): Promise<string[]> {
    const text = await talk(stage.port, bytes).until(() => false);
    assert.match(text, /^HTTP\/1\.1 200/);
    const { raw } = JSON.parse(/\{.*\}/.exec(text)![0]) as { raw: string[] };
    return raw.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
  }

  for (const name of [
    'X_Forwarded_For',
    'X-Forwarded_Proto',
    'Content_Length',
    'Transfer_Encoding',
    'X_Real_IP',
  ]) {
    test(`${name}, which CGI and WSGI take for its twin with dashes, is refused`, async () => {
      const text = await talk(
        stage.port,
        `GET /reflect HTTP/1.1\r\nHost: a\r\n${name}: 6.6.6.6\r\nConnection: close\r\n\r\n`,
      ).until(() => false);
      assert.match(text, /^HTTP\/1\.1 400/);
    });
  }

  test('X-Forwarded-* of any name and X-Real-IP do not pass untrusted', async () => {
    const seen = await names(
      'GET /reflect HTTP/1.1\r\nHost: a\r\nX-Forwarded-Port: 1\r\nX-Forwarded-User: root\r\nX-Forwarded-Prefix: /x\r\nX-Real-IP: 6.6.6.6\r\nX-Forward: stays\r\nConnection: close\r\n\r\n',
    );
    assert.deepEqual(seen.filter((name) => /^x-(real|forward)/.test(name)).toSorted(), [
      'x-forward',
      'x-forwarded-for',
      'x-forwarded-host',
      'x-forwarded-proto',
    ]);
  });

  test('the identity cookie stays with the proxy; all others pass as they came', async () => {
    const id = '0123456789abcdef0123456789abcdef';
    const cases: [sent: string, seen: string | undefined][] = [
      [`bascule_id=${id}`, undefined],
      [`a=1; bascule_id=${id}; b="x=y"`, 'a=1; b="x=y"'],
      ['bascule_id=nonsense;c=3', 'c=3'],
      [`my_bascule_id=${id}`, `my_bascule_id=${id}`],
      ['a=bascule_id', 'a=bascule_id'],
    ];
    for (const [sent, seen] of cases) {
      const answer = await send({ port: stage.port, path: '/reflect', headers: { cookie: sent } });
      const { raw } = JSON.parse(answer.body) as { raw: string[] };
      assert.equal(raw[raw.findIndex((name) => name.toLowerCase() === 'cookie') + 1 || -1], seen);
    }
  });

  test('the identity cookie is Secure where a trusted proxy took the request over TLS, and only there', async (t) => {
    const own = await openStage(bench.router, { spec: { ...stage.door.spec, trustForwarded: true } }, null);
    const door = {
      ...own.door,
      spec: { ...own.door.spec, listen: { address: '127.0.0.1', port: await freePort() } },
    };
    await bench.router.install(door);
    t.after(() => own.close());
    await own.route({ serve: 'blue' });
    assert.match(await cookieOf(door.spec.listen.port, 'https'), /; HttpOnly; SameSite=Lax; Secure$/);
    assert.doesNotMatch(await cookieOf(door.spec.listen.port, 'http'), /Secure/);
    assert.doesNotMatch(await cookieOf(stage.port, 'https'), /Secure/);
  });

  test('a request of HTTP/1.0 without Host reaches the application with one', async () => {
    assert.ok((await names('GET /reflect HTTP/1.0\r\n\r\n')).includes('host'));
  });

  test('trailers that frame, route or name somebody are not passed on', async () => {
    const text = await talk(
      stage.port,
      'POST /reflect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\nHost: b\r\nX-Forwarded-For: 6.6.6.6\r\nX-Sum: 1\r\n\r\n',
    ).until(() => false);
    const { trailers } = JSON.parse(/\{.*\}/.exec(text)![0]) as { trailers: string[] };
    assert.deepEqual(trailers, ['X-Sum', '1']);
  });

  test('pipelined requests are served in order, one at a time', async () => {
    let most = 0;
    let now = 0;
    for (const each of stage.applications.blue) {
      each.on.set('/piped', (req, res) => {
        now += 1;
        most = Math.max(most, now);
        setImmediate(() => {
          now -= 1;
          res.end(`<${req.url!.split('?')[1]!}>`);
        });
      });
    }
    const requests = Array.from({ length: 50 }, (_, i) => `GET /piped?${i} HTTP/1.1\r\nHost: a\r\n\r\n`).join(
      '',
    );
    const { until, socket } = talk(stage.port, requests);
    const text = await until((all) => all.includes('<49>'));
    socket.destroy();
    assert.deepEqual(
      [...text.matchAll(/<(\d+)>/g)].map((found) => Number(found[1])),
      Array.from({ length: 50 }, (_, i) => i),
    );
    assert.equal(most, 1);
  });

  test('an upgrade behind a request whose answer is under way has its turn after that', async (t) => {
    const own = await rawStage(t, (request, socket) => {
      if (/upgrade: echo/i.test(request))
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      else if (request.startsWith('GET /first')) setTimeout(() => socket.write(OK), 50);
      else socket.write(request);
    });
    const { socket, until } = talk(
      own.port,
      'GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly',
    );

    const text = await until((all) => all.endsWith('early'));
    socket.destroy();
    assert.match(text, /^HTTP\/1\.1 200 [^]*okHTTP\/1\.1 101 [^]*\r\n\r\nearly$/);
  });

  test(
    'a client that ends its side before its upgrade is made does not stay for ever',
    { timeout: 10_000 },
    async (t) => {
      const ended = Promise.withResolvers<void>();
      const own = await rawStage(t, (_request, socket) => {
        socket.on('end', () => ended.resolve());
        setTimeout(() => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
        }, 100);
      });
      const { socket, until } = talk(
        own.port,
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
      );
      socket.end();

      await ended.promise;
      assert.match(await until(() => false), /^HTTP\/1\.1 101/);
      await own.observed((seen) => seen.slots.blue.streams === 0);
    },
  );

  test(
    'a WebSocket whose client has ended it does not stay because the application never does',
    { timeout: 20_000 },
    async (t) => {
      const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
      const own = await rawStage(t, (_request, socket) => socket.write(upgrade), true);
      const { socket, until } = talk(
        own.port,
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      );
      await until((text) => text.includes('101'));
      await own.observed((seen) => seen.slots.blue.streams === 1);
      socket.end();

      await until(() => false);
      await own.observed((seen) => seen.slots.blue.streams === 0);
    },
  );

  test('a flood of pipelined requests waits outside: one at a time, and others are served', async () => {
    const before = stage.applications.blue.flatMap((each) => each.asked).length;
    const flood = talk(stage.port, 'GET /slow?1000 HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(30_000));
    await stage.observed((seen) => seen.slots.blue.inFlight === 1);

    assert.equal((await stage.get('/')).status, 200);
    const asked = stage.applications.blue.flatMap((each) => each.asked).length - before;

    flood.socket.destroy();
    await stage.observed((seen) => seen.slots.blue.inFlight === 0);
    assert.ok(asked <= 10, `${asked} requests had reached the application by then`);
  });

  test('an expectation whose answer is a refusal ends the connection: what follows could be the body or not', async () => {
    const own = await openStage(
      bench.router,
      { spec: { ...stage.door.spec, maxBodyBytes: 10, listen: { address: '127.0.0.1', port: 0 } } },
      null,
    );
    await own.close();
    for (const each of stage.applications.blue)
      each.server.once('checkContinue', (_req, res) => res.writeHead(401, { 'content-length': '0' }).end());
    const { until } = talk(
      stage.port,
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n',
    );
    const text = await until((all) => all.includes('\r\n\r\n'));
    assert.match(text, /^HTTP\/1\.1 401[^]*connection: close/i);
  });
});

async function cookieOf(port: number, proto: string): Promise<string> {
  const { headers } = await send({ port, path: '/', headers: { 'x-forwarded-proto': proto } });
  return String(headers['set-cookie']);
}

describe('a replica that is suddenly gone', () => {
  test('costs no request while its slot has another one', async (t) => {
    const stage = await openStage(bench.router, {});
    t.after(() => stage.close());
    await stage.route({ serve: 'blue' });
    await stage.applications.blue[0]!.close();
    for (let i = 0; i < 60; i += 1) {
      const answer = await send({ port: stage.port, path: '/', method: i % 2 === 0 ? 'GET' : 'POST' });
      assert.deepEqual([answer.status, answer.body], [200, 'blue-1']);
    }
  });

  test('alone in its slot: the other slot stands in from the first request on, and each counts as a connect failure', async (t) => {
    const stage = await openStage(bench.router, {});
    t.after(() => stage.close());
    await stage.route({ serve: 'blue', replicas: { blue: 1, green: 1 } });
    const { cursor } = await bench.router.traffic(stage.door.service, null);
    await stage.applications.blue[0]!.close();
    const COUNT = 60;
    for (let i = 0; i < COUNT; i += 1) {
      const answer = await send({ port: stage.port, path: '/', method: i % 2 === 0 ? 'GET' : 'POST' });
      assert.deepEqual([answer.status, answer.body], [200, 'green-0']);
    }
    const seconds = await stage.counted(cursor, (all) => sum(all, 'green', (each) => each.requests) >= COUNT);
    assert.equal(
      sum(seconds, 'blue', (each) => each.classes.connectFailure),
      COUNT,
    );
  });

  test('is probed at once, and served from again as soon as it answers', async (t) => {
    const stage = await openStage(bench.router, { health: slowHealth() });
    t.after(() => stage.close());
    await stage.route({ serve: 'blue', replicas: { blue: 1, green: 0 } });
    const before = (await bench.router.observe(stage.door.service)).slots.blue.replicas[0]!.lastProbe!.atMs;
    const { server, address } = stage.applications.blue[0]!;
    await stage.applications.blue[0]!.close();
    assert.equal((await send({ port: stage.port, path: '/' })).status, 502);
    await stage.observed((seen) => seen.slots.blue.replicas[0]!.lastProbe!.atMs > before);
    server.listen(address.port, '127.0.0.1');
    await once(server, 'listening');
    assert.equal((await send({ port: stage.port, path: '/' })).body, 'blue-0');
  });
});

function slowHealth() {
  const spec = { path: '/healthz', timeoutMs: 1000, intervalMs: 20_000, rise: 1, fall: 2 };
  return { blue: spec, green: spec };
}
