import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { after, test } from 'node:test';
import { loadShop } from '../shop.ts';
import type { FailureKind } from './connection.ts';
import { startLoad } from './load.ts';
import type { Load } from './load.ts';
import { DEFAULT_LOAD, parseLoadArguments } from './options.ts';
import type { LoadOptions } from './options.ts';
import { forkLoad } from './remote.ts';
import type { LoadReport } from './tally.ts';

const servers: Server[] = [];
const sockets = new Set<Socket>();
const loads: Load[] = [];
after(async () => {
  for (const server of servers) server.close();
  for (const socket of sockets) socket.destroy();
  // Most have ended; one that a failed test left going would keep this process alive.
  await Promise.all(loads.map((load) => load.stop()));
});

const QUIET = { connections: 0, uploads: 0, downloads: 0, streams: 0 };
const SMALL = { transferBytes: 40_000, transferMs: 100 };

test('counts what a sound application answers, by version, without a failure', async () => {
  const port = await listen(
    (await loadShop())({ version: 'v7', medianMs: 0, errorRate: 0, slowdown: 1, tickMs: 10 }),
  );

  const report = await run({ port, perSecond: 400, uploads: 2, downloads: 3, streams: 2, ...SMALL }, 700);

  assert.deepEqual(report.examples, []);
  assert.equal(report.failed, 0);
  assert.equal(report.answered, report.sent);
  assert.deepEqual(report.versions['v7'], { ok: report.answered, clientErrors: 0, serverErrors: 0 });
  // How many came to be sent is the machine's to say; never more than were due.
  assert.ok(report.sent >= 50 && report.sent <= 290, `sent ${report.sent} of 280 due`);
  assert.ok(report.uploads.done >= 1 && report.downloads.done >= 1, JSON.stringify(report));
  assert.equal(report.uploads.bytes, report.uploads.done * SMALL.transferBytes);
  assert.equal(report.downloads.bytes, report.downloads.done * SMALL.transferBytes);
  assert.ok(report.streams.opened === 2 && report.streams.events > 2 && report.streams.openNow === 0);
});

test('a 500 that the application sent is no failure of the door', async () => {
  const port = await answering((_, response) => {
    response.writeHead(500, { 'X-Version': 'v1', 'X-Echo': echoOf(response), 'Content-Length': 0 }).end();
  });

  const report = await run({ port, perSecond: 100 }, 200);

  assert.equal(report.failed, 0);
  assert.ok(report.versions['v1']!.serverErrors >= 10);
  assert.equal(report.versions['v1']!.ok, 0);
});

/** What a broken server does on the first bytes of a request, and what that must be called. */
const BROKEN: readonly (readonly [what: string, kind: FailureKind, act: (socket: Socket) => void])[] = [
  ['resets at once', 'reset', (socket) => socket.resetAndDestroy()],
  ['closes without an answer', 'reset', (socket) => socket.end()],
  ['closes within the head', 'truncated', (socket) => socket.end('HTTP/1.1 200 OK\r\nX-Vers')],
  ['closes within the body', 'truncated', (socket) => socket.end(head('Content-Length: 10', 'hello'))],
  [
    'closes within a chunk',
    'truncated',
    (socket) => socket.end(head('Transfer-Encoding: chunked', 'a\r\nhel')),
  ],
  [
    'closes before the last chunk',
    'truncated',
    (socket) => socket.end(head('Transfer-Encoding: chunked', '1\r\nx\r\n')),
  ],
  ['frames by closing', 'malformed', (socket) => socket.end(head('Connection: close', 'hello'))],
  ['speaks something else', 'malformed', (socket) => socket.write('220 mail ready\r\n')],
  ['says nothing', 'timeout', () => {}],
  ['never ends', 'timeout', (socket) => socket.write(head('Content-Length: 10', 'hello'))],
  [
    'is a proxy without an application',
    'foreign',
    (socket) => socket.write('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'),
  ],
  ['mixes up answers', 'corrupt', (socket) => socket.write(head('X-Echo: 999999\r\nContent-Length: 0', ''))],
];

for (const [what, kind, act] of BROKEN) {
  test(`a server that ${what} is found: ${kind}`, async () => {
    const port = await raw((socket) => act(socket));

    const report = await run({ port, perSecond: 100, connections: 8, timeoutMs: 100 }, 60);

    assert.equal(report.answered, 0);
    assert.ok(report.failures[kind] > 0, JSON.stringify(report.failures));
    assert.equal(report.failures[kind], report.failed);
    assert.equal(report.failed, report.sent);
    assert.equal(report.examples[0]!.kind, kind);
  });
}

test('a port where nobody listens is found: refused', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');

  const report = await run({ port, perSecond: 50, uploads: 1, streams: 1 }, 100);

  assert.ok(report.failures.refused > 3);
  assert.equal(report.failures.refused, report.failed);
});

