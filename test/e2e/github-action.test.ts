/** The GitHub Action, as a runner starts it: the real program behind it, and a real receiver in GitHub's place. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { blueGreen, lasting, openStage, type App, type Stage } from './stage.ts';
import { waitFor } from './wait-for.ts';

const ACTION = fileURLToPath(new URL('../../packaging/github', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const closers: (() => Promise<void>)[] = [];
let stage: Stage;

before(async () => {
  stage = await openStage({ after: (close) => void closers.push(close) });
});
after(async () => {
  for (const close of closers.toReversed()) await close();
});

type Inputs = Readonly<Record<string, string>>;
type Job = {
  readonly code: number | null;
  readonly log: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
};

/** Inputs that are not given have their defaults, as the runner fills them in. */
function begin(app: App, inputs: Inputs, env: Inputs = {}) {
  const action = parse(readFileSync(join(ACTION, 'action.yml'), 'utf8')) as {
    readonly inputs: Record<string, { readonly default: string }>;
    readonly outputs: Record<string, unknown>;
    readonly runs: { readonly main: string };
  };
  for (const name of Object.keys(inputs)) assert.ok(name in action.inputs, `no input ${name}`);
  const filled = Object.entries(action.inputs).map(([name, { default: usual }]) => [
    `INPUT_${name.toUpperCase()}`,
    inputs[name] ?? usual,
  ]);
  const [output, summary] = ['output', 'summary'].map((name) => join(app.directory, `.github-${name}`));
  for (const file of [output!, summary!]) writeFileSync(file, '');
  const child = spawn(process.execPath, [join(ACTION, action.runs.main)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      ...Object.fromEntries(filled),
      INPUT_COMMAND: `${process.execPath} ${MAIN}`,
      'INPUT_WORKING-DIRECTORY': app.directory,
      BASCULE_STATE_DIR: stage.stateDirectory,
      GITHUB_ACTIONS: 'true',
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: summary,
      ...env,
    },
  });
  const ended = (async (): Promise<Job> => {
    const [log, wrong, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    const outputs = Object.fromEntries(
      [...readFileSync(output!, 'utf8').matchAll(/^(\S+)<<(end-\S+)\n([\s\S]*?)\n\2$/gmu)].map(
        ([, name, , value]) => [name!, value!],
      ),
    );
    for (const name of Object.keys(outputs)) assert.ok(name in action.outputs, `no output ${name}`);
    return { code, log: log + wrong, outputs, summary: readFileSync(summary!, 'utf8') };
  })();
  return { child, ended };
}

async function write(
  app: App,
  version: string,
  release: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await app.write('version.json', JSON.stringify({ version, ...release }));
}

