/** Measures that need no metrics system: what is pushed, a command, a JSON answer; and that no credential is left anywhere. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { globSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { canary, openStage, told, type Settings } from './stage.ts';

const TOKEN = 'leak-me-not-5d41402abc4b2a76';
const LOAD = { perSecond: 80, users: 200, connections: 4, requests: ['GET /'] } as const;
const WINDOW = { interval: '2s', delay: '1s' } as const;

function judged(measures: Settings, more: Settings = {}): Settings {
  return {
    'max-replicas': 1,
    strategy: canary({
      sticky: 'none',
      dwell: { 'at-least': '2s', 'at-most': '15s' },
      judge: measures,
      ...more,
    }),
  };
}

/** As an application does it. */
async function push(stateDirectory: string, version: string, measures: Settings): Promise<number> {
  const socketPath = join(stateDirectory, 'sockets', 'operator.sock');
  const sent = request({
    socketPath,
    method: 'POST',
    path: '/api/v1/services/shop/measures',
    headers: { 'content-type': 'application/json' },
    agent: false,
  });
  sent.end(JSON.stringify({ version, measures }));
  const [response] = (await once(sent, 'response')) as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

test('counters that applications push take a version back whose business falls', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app(
    'shop',
    judged({ signups: { pushed: 'signups', 'fewer-by': '20%', ...WINDOW } }),
  );
  assert.equal((await app.deploy('v1')).code, 0);
  app.load(LOAD);
  const pushing = setInterval(() => {
    void push(stage.stateDirectory, 'v1', { signups: 20 }).catch(() => undefined);
    void push(stage.stateDirectory, 'v2', { signups: 2 }).catch(() => undefined);
  }, 500);
  t.after(() => clearInterval(pushing));

  const ran = await app.deploy('v2');

  assert.equal(ran.code, 10, told(ran));
  assert.match(ran.stdout, /signups -\d+% .* is fewer than stable's by over 20%/u);
});

test('a command that fails takes a version back, with its last words', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', judged({ smoke: { command: './smoke.sh', failures: 2, ...WINDOW } }));
  await app.write('smoke.sh', '#!/bin/sh\necho "the basket of $BASCULE_VERSION is empty"\nexit 1\n');
  await chmod(join(app.directory, 'smoke.sh'), 0o755);
  assert.equal((await app.deploy('v1')).code, 0);
  app.load(LOAD);

  const ran = await app.deploy('v2');

  assert.equal(ran.code, 10, told(ran));
  assert.match(ran.stdout, /smoke failed 2 times in a row: .*the basket of v2 is empty/u);
});

test('a token is neither in a log, nor in what is kept, nor in any output, whatever its server repeats', async (t) => {
  const url = await repeatingServer(t);
  const stage = await openStage(
    t,
    `sources: {stats: {kind: json, url: '${url}', bearer: 'file:stats'}}\n`,
    () => undefined,
  );
  await mkdir(join(stage.stateDirectory, 'secrets'), { recursive: true });
  await writeFile(join(stage.stateDirectory, 'secrets', 'stats'), `${TOKEN}\n`, { mode: 0o400 });
  const measure = {
    json: '/orders?v={{version}}',
    from: 'stats',
    path: 'n',
    max: 1,
    'source-down': 'ignore',
  };
  const app = await stage.app('shop', judged({ orders: { ...measure, ...WINDOW } }));
  const outputs = [await app.run(['check']), await app.deploy('v1')];
  app.load(LOAD);

  outputs.push(await app.deploy('v2'), await app.run(['check']), await app.run(['status', 'shop']));
  const { id, verdict } = (await app.view()).last!;
  outputs.push(await app.run(['why', id, '--json']), await app.run(['config']));

  assert.equal(outputs[2]!.code, 0, told(outputs[2]!));
  assert.equal(verdict!.measures![0]!.state, 'source-down', JSON.stringify(verdict!.measures));
  assert.match(outputs[3]!.stdout, /orders \(stats\): .*answered 403/u);
  assert.doesNotMatch(outputs.map(told).join('\n') + stage.controller().log(), new RegExp(TOKEN, 'u'));
  await stage.controller().stop();
  const files = globSync('**/*', { cwd: stage.stateDirectory }).filter(
    (file) => file !== 'secrets/stats' && statSync(join(stage.stateDirectory, file)).isFile(),
  );
  const holding = files.filter((file) => readFileSync(join(stage.stateDirectory, file)).includes(TOKEN));
  assert.deepEqual(holding, []);
  assert.ok(files.some((file) => file === 'journal.db') && files.some((file) => file === 'samples.db'));
});

/** Refuses everybody, and says with what they came. */
async function repeatingServer(t: TestContext): Promise<string> {
  const server = createServer((asked, response) => {
    response.statusCode = 403;
    response.end(JSON.stringify({ error: `not with ${asked.headers.authorization}` }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