test('one failed answer in a hundred is found', async () => {
  let count = 0;
  const port = await answering((request, response) => {
    if (++count % 100 === 50) request.socket.destroy();
    else
      response.writeHead(200, { 'X-Version': 'v1', 'X-Echo': echoOf(response), 'Content-Length': 0 }).end();
  });

  const report = await run({ port, perSecond: 500 }, 500);

  assert.equal(report.failed, Math.floor((report.sent + 50) / 100));
  assert.equal(report.answered + report.failed, report.sent);
});

test('bytes on an idle connection are found', async () => {
  const port = await answering(({ socket }, response) => {
    response.writeHead(200, { 'X-Version': 'v1', 'X-Echo': echoOf(response), 'Content-Length': 0 }).end();
    setTimeout(() => socket.write('more'), 20);
  });

  const report = await run({ port, perSecond: 20, connections: 2 }, 200);

  assert.ok(report.failures.malformed > 0);
  assert.equal(report.examples[0]!.what, 'idle connection');
});

test('an upload that lost a byte is found: corrupt', async () => {
  const port = await listen(
    createHttpServer((request, response) => {
      request.resume().once('end', () => {
        const body = JSON.stringify({ bytes: SMALL.transferBytes, sha256: 'f00' });
        response.writeHead(200, { 'X-Version': 'v1', 'Content-Length': body.length }).end(body);
      });
    }),
  );

  const report = await run({ port, ...QUIET, uploads: 1, ...SMALL }, 150);

  assert.equal(report.uploads.done, 0);
  assert.ok(report.failures.corrupt > 0 && report.failures.corrupt === report.failed);
});

test('a download with a changed byte, or one too few, is found', async () => {
  let count = 0;
  const port = await listen(
    createHttpServer((_, response) => {
      const short = count++ % 2 === 1 ? 1 : 0;
      response.writeHead(200, {
        'X-Version': 'v1',
        'X-Crc32': '1',
        'Content-Length': SMALL.transferBytes - short,
      });
      response.end(Buffer.alloc(SMALL.transferBytes - short));
    }),
  );

  const report = await run({ port, ...QUIET, downloads: 2, ...SMALL, transferMs: 20 }, 200);

  assert.equal(report.downloads.done, 0);
  assert.ok(report.failures.corrupt >= 2 && report.failures.corrupt === report.failed);
});

const STREAMS: readonly (readonly [
  what: string,
  kind: FailureKind | null,
  switched: boolean,
  text: string,
])[] = [
  ['ends in order by itself', null, false, 'id: 1\ndata: a\n\nevent: end\ndata: {}\n\n'],
  ['ends in order after a switch', null, true, 'id: 1\ndata: a\n\n'],
  ['ends though nothing switched', 'ended-early', false, 'id: 1\ndata: a\n\n'],
  ['ends within an event', 'truncated', true, 'id: 1\ndata: a\n\nid: 2\nda'],
  ['misses an event', 'corrupt', true, 'id: 1\ndata: a\n\nid: 3\ndata: a\n\n'],
  ['repeats an event', 'corrupt', true, 'id: 1\ndata: a\n\nid: 1\ndata: a\n\n'],
];

for (const [what, kind, switched, text] of STREAMS) {
  test(`a stream that ${what} ${kind === null ? 'is no failure' : `is found: ${kind}`}`, async () => {
    const open = Promise.withResolvers<ServerResponse>();
    const port = await listen(
      createHttpServer((_, response) => {
        response.writeHead(200, { 'X-Version': 'v1', 'Content-Type': 'text/event-stream' }).flushHeaders();
        open.resolve(response);
      }),
    );
    const load = begin({ ...QUIET, port, streams: 1 });
    const response = await open.promise;
    await until(() => load.snapshot().streams.openNow === 1);
    if (switched) load.switched();

    response.end(text);
    await until(() => load.snapshot().streams.openNow === 0);
    const report = await load.stop();

    assert.equal(report.failed, kind === null ? 0 : 1, JSON.stringify(report.examples));
    if (kind !== null) assert.equal(report.failures[kind], 1);
    assert.equal(report.streams.endedProperly, kind === null ? 1 : 0);
    assert.equal(report.streams.spanned, switched ? 1 : 0);
  });
}

test('a stream whose connection is cut after a switch is still a failure', async () => {
  const port = await answering((request, response) => {
    response.writeHead(200, { 'X-Version': 'v1' }).write('id: 1\ndata: a\n\n');
    setTimeout(() => request.socket.destroy(), 30);
  });
  const load = begin({ ...QUIET, port, streams: 1 });
  await until(() => load.snapshot().streams.openNow === 1);
  load.switched();

  await until(() => load.snapshot().failed === 1);
  const report = await load.stop();

  assert.equal(report.failures.truncated, 1);
  assert.equal(report.streams.endedProperly, 0);
});

