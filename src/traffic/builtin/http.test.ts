import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type Socket, connect, createServer as createNetServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import {
  type Stage,
  freePort,
  openStage,
  send,
  splitTo,
  startApplication,
  sum,
  waitFor,
} from '../conformance.ts';
import type { Door } from '../router.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';

let bench: BuiltinBench;
let stage: Stage;

before(async () => {
  bench = await openBuiltin(1);
});
after(async () => bench?.close());

/** Opens a stage for the tests of one group, `blue` serving. */
function staged(change: Partial<Door> | ((door: Door) => Partial<Door>) = {}): void {
  before(async () => {
    stage = await openStage(bench.router, typeof change === 'function' ? {} : change);
    if (typeof change === 'function') {
      const door = { ...stage.door, ...change(stage.door) };
      await bench.router.install(door);
      stage = { ...stage, door };
    }
    await stage.route({ serve: 'blue' });
  });
  after(async () => stage.close());
}

/** What the application got: its head as it came over the wire. */
function reflect(path = '/reflect'): void {
  for (const application of [...stage.applications.blue, ...stage.applications.green]) {
    application.on.set(path, (req, res) => {
      let body = '';
      req.setEncoding('latin1');
      req.on('data', (chunk: string) => {
        body += chunk;
      });
      req.on('end', () =>
        res.end(
          JSON.stringify({
            method: req.method,
            url: req.url,
            raw: req.rawHeaders,
            headers: req.headers,
            body,
            trailers: req.trailers,
          }),
        ),
      );
    });
  }
}

type Reflected = {
  method: string;
  url: string;
  raw: string[];
  headers: Record<string, string | undefined>;
  body: string;
  trailers: Record<string, string>;
};

async function reflected(sending: Omit<Parameters<typeof send>[0], 'port'>): Promise<Reflected> {
  return JSON.parse((await send({ port: stage.port, ...sending })).body) as Reflected;
}

/** Sends bytes as they are and returns all that came back until the proxy closed, or `until` was there. */
async function raw(
  bytes: string,
  until: (text: string) => boolean = () => false,
  port = stage.port,
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1');
  socket.write(bytes, 'latin1');
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`nothing more came after: ${text}`)), 5000);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (until(text)) done();
    });
    socket.on('close', done);
    socket.on('error', done);
  });
  socket.destroy();
  return text;
}

function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
}

