import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { VerifyCheck } from '../../release/service.ts';
import { httpCheck } from './http-check.ts';

type HttpCheck = Extract<VerifyCheck, { kind: 'http' }>;

const CHECK: HttpCheck = {
  kind: 'http',
  method: 'GET',
  path: '/checkout?a=b',
  status: { from: 200, to: 299 },
  contains: null,
  headers: {},
  withinMs: 2000,
  attempts: 1,
};

async function tried(t: TestContext, change: Partial<HttpCheck>, answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return httpCheck({ ...CHECK, ...change }, { host: '127.0.0.1', port }, new AbortController().signal);
}

test('an answer as wanted is good: status, text and headers', async (t) => {
  const change = { contains: '"items"', headers: { 'x-version': 'v2' } };
  const asked: string[] = [];
  const result = await tried(t, change, (req, res) => {
    asked.push(`${req.method} ${req.url}`);
    res.writeHead(201, { 'X-Version': 'v2' }).end('{"items": []}');
  });

  assert.deepEqual([result.ok, result.output, asked], [true, [], ['GET /checkout?a=b']]);
  assert.match(result.found, /^201 \(\d+ms\)$/);
});

test('what is wrong is said, with the beginning of the body', async (t) => {
  const failing = await tried(t, {}, (_, res) =>
    res.writeHead(500).end(`no such table\n${'x'.repeat(1000)}`),
  );
  assert.match(failing.found, /^500 instead of 2xx \(\d+ms\)$/);
  assert.equal(failing.output[0]!.length, 200);
  assert.match(failing.output[0]!, /^no such table x+$/);

  const lacking = await tried(t, { contains: 'cart' }, (_, res) => res.end('nothing'));
  assert.match(lacking.found, /^200, but the body does not contain "cart"/);
  const odd = await tried(t, { headers: { 'x-version': 'v2' } }, (_, res) => res.end());
  assert.match(odd.found, /^200, but x-version is absent instead of "v2"/);
  const moved = await tried(t, {}, (_, res) => res.writeHead(302, { location: '/' }).end());
  assert.match(moved.found, /^302 instead of 2xx/);
});

test('nobody is waited for longer than the check says, and an endless body ends', async (t) => {
  const silent = await tried(t, { withinMs: 100 }, () => undefined);
  assert.deepEqual([silent.ok, silent.found], [false, 'no answer within 0.1s']);
  const halting = await tried(t, { withinMs: 100 }, (_, res) => res.write('half'));
  assert.equal(halting.ok, false);
  const endless = await tried(t, { contains: 'y' }, (_, res) => {
    const more = (): void => void (res.destroyed || res.write('y'.repeat(65_536), more));
    more();
  });
  assert.equal(endless.ok, true);
});

test('where nobody listens, that is found', async () => {
  const result = await httpCheck(CHECK, { host: '127.0.0.1', port: 1 }, new AbortController().signal);

  assert.deepEqual([result.ok, result.found], [false, 'ECONNREFUSED']);
});
