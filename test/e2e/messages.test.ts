/** Messages and metrics through the real program: real receivers, a real Prometheus. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { httpReceiver } from '../../src/notify/receivers-fixture.ts';
import type { SettingsAnswer } from '../../src/api/api-types.ts';
import { freePorts } from './ports.ts';
import { noPrometheus, startPrometheus } from './prometheus.ts';
import { lasting, openStage, told, type Stage } from './stage.ts';
import { startTarget } from './target-server.ts';
import { waitFor } from './wait-for.ts';

const SECRET = 'a secret of more than 24 characters';
const DASHBOARD = join(import.meta.dirname, '../../packaging/grafana-dashboard.json');

/** What the server answers over its viewer's socket. */
async function look<T>({ stateDirectory }: Stage, path: string): Promise<T> {
  const asked = request({ socketPath: join(stateDirectory, 'sockets/viewer.sock'), path: `/api/v1${path}` });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return JSON.parse(await text(response)) as T;
}

function withSecret(stateDirectory: string): void {
  mkdirSync(join(stateDirectory, 'secrets'), { recursive: true, mode: 0o700 });
  writeFileSync(join(stateDirectory, 'secrets/hook'), SECRET, { mode: 0o400 });
}

test('a receiver that never answers holds up nothing, and hears everything after a kill; the other hears each once', async (t) => {
  const well = await httpReceiver();
  let answers = false;
  const silent = await httpReceiver((response) => void (answers && response.end()));
  t.after(async () => [well, silent].forEach((one) => one.close()));
  const stage = await openStage(
    t,
    `notify:
  well: {kind: webhook, url: '${well.url}', secret: file:hook}
  silent: {kind: webhook, url: '${silent.url}', secret: file:hook, timeout: 30s}
`,
    withSecret,
  );
  const app = await stage.app('shop', { strategy: lasting() });
  const first = await app.deploy('v1');
  assert.equal(first.code, 0, told(first));
  await app.deployDetached('v2');
  await app.untilDwelling();
  const aborted = await app.verb('abort');
  assert.equal(aborted.code, 0, told(aborted));
  await app.untilOver();
  const kinds = (receiver: typeof well) =>
    receiver.got.map(({ body }) => `${body.data.label} ${body.data.kind} ${body.data.outcome}`);
  const all = [
    'v1 started null',
    'v1 ended done',
    'v2 started null',
    'v2 going-back aborted',
    'v2 ended aborted',
  ];
  await waitFor('the one that is well to hear it', () => kinds(well).length === all.length);
  assert.deepEqual(kinds(silent), ['v1 started null']);

  await stage.controller().stop('SIGKILL');
  answers = true;
  await stage.serve();

  await waitFor('the other to hear it', () => kinds(silent).length === all.length + 1);
  assert.deepEqual(kinds(silent).slice(1), all);
  assert.equal(silent.got[0]!.headers['webhook-id'], silent.got[1]!.headers['webhook-id']);
  // The kill may fall between a message and its record: then this one comes twice.
  assert.deepEqual([...new Set(kinds(well))], all);
  assert.ok(!stage.controller().log().includes(SECRET));
});

test('the settings say where a channel goes and how it does, and what its test was answered', async (t) => {
  let status = 200;
  const hook = await httpReceiver((response) => void response.writeHead(status).end());
  t.after(async () => hook.close());
  const stage = await openStage(
    t,
    `notify:
  hook: {kind: webhook, url: '${hook.url}', secret: file:hook}
  ci: {kind: webhook, url: 'https://ci.example.com/hooks/1', secret: file:none}
`,
    withSecret,
  );

  const tried = await stage.run(['notify', 'test', '--channel', 'hook', '--json']);
  assert.equal(tried.code, 0, told(tried));
  status = 503;
  const refused = await stage.run(['notify', 'test', '--channel', 'hook', '--json']);
  assert.equal(refused.code, 15, told(refused));
  const { settings } = await look<SettingsAnswer>(stage, '/settings');

  const [was, is] = [tried, refused].map(({ stdout }) => JSON.parse(stdout).tried[0]);
  assert.deepEqual([was.ok, was.status, is.ok, is.status], [true, 200, false, 503]);
  assert.equal(settings.file, join(stage.stateDirectory, 'server.yaml'));
  assert.deepEqual(
    settings.channels.map(({ host, trouble }) => [
      host,
      trouble === null ? null : /file:none/u.test(trouble),
    ]),
    [
      [new URL(hook.url).host, null],
      ['ci.example.com', true],
    ],
  );
  assert.doesNotMatch(JSON.stringify(settings), new RegExp(SECRET, 'u'));
});

