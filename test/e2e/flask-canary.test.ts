/** examples/flask-canary with the Flask that is installed: its application, its file, and a bad day of its new version. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePorts } from './ports.ts';
import { askAt, openStage, told, type App, type Stage } from './stage.ts';
import { waitFor } from './wait-for.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/flask-canary', import.meta.url));
const FLASK = ['-m', 'flask'];
const flask = spawnSync('python3', [...FLASK, '--version'], { encoding: 'utf8' });
const skip =
  flask.status === 0
    ? false
    : 'there is no Flask: python3 -m flask --version failed (apt-get install python3-flask)';

/** One in five requests of the new version raises: enough good ones in a row to pass the gate. */
const ONE_IN_FIVE = `requests = 0


@app.route('/canary')
def hello_canary():
    global requests
    requests += 1
    if requests % 5 == 0:
        raise RuntimeError('a bad day')
`;
const ALWAYS = `@app.route('/canary')
def hello_canary():
    raise RuntimeError('a bad day')
`;

describe('examples/flask-canary', { skip }, () => {
  const closers: (() => Promise<void>)[] = [];
  let stage: Stage;

  before(async () => {
    stage = await openStage({ after: (close) => void closers.push(close) });
  });
  after(async () => {
    for (const close of closers.toReversed()) await close();
  });

  /** The example in a directory of its own, on ports of its own, with shorter steps; v1 serves. */
  async function serving(name: string, bad: string | null): Promise<App> {
    const app = await stage.app(name);
    await cp(EXAMPLE, app.directory, { recursive: true });
    const [port] = await freePorts(1);
    const file = await readFile(join(EXAMPLE, 'bascule.yaml'), 'utf8');
    const own = file
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
      .replace('listen: 8000', `listen: 127.0.0.1:${app.port}`)
      .replace('  hello:', `  ${name}:`)
      .replace(
        /canary: .*/,
        'canary: {steps: [50%, 100%], dwell: {at-least: 2s, at-most: 4s}, bake: 0s, warm-up: 0s, watch: 0s, when-unsure: {wait: 0s, then: advance}}',
      );
    // A bad one that is undecided for want of requests would go on to everybody.
    const patient = bad === null ? own : own.replace('at-most: 4s', 'at-most: 2m');
    await writeFile(join(app.directory, 'bascule.yaml'), patient);
    if (bad !== null) {
      const code = await readFile(join(EXAMPLE, 'app.py'), 'utf8');
      assert.ok(code.includes('def hello_canary():\n'));
      await writeFile(
        join(app.directory, 'app.py'),
        code.replace("@app.route('/canary')\ndef hello_canary():\n", bad),
      );
    }
    await startFlask(app.directory, port!);
    const ran = await app.verb('deploy', '--version', 'v1');
    assert.equal(ran.code, 0, told(ran));
    assert.equal((await app.ask()).body, 'Hello, World!');
    return app;
  }

  /** As somebody else runs it: no child of Bascule. */
  async function startFlask(directory: string, port: number): Promise<void> {
    const child = spawn('python3', [...FLASK, 'run', '--port', String(port)], {
      cwd: directory,
      stdio: 'ignore',
    });
    closers.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await waitFor('Flask to answer', () => askAt(port), { withinMs: 30_000, everyMs: 100 });
  }

  test('a share of "/" is answered by "/canary", then all of it', async () => {
    const app = await serving('good', null);
    const load = app.load({ perSecond: 40, users: 100, connections: 4, requests: ['GET /'] });

    const ran = await app.verb('deploy', '--version', 'v2');
    const seen = await load.stop();

    assert.equal(ran.code, 0, told(ran));
    assert.equal((await app.ask()).body, 'Hello, World! (the new one)');
    // What it calls foreign is Flask, which does not say its version.
    assert.equal(seen.failed, seen.failures.foreign, JSON.stringify(seen.examples));
    assert.ok(seen.failures.foreign > 100, `${seen.failures.foreign} answers`);
  });

  test('a /canary that raises for some is taken back by itself', async () => {
    const app = await serving('raises', ONE_IN_FIVE);
    app.load({ perSecond: 60, users: 200, connections: 4, requests: ['GET /'] });

    const ran = await app.verb('deploy', '--version', 'v2');

    assert.equal(ran.code, 10, told(ran));
    await app.until('v1 serves', ({ users, rollout }) => users === '100% on v1' && rollout === null);
    assert.equal((await app.ask()).body, 'Hello, World!');
  });

  test('a /canary that raises for everybody never gets a visitor', async () => {
    const app = await serving('broken', ALWAYS);
    const file = await readFile(join(app.directory, 'bascule.yaml'), 'utf8');
    await writeFile(
      join(app.directory, 'bascule.yaml'),
      file.replace('    listen:', '    ready-within: 3s\n    listen:'),
    );

    const ran = await app.verb('deploy', '--version', 'v2');

    assert.equal(ran.code, 16, told(ran));
    assert.match(ran.stdout, /GET http:\/\/127\.0\.0\.1:\d+\/canary: 500/);
    assert.equal((await app.ask()).body, 'Hello, World!');
  });
});
