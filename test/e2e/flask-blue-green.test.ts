/** examples/flask-blue-green with real Flask: the file as it is, good and bad versions of it, and the wrong way to start it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../../src/release/parse.ts';
import { freePorts } from './ports.ts';
import { blueGreen, openStage, told, type App, type Stage } from './stage.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/flask-blue-green/', import.meta.url));
const FLASK = spawnSync('flask', ['--version']).status === 0;
const WHY = 'Flask is not installed here (apt-get install python3-flask): the Flask examples were not run';
/** The port that the tutorial fixes. */
const FIXED = 8080;
const HELLO = "return 'Hello, World!'";

let source: string;
let stage: Stage;
const closers: (() => Promise<void>)[] = [];

/** A service that holds the example's application; `settings` win. */
async function application(name: string, settings = {}): Promise<App> {
  const app = await stage.app(name);
  await app.describe({
    run: 'flask run --port $PORT',
    health: { path: '/', interval: '100ms' },
    strategy: blueGreen({ watch: '20s' }),
    ...settings,
  });
  await app.write('app.py', source);
  return app;
}

/** Visitors one after the other until `stop`; how many were answered with what. */
function visitors(app: App) {
  const seen = new Map<string, number>();
  const end = new AbortController();
  const ended = (async () => {
    while (!end.signal.aborted) {
      const { status, body } = await app.ask();
      const what = status === 200 ? body : String(status);
      seen.set(what, (seen.get(what) ?? 0) + 1);
      await sleep(10);
    }
  })();
  const stop = (): Promise<void> => {
    end.abort();
    return ended;
  };
  return { seen, stop };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => resolve(true));
  });
  if (free) await once(server.close(), 'close');
  return free;
}

/** The application as it is; where somebody has its port, with another one, which is said. */
async function fixedPort(t: TestContext): Promise<number> {
  if (await isFree(FIXED)) return FIXED;
  const [port] = await freePorts(1);
  t.diagnostic(`port ${FIXED} is taken on this machine: the application is given ${port} in its place`);
  return port!;
}

describe('examples/flask-blue-green', { skip: FLASK ? false : WHY }, () => {
  before(async () => {
    source = await readFile(join(EXAMPLE, 'app.py'), 'utf8');
    stage = await openStage({ after: (close) => void closers.push(close) });
  });
  after(async () => {
    for (const close of closers.toReversed()) await close();
  });

  test('the file is valid, blue-green, and starts the application without a change to it', async () => {
    const parsed = parseConfig(await readFile(join(EXAMPLE, 'bascule.yaml'), 'utf8'), 'bascule.yaml', {});

    assert.ok(parsed.ok);
    const spec = parsed.config.services['hello-flask']!;
    assert.equal(spec.policy.strategy, 'blue-green');
    assert.match(JSON.stringify(parsed.document), /flask run --port \$PORT/);
    assert.match(source, /app\.run\(host='0\.0\.0\.0', port=8080\)/);
  });

  test('v1 and v2 are promoted; a v3 that answers 500 is never ready; rollback', async () => {
    const settings = { strategy: blueGreen({ watch: '1s', 'keep-old': '10m' }), 'ready-within': '10s' };
    const app = await application('hello', settings);
    assert.equal((await app.deploy('v1')).code, 0);
    assert.equal((await app.ask()).body, 'Hello, World!');

    await app.write('app.py', source.replace('World', 'moon'));
    const second = await app.deploy('v2');
    assert.equal(second.code, 0, told(second));
    assert.equal((await app.ask()).body, 'Hello, moon!');

    await app.write('app.py', source.replace(HELLO, "raise RuntimeError('a bad day')"));
    const third = await app.deploy('v3');
    assert.equal(third.code, 16, told(third));
    assert.match(third.stdout, /never-ready: v3 was not ready within/);
    assert.match(third.stdout, /GET http:\/\/127\.0\.0\.1:\d+\/: (?:status )?500/);
    assert.equal((await app.ask()).body, 'Hello, moon!');

    const back = await app.verb('rollback');
    assert.equal(back.code, 0, told(back));
    assert.equal((await app.untilOver()).stable, 'v1');
    assert.equal((await app.ask()).body, 'Hello, World!');
  });

  test('a version that fails once it has visitors is taken back while it is watched', async () => {
    const app = await application('later');
    assert.equal((await app.deploy('v1')).code, 0);
    const leaks = source
      .replace('@app.route', 'served = []\n\n\n@app.route')
      .replace(HELLO, `served.append(1)\n    assert len(served) < 60, 'the pool is empty'\n    ${HELLO}`);
    await app.write('app.py', leaks);
    const crowd = visitors(app);

    const ran = await app.deploy('v2');
    await app.untilOver();
    const failed = crowd.seen.get('500') ?? 0;
    await crowd.stop();

    assert.equal(ran.code, 10, told(ran));
    assert.match(ran.stdout, /later v2 rolled-back: /);
    assert.ok(failed > 0, 'nobody met the fault: the test shows nothing');
    assert.equal((await app.ask()).body, 'Hello, World!');
  });

  test('started as python3 app.py it listens on its own port, and that is what is said', async (t) => {
    const port = await fixedPort(t);
    const app = await application('fixed', { run: 'python3 app.py', 'ready-within': '6s' });
    await app.write('app.py', source.replace(String(FIXED), String(port)));

    const ran = await app.deploy('v1');

    assert.equal(ran.code, 16, told(ran));
    assert.match(ran.stdout, new RegExp(`listens on ${port}, not on \\$PORT \\(\\d+\\)`));
  });
});