test('transfers that were under way while the route changed are counted', async () => {
  const port = await listen(
    (await loadShop())({ version: 'v1', medianMs: 0, errorRate: 0, slowdown: 1, tickMs: 50 }),
  );
  const load = begin({ ...QUIET, port, uploads: 1, downloads: 1, ...SMALL });
  const counts = (of: 'done' | 'spanned'): number[] => {
    const { downloads, uploads } = load.snapshot();
    return [downloads[of], uploads[of]];
  };
  await until(() => counts('done').every((count) => count >= 1));
  assert.deepEqual(counts('spanned'), [0, 0]);

  await until(() => {
    load.switched();
    return counts('spanned').every((count) => count >= 1);
  });
  const rest = counts('done').map((count) => count + 3);
  const most = counts('spanned').map((count) => count + 1);
  await until(() => counts('done').every((count, i) => count >= rest[i]!));

  assert.ok(counts('spanned').every((count, i) => count <= most[i]!));
  const report = await load.stop();

  assert.equal(report.failed, 0);
});

test('a person keeps the cookie that came with the first answer, and newcomers have none', async () => {
  const seen: (string | undefined)[] = [];
  let given = 0;
  const port = await answering((request, response) => {
    const { cookie } = request.headers;
    seen.push(cookie);
    response.setHeader('X-Version', 'v1').setHeader('X-Echo', echoOf(response));
    if (cookie === undefined) response.setHeader('Set-Cookie', [`who=${++given}; Path=/; HttpOnly`, 'b=2']);
    response.end('ok');
  });

  await run({ port, perSecond: 200, connections: 1, users: 5, newcomers: 0 }, 300);
  const known = new Set(seen);
  seen.length = 0;
  await run({ port, perSecond: 200, connections: 1, users: 5, newcomers: 1 }, 100);

  assert.deepEqual(known, new Set([undefined, ...[1, 2, 3, 4, 5].map((n) => `who=${n}; b=2`)]));
  assert.deepEqual(new Set(seen), new Set([undefined]));
});

test('a door slower than the fixed rate shows in latencies and in requests unsent, not in a lower demand', async () => {
  const port = await answering((_, response) => {
    response.setHeader('X-Version', 'v1').setHeader('X-Echo', echoOf(response));
    setTimeout(() => response.end('ok'), 100);
  });

  const report = await run({ port, perSecond: 100, connections: 2 }, 500);

  assert.ok(report.sent < 15);
  assert.ok(report.latencyMs.max > 300, `the last one waited ${report.latencyMs.max} ms`);
});

test('in its own process it takes commands, notes the version that serves, and is gone afterwards', async () => {
  const port = await listen(
    (await loadShop())({ version: 'v3', medianMs: 0, errorRate: 0, slowdown: 1, tickMs: 50 }),
  );
  const load = forkLoad({ port, perSecond: 300, streams: 1, requests: ['GET /product/cup'] });

  await load.served('v3', 20, 5000);
  await assert.rejects(load.served('v4', 1, 50), /v4 answered 0 of 1 requests within 50 ms/);
  await load.switched();
  const during = await load.snapshot();
  const report = await load.stop();

  assert.ok(during.answered >= 20 && report.answered >= during.answered);
  assert.deepEqual([report.failed, report.switches, report.streams.opened], [0, 1, 1]);
  assert.throws(() => process.kill(load.pid, 0), { code: 'ESRCH' });
});

test('a wrong flag stops it', () => {
  assert.throws(() => parseLoadArguments(['--port', '1', '--speed', '7']), /--speed/);
  assert.throws(() => parseLoadArguments(['--port', 'x']), /--port takes a number/);
  assert.throws(() => parseLoadArguments(['--port', '1', '--duration', '10']), /--duration takes a duration/);
  assert.throws(() => parseLoadArguments([]), /--port is needed/);
});

async function run(options: Partial<LoadOptions> & { port: number }, ms: number): Promise<LoadReport> {
  const load = begin(options);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return load.stop();
}

function begin(options: Partial<LoadOptions> & { port: number }): Load {
  const load = startLoad({ ...DEFAULT_LOAD, ...options });
  loads.push(load);
  return load;
}

async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 5000;
  while (!holds()) {
    assert.ok(performance.now() < endMs, `not within 5 s: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function head(lines: string, body: string): string {
  return `HTTP/1.1 200 OK\r\nX-Version: v1\r\n${lines}\r\n\r\n${body}`;
}

function echoOf(response: ServerResponse): string {
  return String(response.req.headers['x-echo'] ?? '');
}

function answering(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  return listen(createHttpServer(answer));
}

/** A server of bytes: `act` is called with the socket on the first bytes of a request. */
function raw(act: (socket: Socket) => void): Promise<number> {
  return listen(
    createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => act(socket));
    }),
  );
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