describe('what the application gets', () => {
  staged();
  before(() => reflect());

  test('the query string is verbatim', async () => {
    const seen = await reflected({ path: '/reflect?a=1&b=%20%2F+x&&=&c=[]{}|"' });
    assert.equal(seen.url, '/reflect?a=1&b=%20%2F+x&&=&c=[]{}|"');
  });

  test('Host is kept as the client sent it', async () => {
    assert.equal(
      (await reflected({ path: '/reflect', headers: { host: 'Shop.Example.com:81' } })).headers.host,
      'Shop.Example.com:81',
    );
  });

  test('names and order of headers are kept, and repeated ones stay repeated', async () => {
    const seen = await reflected({ path: '/reflect', headers: { 'X-One': ['1', '2'], 'x-TWO': 'b' } });
    const names = seen.raw.filter((_, i) => i % 2 === 0);
    assert.deepEqual(
      names.filter((name) => /^x-(one|two)$/i.test(name)),
      ['X-One', 'X-One', 'x-TWO'],
    );
  });

  test('X-Forwarded-* are set from the connection', async () => {
    const { headers } = await reflected({ path: '/reflect', headers: { host: 'shop.test' } });
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(headers['x-forwarded-proto'], 'http');
    assert.equal(headers['x-forwarded-host'], 'shop.test');
  });

  test('X-Forwarded-* and Forwarded of clients are replaced', async () => {
    const { headers } = await reflected({
      path: '/reflect',
      headers: {
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'evil',
        forwarded: 'for=6.6.6.6',
      },
    });
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(headers['x-forwarded-proto'], 'http');
    assert.notEqual(headers['x-forwarded-host'], 'evil');
    assert.equal(headers.forwarded, undefined);
  });

  test('X-Request-ID is added when absent and kept when present', async () => {
    const one = await reflected({ path: '/reflect' });
    const two = await reflected({ path: '/reflect' });
    assert.match(one.headers['x-request-id']!, /^[0-9a-f]{16}-/);
    assert.notEqual(one.headers['x-request-id'], two.headers['x-request-id']);
    assert.equal(
      (await reflected({ path: '/reflect', headers: { 'x-request-id': 'mine' } })).headers['x-request-id'],
      'mine',
    );
  });

  test('hop-by-hop headers are removed, those named in Connection included', async () => {
    const { headers } = await reflected({
      path: '/reflect',
      headers: {
        connection: 'close, X-Secret',
        'x-secret': '1',
        'keep-alive': 'timeout=3',
        'proxy-connection': 'close',
        'proxy-authorization': 'x',
        te: 'gzip',
        'x-kept': '1',
      },
    });
    for (const name of ['x-secret', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te']) {
      assert.equal(headers[name], undefined, name);
    }
    assert.equal(headers['x-kept'], '1');
  });

  test('Host and framing cannot be dropped by naming them in Connection', async () => {
    const seen = await reflected({
      path: '/reflect',
      method: 'POST',
      body: 'abc',
      headers: {
        connection: 'host, content-length, x-forwarded-for',
        host: 'shop.test',
        'content-length': '3',
      },
    });
    assert.equal(seen.headers.host, 'shop.test');
    assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen.body, 'abc');
  });

  test('a body with a length arrives whole', async () => {
    const body = 'x'.repeat(300_000);
    const seen = await reflected({
      path: '/reflect',
      method: 'POST',
      body,
      headers: { 'content-length': '300000' },
    });
    assert.equal(seen.body, body);
    assert.equal(seen.headers['content-length'], '300000');
  });

  test('a chunked body arrives whole, with its trailers', async () => {
    const text = await raw(
      'POST /reflect HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n',
    );
    const seen = JSON.parse(/\{.*\}/s.exec(text)![0]) as Reflected;
    assert.equal(seen.body, 'abcdefg');
    assert.equal(seen.trailers['x-sum'], '7');
  });

  test('methods other than the usual ones pass', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
      assert.equal((await reflected({ path: '/reflect', method })).method, method);
    }
  });

  test('an absolute target that agrees with Host is forwarded in origin form', async () => {
    const text = await raw(
      'GET http://shop.test/reflect?x=1 HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n',
    );
    assert.equal((JSON.parse(/\{.*\}/s.exec(text)![0]) as Reflected).url, '/reflect?x=1');
  });

  test('Expect of HTTP/1.0 is ignored, and an upgrade that is none ends the connection with its answer', async () => {
    const old = await raw(
      'POST /reflect HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na',
    );
    const plain = await raw(
      'GET /reflect HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    );

    assert.match(old, /^HTTP\/1\.1 200/);
    assert.doesNotMatch(old, /expect/i);
    assert.match(plain, /^HTTP\/1\.1 200[^]*connection: close/i);
  });

  test('Expect: 100-continue is answered by the application, through the proxy', async () => {
    const req = request({
      port: stage.port,
      path: '/reflect',
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 4 },
    });
    req.flushHeaders();
    await once(req, 'continue');
    req.end('body');
    const [res] = (await once(req, 'response')) as [AsyncIterable<Buffer>];
    let text = '';
    for await (const chunk of res) text += chunk.toString();
    assert.equal((JSON.parse(text) as Reflected).body, 'body');
  });
});