/** Keeps what it is asked, and answers as GitHub does. */
async function openGitHub(status = 201) {
  const asked: { readonly url: string; readonly body: Record<string, unknown> }[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const url = `${request.url} ${request.headers.authorization}`;
      asked.push({ url, body: JSON.parse(body) as Record<string, unknown> });
      const statuses = `http://${request.headers.host}/repos/acme/shop/deployments/7/statuses`;
      response.writeHead(status).end(JSON.stringify({ statuses_url: statuses }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = {
    GITHUB_API_URL: api,
    GITHUB_REPOSITORY: 'acme/shop',
    GITHUB_SHA: 'abc123',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_RUN_ID: '99',
  };
  return { asked, env, close: () => server.close() };
}

describe('the GitHub Action', { concurrency: 3 }, () => {
  test('a version that is promoted: outputs, a summary, a notice, and a deployment that succeeded', async (t) => {
    const github = await openGitHub();
    t.after(github.close);
    const app = await stage.app('fine', { strategy: blueGreen() });
    await write(app, 'v1');

    const { code, log, outputs, summary } = await begin(
      app,
      { service: 'fine', version: 'v1', environment: 'production', 'github-token': 'gh-secret' },
      github.env,
    ).ended;

    assert.equal(code, 0, log);
    assert.equal(outputs['outcome'], 'done');
    assert.match(outputs['rollout']!, /^r-[0-9a-f]{8}$/);
    assert.equal(outputs['exit-code'], '0');
    assert.match(log, /^\d\d:\d\d:\d\d r-[0-9a-f]{8} /m);
    assert.match(log, /^::notice title=Bascule::/m);
    assert.ok(summary.includes(outputs['sentence']!), summary);
    assert.deepEqual(
      github.asked.map(({ url, body }) => [url, body['state'] ?? body['environment']]),
      [
        ['/repos/acme/shop/deployments Bearer gh-secret', 'production'],
        ['/repos/acme/shop/deployments/7/statuses Bearer gh-secret', 'in_progress'],
        ['/repos/acme/shop/deployments/7/statuses Bearer gh-secret', 'success'],
      ],
    );
  });

  test('a version that never becomes ready fails the job; GitHub may refuse, and the rollout does not care', async (t) => {
    const github = await openGitHub(403);
    t.after(github.close);
    const app = await stage.app('broken', { strategy: blueGreen(), run: 'sh -c "exit 3"' });
    await write(app, 'v1');

    const { code, log, outputs } = await begin(
      app,
      { service: 'broken', version: 'v1', environment: 'production' },
      github.env,
    ).ended;

    assert.equal(code, 16, log);
    assert.equal(outputs['exit-code'], '16');
    assert.match(log, /^::error title=Bascule::/m);
    assert.match(log, /GitHub answered 403 to the deployment/);
    assert.equal(github.asked.length, 1);
  });

  test('what is refused, is no file, or is no input says so, and begins nothing', async () => {
    const app = await stage.app('refused', { strategy: blueGreen() });
    const none = await begin(app, { service: 'nobody' }).ended;
    const wrong = await begin(app, { service: 'refused', until: 'later' }).ended;
    const missing = await begin(app, { service: 'refused', file: 'none.yaml' }).ended;

    assert.equal(none.code, 2, none.log);
    assert.equal(none.outputs['outcome'], 'refused');
    assert.match(none.log, /^::error title=Bascule::.*nobody/m);
    assert.equal(wrong.code, 2);
    assert.match(wrong.log, /::error title=Bascule::until is done or paused, not "later". Nothing was done./);
    assert.equal(missing.code, 2, missing.log);
  });

  test('a job that is cancelled takes the version back, or leaves it if told to; one that is late leaves it', async () => {
    const app = await stage.app('stopped', { strategy: lasting() });
    assert.equal((await app.deploy('v1')).code, 0);
    await write(app, 'v2');
    const cancelled = begin(app, { service: 'stopped', version: 'v2' });
    await app.untilDwelling();
    cancelled.child.kill('SIGINT');

    const { code, log, outputs } = await cancelled.ended;

    assert.equal(code, 130, log);
    assert.equal(outputs['outcome'], 'aborted', log);
    await app.untilOver();
    assert.equal((await app.ask()).version, 'v1');

    await write(app, 'v3');
    const late = await begin(app, { service: 'stopped', version: 'v3', timeout: '10s' }).ended;

    assert.equal(late.code, 14, late.log);
    assert.equal(late.outputs['outcome'], 'running');
    assert.match(
      late.log,
      /::error title=Bascule%3A the job stopped following|::error title=Bascule.*stopped following/,
    );
    const { rollout } = await waitFor('the rollout goes on', async () => app.view());
    assert.equal(rollout?.label, 'v3');
    await app.verb('abort');
    await app.untilOver();
  });

  test('nothing that a version says is a command to the runner', async () => {
    const app = await stage.app('loud', {
      strategy: blueGreen(),
      build: 'echo "::set-env name=X::y"; exit 1',
    });
    await write(app, 'v1');

    const { log, outputs } = await begin(app, { service: 'loud', version: 'v1' }).ended;

    const [, mark] = /::stop-commands::(\S+)/.exec(log)!;
    const [before = '', rest = ''] = log.split(`::stop-commands::${mark}`);
    const [, afterwards = ''] = rest.split(`::${mark}::`);
    for (const part of [before, afterwards])
      for (const line of part.split('\n'))
        if (line.startsWith('::')) assert.match(line, /^::(?:add-mask|notice|error|warning)[ :]/);
    assert.notEqual(outputs['exit-code'], '0');
  });
});