test('a version that is down while no rollout is under way is told of', async (t) => {
  const hook = await httpReceiver();
  t.after(async () => hook.close());
  const scope = { after: (end: () => Promise<void>) => t.after(end) };
  const [blue, green] = [await startTarget(scope, 'v1'), await startTarget(scope, 'v2')];
  const notify = `notify:\n  hook: {kind: webhook, url: '${hook.url}', secret: file:hook, about: waits}\n`;
  const stage = await openStage(t, notify, withSecret);
  const ofOthers = { run: undefined, 'max-replicas': undefined, 'stop-grace': undefined };
  const app = await stage.app('shop', { ...ofOthers, targets: { blue: blue.url, green: [green.url] } });
  const ran = await app.verb('deploy', '--version', 'v1');
  assert.equal(ran.code, 0, told(ran));

  blue.healthy = false;
  await waitFor('somebody to be told', () => hook.got.length > 0, { withinMs: 60_000 });

  const { type, data } = hook.got[0]!.body;
  assert.equal(type, 'bascule.service.down.v1');
  assert.deepEqual([data.service, data.subject, data.isBad], ['shop', 'v1', true]);
});

test('a real Prometheus has data for every query of the dashboard', { skip: noPrometheus }, async (t) => {
  const hook = await httpReceiver();
  t.after(async () => hook.close());
  const [port] = await freePorts(1);
  const stage = await openStage(
    t,
    `listeners:\n  - {address: 127.0.0.1, port: ${port}}\nnotify:\n  hook: {kind: webhook, url: '${hook.url}', secret: file:hook}\n`,
    withSecret,
  );
  const made = await stage.run(['token', 'create', 'prometheus', '--role', 'viewer', '--for', '1h']);
  const token = join(stage.world.directory, 'token');
  writeFileSync(token, made.stdout.trim());
  const prometheus = await startPrometheus(join(stage.world.directory, 'prometheus'), {
    ports: [],
    jobs: `  - job_name: bascule
    metrics_path: /api/v1/metrics
    authorization: {credentials_file: ${token}}
    static_configs: [{targets: ['127.0.0.1:${port}']}]
`,
  });
  t.after(() => prometheus.stop());
  const app = await stage.app('shop', { strategy: lasting() });
  assert.equal((await app.deploy('v1')).code, 0);
  await app.deployDetached('v2');
  await app.untilDwelling();
  await app.verb('pause');
  const load = setInterval(() => void fetch(`http://127.0.0.1:${app.port}/`).catch(() => undefined), 20);
  t.after(async () => clearInterval(load));

  const { panels } = JSON.parse(readFileSync(DASHBOARD, 'utf8')) as {
    panels: { targets: { expr: string }[] }[];
  };
  const queries = panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => expr.replaceAll('$service', '.*').replaceAll('$__rate_interval', '5s')),
  );
  assert.ok(queries.length >= 10);
  for (const query of queries)
    await waitFor(`data for ${query}`, async () => {
      const got = await fetch(`${prometheus.url}/api/v1/query?${new URLSearchParams({ query }).toString()}`);
      const { status, data } = (await got.json()) as { status: string; data: { result: unknown[] } };
      assert.equal(status, 'success', query);
      return data.result.length > 0;
    });

  const asked = await fetch(`http://127.0.0.1:${port}/api/v1/metrics`, {
    headers: { authorization: `Bearer ${made.stdout.trim()}` },
  });
  const checked = spawnSync('promtool', ['check', 'metrics'], {
    input: await asked.text(),
    encoding: 'utf8',
  });
  assert.deepEqual([asked.status, checked.status, checked.stderr], [200, 0, ''], 'under load, as it is read');
});