describe('what the client gets', () => {
  staged();

  test('status, reason and headers are the application’s', async () => {
    stage.applications.blue.forEach((each) =>
      each.on.set('/odd', (_req, res) => {
        res
          .writeHead(299, 'Quite Fine', ['X-A', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-A', '2'])
          .end('odd');
      }),
    );
    const text = await raw(
      'GET /odd HTTP/1.1\r\nHost: a\r\nCookie: bascule_id=00112233445566778899aabbccddeeff\r\nConnection: close\r\n\r\n',
    );
    assert.match(text, /^HTTP\/1\.1 299 Quite Fine\r\n/);
    assert.match(text, /X-A: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-A: 2\r\n/);
  });

  test('hop-by-hop headers of the application are removed', async () => {
    const upstream = createNetServer((socket) => {
      socket.on('data', (data) => {
        const isProbe = data.toString().includes('/healthz');
        socket.end(
          `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Private\r\nX-Private: 1\r\nKeep-Alive: timeout=1\r\nProxy-Authenticate: x\r\n\r\n${isProbe ? 'up' : 'ok'}`,
        );
      });
      socket.on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const own = await openStage(bench.router, {
      slots: {
        blue: [{ host: '127.0.0.1', port: (upstream.address() as { port: number }).port, pathPrefix: '' }],
        green: [],
      },
    });
    await bench.router.apply({
      service: own.door.service,
      revision: 1,
      serve: 'blue',
      split: null,
      replicas: { blue: 1, green: 0 },
      standIn: true,
    });
    await own.observed((seen) => seen.slots.blue.replicas[0]!.healthy);

    const answer = await own.get('/');

    assert.equal(answer.body, 'ok');
    for (const name of ['x-private', 'proxy-authenticate']) assert.equal(answer.headers[name], undefined);
    assert.equal(answer.headers['connection'], 'keep-alive');
    await own.close();
    upstream.close();
  });

  test('HEAD has the headers and no body, on a connection that goes on', async () => {
    stage.applications.blue.forEach((each) =>
      each.on.set('/head', (_req, res) => res.writeHead(200, { 'content-length': 5 }).end('12345')),
    );
    const text = await raw(
      'HEAD /head HTTP/1.1\r\nHost: a\r\n\r\nGET /head HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    assert.equal(text.split('HTTP/1.1 200').length, 3);
    assert.equal(text.split('12345').length, 2);
  });

  test('204 and 304 have no body and the connection goes on', async () => {
    for (const status of [204, 304]) {
      assert.deepEqual(
        [(await stage.get(`/status/${status}`)).status, (await stage.get('/status/200')).status],
        [status, 200],
      );
    }
  });

  test('a chunked answer with trailers arrives with them', async () => {
    stage.applications.blue.forEach((each) =>
      each.on.set('/trailers', (_req, res) => {
        res.writeHead(200, { trailer: 'X-Sum' });
        res.write('a');
        res.addTrailers({ 'X-Sum': '1' });
        res.end('b');
      }),
    );
    const answer = await stage.get('/trailers');
    assert.deepEqual([answer.body, answer.trailers['x-sum']], ['ab', '1']);
  });

  test('an HTTP/1.0 client gets an answer without chunks', async () => {
    stage.applications.blue.forEach((each) =>
      each.on.set('/parts', (_req, res) => {
        res.write('one');
        res.end('two');
      }),
    );
    const text = await raw('GET /parts HTTP/1.0\r\nHost: a\r\n\r\n');
    assert.match(text, /\r\n\r\nonetwo$/);
    assert.doesNotMatch(text, /chunked/i);
  });

  test('a large download arrives whole to a slow reader, and the application is held back meanwhile', async () => {
    const size = 64 * 1024 * 1024;
    let written = 0;
    stage.applications.blue.forEach((each) =>
      each.on.set('/large', (_req, res) => {
        res.writeHead(200, { 'content-length': size });
        const chunk = Buffer.alloc(65_536, 1);
        const more = (): void => {
          while (written < size) {
            written += chunk.length;
            if (!res.write(chunk)) {
              res.once('drain', more);
              return;
            }
          }
          res.end();
        };
        more();
      }),
    );
    const req = request({ port: stage.port, path: '/large' }).end();
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    const stalled = await waitFor(
      async () => {
        const at = written;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return { before: at, now: written };
      },
      (seen) => seen.before === seen.now,
    );
    assert.ok(stalled.now < size / 2, `${stalled.now} bytes were taken in without a reader`);
    let got = 0;
    for await (const chunk of res) got += (chunk as Buffer).length;
    assert.equal(got, size);
  });

  test('an event stream is passed on event by event', async () => {
    let emit: ((text: string) => void) | null = null;
    stage.applications.blue.forEach((each) =>
      each.on.set('/events', (_req, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.flushHeaders();
        emit = (text) => res.write(`data: ${text}\n\n`);
      }),
    );
    const req = request({ port: stage.port, path: '/events' }).end();
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    for (const text of ['one', 'two', 'three']) {
      emit!(text);
      const [chunk] = (await once(res, 'data')) as [Buffer];
      assert.equal(chunk.toString(), `data: ${text}\n\n`);
    }
    assert.equal((await bench.router.observe(stage.door.service)).slots.blue.streams, 1);
    req.destroy();
    await stage.observed((seen) => seen.slots.blue.streams === 0);
  });

  test('a client that leaves is felt by the application', async () => {
    const closed = Promise.withResolvers<void>();
    stage.applications.blue.forEach((each) =>
      each.on.set('/left', (req) => void req.socket.on('close', () => closed.resolve())),
    );
    const req = request({ port: stage.port, path: '/left' }).end();
    req.on('error', () => {});
    await stage.applications.arrived('/left');
    req.destroy();
    await closed.promise;
  });

  test('an application that breaks off in the body breaks off the answer, never ends it as if it were whole', async () => {
    stage.applications.blue.forEach((each) =>
      each.on.set('/broken', (_req, res) => {
        res.writeHead(200, { 'content-length': 100 });
        res.write('half', () => res.destroy());
      }),
    );
    await assert.rejects(stage.get('/broken'));
    stage.applications.blue.forEach((each) =>
      each.on.set('/broken-chunks', (_req, res) => {
        res.write('half', () => res.destroy());
      }),
    );
    await assert.rejects(stage.get('/broken-chunks'));
  });

  test('an early answer to an upload arrives, and the connection is not reset under it', async () => {
    stage.applications.blue.forEach((each) =>
      each.on.set('/early', (_req, res) => res.writeHead(409).end('enough')),
    );
    const answer = await send({
      port: stage.port,
      path: '/early',
      method: 'POST',
      body: Buffer.alloc(5_000_000),
    });
    assert.deepEqual([answer.status, answer.body], [409, 'enough']);
  });

  test('one connection serves many requests, across switches', async () => {
    const socket = connect(stage.port, '127.0.0.1');
    socket.setEncoding('latin1');
    for (const slot of ['blue', 'green', 'blue', 'green', 'blue'] as const) {
      await stage.route({ serve: slot });
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const [text] = (await once(socket, 'data')) as [string];
      assert.match(text, new RegExp(`${slot}-\\d$`));
    }
    socket.destroy();
  });
});

describe('what is refused', () => {
  staged((door) => ({ spec: { ...door.spec, maxBodyBytes: 1000 } }));

  const refused: readonly (readonly [name: string, status: number, bytes: string])[] = [
    [
      'both Content-Length and Transfer-Encoding',
      400,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'two different Content-Lengths',
      400,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc',
    ],
    [
      'two equal Content-Lengths',
      400,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc',
    ],
    ['a list as Content-Length', 400, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc'],
    ['a signed Content-Length', 400, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc'],
    [
      'an unknown Transfer-Encoding',
      400,
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'Transfer-Encoding twice',
      400,
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'gzip before chunked',
      400,
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a space before the colon', 400, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc'],
    ['a folded header', 400, 'GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n folded\r\n\r\n'],
    ['a missing Host', 400, 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', 400, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['a Host that is none', 400, 'GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n'],
    ['a target that contradicts Host', 400, 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target in no known form', 400, 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a bare line feed', 400, 'GET / HTTP/1.1\nHost: a\n\n'],
    ['a control character in a header', 400, 'GET / HTTP/1.1\r\nHost: a\r\nX-A: a\u0000b\r\n\r\n'],
    ['another version of HTTP', 400, 'GET / HTTP/3.0\r\nHost: a\r\n\r\n'],
    ['HTTP/0.9', 400, 'GET /\r\n\r\n'],
    ['HTTP/2.0 in a line of HTTP/1', 400, 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'],
    ['a method of RTSP', 400, 'DESCRIBE / RTSP/1.0\r\nHost: a\r\n\r\n'],
    ['chunks in HTTP/1.0', 400, 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a Host that is a port alone', 400, 'GET / HTTP/1.1\r\nHost: :80\r\n\r\n'],
    ['a fragment in the target', 400, 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['no HTTP at all', 400, '\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n'],
    ['a head over 16 KiB', 431, `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(17_000)}\r\n\r\n`],
    ['more than 100 header fields', 431, `GET / HTTP/1.1\r\nHost: a\r\n${'X-A: 1\r\n'.repeat(101)}\r\n`],
    ['CONNECT', 405, 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n'],
    [
      'an expectation beside 100-continue',
      417,
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: y 100-continue\r\nContent-Length: 1\r\n\r\na',
    ],
    [
      'an expectation twice',
      417,
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na',
    ],
    [
      'an expectation other than 100-continue',
      417,
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\nContent-Length: 1\r\nConnection: close\r\n\r\na',
    ],
    [
      'a body announced as too long',
      413,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nConnection: close\r\n\r\n' + 'a'.repeat(1001),
    ],
  ];
  for (const [name, status, bytes] of refused) {
    test(`${name}: ${status}, and the application sees nothing`, async () => {
      const before = stage.applications.blue.flatMap((each) => each.asked).length;

      const text = await raw(bytes);

      assert.equal(statusOf(text), status, text);
      assert.equal(stage.applications.blue.flatMap((each) => each.asked).length, before);
    });
  }

  test('what is malformed is counted, at its listener', async (t) => {
    const own = await openStage(bench.router, {});
    t.after(() => own.close());
    const { cursor } = await bench.router.traffic(own.door.service, null);
    for (const line of ['Host: b', 'A b', 'A: b'])
      await raw(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${line}\r\n\r\n`, undefined, own.port);

    const { malformed } = await own.batched(cursor, (batch) => (batch.malformed ?? 0) > 1);
    assert.equal(malformed, 2);
  });

  test('a malformed chunk: 400, and the request does not look whole to the application', async () => {
    const ended: boolean[] = [];
    stage.applications.blue.forEach((each) =>
      each.on.set('/upload', (req, res) => {
        req.on('end', () => ended.push(true));
        req.on('error', () => {});
        req.on('data', () => {});
        res.on('close', () => ended.push(false));
      }),
    );
    const socket = connect(stage.port, '127.0.0.1');
    socket.setEncoding('latin1');
    socket.write('POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    await stage.applications.arrived('/upload');
    socket.write('zz\r\n');
    const [text] = (await once(socket, 'data')) as [string];
    assert.equal(statusOf(text), 400);
    await waitFor(
      async () => ended.length,
      (count) => count > 0,
    );
    assert.equal(ended[0], false);
  });

  test('a chunked body that grows too long: 413', async () => {
    const chunk = `200\r\n${'a'.repeat(512)}\r\n`;
    const text = await raw(
      `POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunk.repeat(3)}0\r\n\r\n`,
    );
    assert.equal(statusOf(text), 413);
  });

  test('a refusal does not harm the next request of the connection where it can go on', async () => {
    const text = await raw(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n${'a'.repeat(1001)}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    assert.match(text, /413[^]*HTTP\/1\.1 200/);
  });
});

describe('which service a request is for', () => {
  const port = Promise.withResolvers<number>();
  const stages: Stage[] = [];

  before(async () => {
    port.resolve(await freePort());
    const doors: [host: string | null, path: string][] = [
      [null, '/'],
      ['shop.test', '/'],
      ['shop.test', '/app'],
      ['shop.test', '/app/admin'],
    ];
    for (const [host, path] of doors) {
      const own = await openStage(bench.router, {}, null);
      const door: Door = {
        ...own.door,
        spec: { ...own.door.spec, host, path, listen: { address: '127.0.0.1', port: await port.promise } },
      };
      await bench.router.install(door);
      stages.push(own);
      for (const each of own.applications.blue) each.on.set('/', () => {});
      await own.route({ serve: 'blue' });
    }
  });
  after(async () => {
    for (const each of stages) await each.close();
  });

  /** Which of the doors above got it. */
  async function doorOf(host: string, path: string): Promise<number> {
    for (const own of stages) for (const each of own.applications.blue) each.asked.length = 0;
    void send({ port: await port.promise, path, headers: { host } }).catch(() => {});
    return waitFor(
      async () => stages.findIndex((own) => own.applications.blue.some((each) => each.asked.length > 0)),
      (at) => at !== -1,
    );
  }

  const cases: readonly (readonly [host: string, path: string, door: number, why: string])[] = [
    ['other.test', '/x', 0, 'any host takes what nobody names'],
    ['shop.test', '/x', 1, 'an exact host beats any host'],
    ['SHOP.test:8080', '/x', 1, 'case and port of Host do not matter'],
    ['shop.test.', '/x', 1, 'nor does the trailing dot'],
    ['shop.test', '/app', 2, 'a path prefix beats /'],
    ['shop.test', '/app/x', 2, 'and what is below it'],
    ['shop.test', '/app?x=1', 2, 'a query ends the path'],
    ['shop.test', '/appointment', 1, '/app is not /appointment'],
    ['shop.test', '/app/admin/x', 3, 'the longest prefix wins'],
    ['shop.test', '/app/administration', 2, 'and only as a whole segment'],
  ];
  for (const [host, path, door, why] of cases) {
    test(`${why}: ${host}${path}`, async () => {
      assert.equal(await doorOf(host, path), door);
    });
  }

  test('an unknown host is 404, not somebody’s service', async () => {
    await bench.router.remove(stages[0]!.door.service);
    assert.equal(
      (await send({ port: await port.promise, path: '/', headers: { host: 'other.test' } })).status,
      404,
    );
  });

  test('a door that moves to another host leaves the former one', async () => {
    const own = stages[3]!;
    const spec = {
      ...own.door.spec,
      host: 'admin.test',
      path: '/',
      listen: { address: '127.0.0.1', port: await port.promise },
    };
    await bench.router.install({ ...own.door, spec });
    assert.equal(await doorOf('admin.test', '/x'), 3);
    assert.equal(await doorOf('shop.test', '/app/admin/x'), 2);
  });
});

describe('who is in the share', () => {
  staged();

  test('a visitor without a cookie gets one with the first answer, and that request is already bucketed by it', async () => {
    await stage.route({ serve: 'blue', split: splitTo('green', 50) });
    for (let i = 0; i < 20; i += 1) {
      const first = await stage.get('/');
      const cookie = String(first.headers['set-cookie']);
      assert.match(cookie, /^bascule_id=[0-9a-f]{32}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
      const again = await stage.get('/', { cookie: cookie.split(';')[0]! });
      assert.equal(again.body.split('-')[0], first.body.split('-')[0]);
      assert.equal(again.headers['set-cookie'], undefined);
    }
  });

  test('a cookie of the wrong shape is replaced', async () => {
    for (const cookie of [
      'bascule_id=1',
      'bascule_id=ZZ112233445566778899aabbccddeeff',
      'xbascule_id=00112233445566778899aabbccddeeff',
    ]) {
      assert.notEqual((await stage.get('/', { cookie })).headers['set-cookie'], undefined, cookie);
    }
  });

  test('the cookie is found among others', async () => {
    const cookie = 'a=1; bascule_id=00112233445566778899aabbccddeeff; b=2';
    assert.equal((await stage.get('/', { cookie })).headers['set-cookie'], undefined);
  });

  test('what identities newly did is counted once each', async (t) => {
    const own = await openStage(bench.router, {});
    t.after(() => own.close());
    await own.route({ serve: 'blue', split: { ...splitTo('green', 50), rollout: 'r-counted' } });
    const { cursor } = await bench.router.traffic(own.door.service, null);
    const ids = Array.from({ length: 10 }, (_, i) => `bascule_id=${String(i).repeat(32)}`);
    for (let round = 0; round < 3; round += 1) {
      for (const cookie of ids) await own.get('/status/500', { cookie });
    }
    const batch = await own.batched(
      cursor,
      ({ identities }) => identities.reduce((sum, each) => sum + each.failed, 0) >= 10,
    );
    const total = (of: (each: (typeof batch.identities)[number]) => number): number =>
      batch.identities.reduce((sum, each) => sum + of(each), 0);
    assert.equal(
      total((each) => each.active),
      10,
    );
    assert.equal(
      total((each) => each.assigned),
      10,
    );
    assert.equal(
      total((each) => each.failed),
      10,
    );
    assert.ok(total((each) => each.records.filter(([from]) => from === -1).length) >= 1);
  });

  test('an address is an identity where the door says so', async () => {
    await bench.router.install({ ...stage.door, sticky: { by: 'address' } });
    await stage.route({ serve: 'blue', split: splitTo('green', 50) });
    const bodies = new Set<string>();
    for (let i = 0; i < 20; i += 1) bodies.add((await stage.get('/')).body.split('-')[0]!);
    assert.equal(bodies.size, 1);
    assert.equal((await stage.get('/')).headers['set-cookie'], undefined);
  });
});

describe('a door behind a trusted proxy', () => {
  staged((door) => ({ spec: { ...door.spec, trustForwarded: true } }));
  before(() => reflect());

  test('X-Forwarded-For is appended to, the others are kept', async () => {
    const { headers } = await reflected({
      path: '/reflect',
      headers: {
        'x-forwarded-for': '1.2.3.4',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'outer.test',
      },
    });
    assert.equal(headers['x-forwarded-for'], '1.2.3.4, 127.0.0.1');
    assert.equal(headers['x-forwarded-proto'], 'https');
    assert.equal(headers['x-forwarded-host'], 'outer.test');
  });
});

async function openWebSocket(): Promise<{ socket: WebSocket; slot: string }> {
  const socket = new WebSocket(`ws://127.0.0.1:${stage.port}/ws`);
  const [hello] = (await once(socket, 'message')) as [Buffer];
  return { socket, slot: hello.toString() };
}

describe('WebSockets', () => {
  staged();
  const servers: WebSocketServer[] = [];

  before(() => {
    for (const [slot, applications] of [
      ['blue', stage.applications.blue],
      ['green', stage.applications.green],
    ] as const) {
      for (const application of applications) {
        const server = new WebSocketServer({ server: application.server, path: '/ws' });
        server.on('connection', (socket) => {
          socket.send(slot);
          socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
        });
        servers.push(server);
      }
    }
  });
  after(() => {
    for (const server of servers) for (const socket of server.clients) socket.terminate();
  });

  test('messages of all sizes are echoed', async () => {
    const { socket } = await openWebSocket();
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
      socket.send(Buffer.alloc(size, 7));
      const [back] = (await once(socket, 'message')) as [Buffer];
      assert.equal(back.length, size);
    }
    socket.close();
    await once(socket, 'close');
    await stage.observed((seen) => seen.slots.blue.streams === 0);
  });

  test('a close by either side reaches the other', async () => {
    const { socket } = await openWebSocket();
    for (const server of servers) for (const each of server.clients) each.close(4001, 'enough');
    const [code] = (await once(socket, 'close')) as [number];
    assert.equal(code, 4001);
  });

  test('a refused upgrade is answered with the application’s own status', async () => {
    stage.applications.blue.forEach((each) => each.server.removeAllListeners('upgrade'));
    const socket = new WebSocket(`ws://127.0.0.1:${stage.port}/status/403`);
    const [, res] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    assert.equal(res.statusCode, 403);
    socket.on('error', () => {});
    socket.terminate();
  });

  test('after a switch they are closed with 1001 within their grace, and new ones go to the new slot', async () => {
    await stage.route({ serve: 'green' });
    const { socket, slot } = await openWebSocket();
    assert.equal(slot, 'green');

    await stage.route({ serve: 'blue' });

    const [code] = (await once(socket, 'close')) as [number];
    assert.equal(code, 1001);
    await stage.observed((seen) => seen.slots.green.streams === 0);
  });

  test('a switch back in time leaves them alone', async () => {
    await stage.route({ serve: 'green' });
    const { socket } = await openWebSocket();
    await stage.route({ serve: 'blue' });
    await stage.route({ serve: 'green' });
    await new Promise((resolve) => setTimeout(resolve, stage.door.spec.streamGraceMs + 300));
    socket.send('still there?');
    const [back] = (await once(socket, 'message')) as [Buffer];
    assert.equal(back.toString(), 'still there?');
    socket.terminate();
  });
});

describe('draining', () => {
  staged((door) => ({ spec: { ...door.spec, drainMs: 400, streamGraceMs: 400 } }));

  test('an event stream is ended properly within its grace', async () => {
    stage.applications.blue.forEach((each) =>
      each.on.set('/events', (_req, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.write('data: one\n\n');
      }),
    );
    const stream = stage.get('/events');
    await stage.observed((seen) => seen.slots.blue.streams === 1);

    await stage.route({ serve: 'green' });

    const answer = await stream;
    assert.deepEqual([answer.status, answer.body], [200, 'data: one\n\n']);
  });

  test('a request that outlasts the drain is cut and counted', async () => {
    await stage.route({ serve: 'blue' });
    const { cursor } = await bench.router.traffic(stage.door.service, null);
    const slow = send({ port: stage.port, path: '/slow?20000' });
    await stage.applications.arrived('/slow');

    await stage.route({ serve: 'green' });

    assert.equal((await slow).status, 503);
    await stage.counted(cursor, (all) => sum(all, 'blue', (each) => each.classes.timeout) === 1);
  });

  test('serve null answers 503 with Retry-After', async () => {
    await stage.route({ serve: null });
    const answer = await stage.get('/');
    assert.equal(answer.status, 503);
    assert.notEqual(answer.headers['retry-after'], undefined);
  });
});

describe('failures and retries', () => {
  test('a request whose replica refuses goes to another one of the same slot, and both attempts are counted', async (t) => {
    const own = await openStage(bench.router, {});
    t.after(() => own.close());
    await own.route({ serve: 'blue' });
    const { cursor } = await bench.router.traffic(own.door.service, null);
    await own.applications.blue[0]!.close();

    for (let i = 0; i < 6; i += 1) assert.equal((await own.get('/')).body, 'blue-1');
    assert.equal((await send({ port: own.port, path: '/', method: 'POST', body: 'x' })).body, 'blue-1');

    const seconds = await own.counted(cursor, (all) => sum(all, 'blue', (each) => each.requests) >= 7);
    assert.ok(sum(seconds, 'blue', (each) => each.classes.connectFailure) >= 1);
    assert.equal(
      sum(seconds, 'blue', (each) => each.requests),
      7,
    );
  });

  test('a GET on a kept connection that the application closes at that moment is sent again', async (t) => {
    const own = await openStage(bench.router, {});
    t.after(() => own.close());
    await own.route({ serve: 'blue' });
    const used = new WeakSet<Socket>();
    let closed = 0;
    for (const each of own.applications.blue) {
      each.on.set('/stale', (req, res) => {
        if (used.has(req.socket)) {
          closed += 1;
          req.socket.destroy();
        } else {
          used.add(req.socket);
          res.end('fine');
        }
      });
    }
    for (let i = 0; i < 8; i += 1) assert.equal((await own.get('/stale')).body, 'fine');
    assert.ok(closed > 0);
  });

  test('a POST that may have been received is not sent again: 502', async (t) => {
    const own = await openStage(bench.router, {});
    t.after(() => own.close());
    await own.route({ serve: 'blue' });
    let received = 0;
    for (const each of own.applications.blue) {
      each.on.set('/once', (req) => {
        received += 1;
        req.socket.destroy();
      });
    }
    const answer = await send({ port: own.port, path: '/once', method: 'POST', body: 'x' });
    assert.deepEqual([answer.status, received], [502, 1]);
  });

  test('nobody healthy anywhere: 503 with Retry-After', async (t) => {
    const own = await openStage(bench.router, {});
    t.after(() => own.close());
    await own.route({ serve: 'blue' });
    for (const each of [...own.applications.blue, ...own.applications.green]) each.healthy = false;
    await own.observed((seen) =>
      [...seen.slots.blue.replicas, ...seen.slots.green.replicas].every((each) => !each.healthy),
    );
    const answer = await own.get('/');
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '1']);
  });

  test('an answer that is no HTTP is 502, and the connection is not used again', async (t) => {
    const nonsense = createNetServer((socket: Socket) => {
      socket.on('data', (data) => {
        if (data.toString().includes('/healthz')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        else socket.write('HTTP/1.1 200 OK\nContent-Length: 5\n\nhello\r\n\r\n');
      });
      socket.on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(nonsense, 'listening');
    const { port } = nonsense.address() as { port: number };
    const own = await openStage(bench.router, {
      slots: { blue: [{ host: '127.0.0.1', port, pathPrefix: '' }], green: [] },
    });
    t.after(async () => {
      await own.close();
      nonsense.close();
    });
    await bench.router.apply({
      service: own.door.service,
      revision: 1,
      serve: 'blue',
      split: null,
      replicas: { blue: 1, green: 0 },
      standIn: true,
    });
    await own.observed((seen) => seen.slots.blue.replicas[0]!.healthy);
    assert.equal((await own.get('/')).status, 502);
  });

  test('a client that leaves is counted as such, not as a failure', async (t) => {
    const own = await openStage(bench.router, {});
    t.after(() => own.close());
    await own.route({ serve: 'blue' });
    const { cursor } = await bench.router.traffic(own.door.service, null);
    const req = request({ port: own.port, path: '/slow?20000' }).end();
    req.on('error', () => {});
    await own.applications.arrived('/slow');
    req.destroy();
    const seconds = await own.counted(cursor, (all) => all.length > 0);
    assert.equal(
      sum(seconds, 'blue', (each) => each.classes.clientAbort),
      1,
    );
  });

  test('requests go to the replica with the fewest in flight', async (t) => {
    const own = await openStage(bench.router, {});
    t.after(() => own.close());
    await own.route({ serve: 'blue' });
    const busy = request({ port: own.port, path: '/slow?20000' }).end();
    busy.on('error', () => {});
    await own.applications.arrived('/slow');
    const idle = own.applications.blue.findIndex(
      (each) => !each.asked.some((path) => path.startsWith('/slow')),
    );
    for (let i = 0; i < 10; i += 1) assert.equal((await own.get('/')).body, `blue-${idle}`);
    busy.destroy();
  });

  test('an application on another port of the same machine is not reached by a Host header', async (t) => {
    const other = await startApplication('other');
    t.after(() => other.close());
    const own = await openStage(bench.router, {});
    t.after(() => own.close());
    await own.route({ serve: 'blue' });
    assert.match((await own.get('/', { host: `127.0.0.1:${other.address.port}` })).body, /^blue-/);
  });
});
