import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { get, type IncomingMessage } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { openStage, send } from '../conformance.ts';
import { MANAGED, type NginxBench, openNginx } from './conformance.ts';

const has = (program: string): boolean => spawnSync(program, ['version']).error === undefined;
const skip = has('nginx') ? false : 'nginx is not installed';

describe('doors of nginx', { skip }, () => {
  let bench: NginxBench;
  before(async () => {
    bench = await openNginx();
  });
  after(async () => bench?.close());

  const withoutKeys = has('openssl') ? false : 'openssl is not installed';
  test('TLS from files: served, and the cookie is Secure', { skip: withoutKeys }, async (t) => {
    const [key, certificate] = [join(bench.root, 'key.pem'), join(bench.root, 'cert.pem')];
    const options = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=shop.example';
    const made = spawnSync('openssl', ['req', ...options.split(' '), '-keyout', key, '-out', certificate]);
    assert.equal(made.status, 0, made.stderr.toString());
    chmodSync(key, 0o600);
    const stage = await openStage(bench.router, {}, undefined, { ...MANAGED, tls: { certificate, key } });
    t.after(() => stage.close());
    await stage.route({ serve: 'blue' });
    for (const each of [...stage.applications.blue, ...stage.applications.green])
      each.on.set('/proto', (req, res) => res.end(String(req.headers['x-forwarded-proto'])));

    const asking = request({
      port: stage.port,
      path: '/proto',
      rejectUnauthorized: false,
      agent: false,
    }).end();
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    const [body] = (await once(response, 'data')) as [Buffer];

    assert.deepEqual([response.statusCode, body.toString()], [200, 'https']);
    assert.match(response.headers['set-cookie']![0]!, /^bascule_id=[0-9a-f]{32};.*; Secure$/);
  });

  test('a WebSocket echoes, is seen as a stream, and ends with its application', async (t) => {
    const stage = await openStage(bench.router, {}, undefined, { ...MANAGED, readTimeoutMs: 300 });
    t.after(() => stage.close());
    await stage.route({ serve: 'blue' });
    for (const { server } of stage.applications.blue)
      new WebSocketServer({ server }).on('connection', (socket) =>
        socket.on('message', (data) => socket.send(`blue ${(data as Buffer).toString()}`)),
      );
    const socket = new WebSocket(`ws://127.0.0.1:${stage.port}/live`);
    await once(socket, 'open');
    socket.send('hello');
    assert.equal(String((await once(socket, 'message'))[0]), 'blue hello');

    await stage.route({ serve: 'green' });
    await stage.observed((seen) => seen.slots.blue.streams === 1);
    socket.send('still');
    assert.equal(String((await once(socket, 'message'))[0]), 'blue still');
    // Longer than any other answer may take.
    await new Promise((resolve) => setTimeout(resolve, 900));
    socket.send('again');
    assert.equal(String((await once(socket, 'message'))[0]), 'blue again');
    const closed = once(socket, 'close');
    await Promise.all(stage.applications.blue.map((each) => each.close()));
    await closed;
    await stage.observed((seen) => seen.slots.blue.streams === 0);
  });

  test('an event stream comes as it is sent, also where another slot stands in', async (t) => {
    const stage = await openStage(bench.router, {}, undefined, bench.proxy);
    t.after(() => stage.close());
    for (const each of stage.applications.green)
      each.on.set('/events', (_req, res) => void res.write('data: first\n\n'));
    await stage.route({ serve: 'blue' });
    await Promise.all(stage.applications.blue.map((each) => each.close()));

    const asking = get({ port: stage.port, path: '/events', headers: { accept: 'text/event-stream' } });
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    const [data] = (await once(response, 'data')) as [Buffer];

    assert.equal(data.toString(), 'data: first\n\n');
    asking.destroy();
  });

  test('of a target in absolute form, its host is the one that the application is told', async (t) => {
    const stage = await openStage(bench.router, {}, undefined, bench.proxy);
    t.after(() => stage.close());
    for (const each of stage.applications.blue)
      each.on.set('/host', (req, res) =>
        res.end(`${req.headers.host} ${String(req.headers['x-forwarded-host'])}`),
      );
    await stage.route({ serve: 'blue' });
    const told = async (path: string): Promise<string> =>
      (await send({ port: stage.port, path, headers: { host: 'b.example:81' } })).body;

    assert.equal(await told('http://a.example/host'), 'a.example a.example');
    assert.equal(await told('/host'), 'b.example:81 b.example:81');
  });

  test('a directory of routes that nobody may read is 503, never a slot', async (t) => {
    const stage = await openStage(bench.router, {}, undefined, bench.proxy);
    t.after(() => stage.close());
    await stage.route({ serve: 'blue' });
    const directory = join(bench.root, 's', stage.door.service);

    chmodSync(directory, 0o700);
    const seen = await send({ port: stage.port, path: '/' });
    chmodSync(directory, 0o755);

    // Workers of the controller's own user may read it all the same.
    assert.equal(seen.status, process.getuid!() === 0 ? 503 : 200);
    assert.match((await stage.get('/')).body, /^blue-/);
  });
});
