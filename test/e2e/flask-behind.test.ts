/** Both Flask examples, with real Flask, behind real nginx and real HAProxy: promoted and rolled back. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { absentProxy, OTHERS, type OthersKind } from './behind.ts';
import type { Ran } from './harness.ts';
import { freePorts } from './ports.ts';
import { askAt, openStage, told, type App, type Stage } from './stage.ts';
import { waitFor } from './wait-for.ts';

const BLUE_GREEN = fileURLToPath(new URL('../../examples/flask-blue-green', import.meta.url));
const CANARY = fileURLToPath(new URL('../../examples/flask-canary', import.meta.url));
const HAS_FLASK = spawnSync('flask', ['--version']).status === 0;
const HELLO = "return 'Hello, World!'";
const LOAD = { perSecond: 50, users: 200, connections: 4, requests: ['GET /'] };
const BAD_DAY = `requests = 0


@app.route('/canary')
def hello_canary():
    global requests
    requests += 1
    if requests % 5 == 0:
        raise RuntimeError('a bad day')
`;

for (const kind of OTHERS) {
  const why = HAS_FLASK ? absentProxy(kind) : 'Flask is not installed (apt-get install python3-flask)';
  describe(`the Flask examples behind ${kind}`, { skip: why ?? false }, () => {
    const closers: (() => Promise<void>)[] = [];
    let stage: Stage;

    before(async () => {
      stage = await openStage({ after: (close) => void closers.push(close) });
      // Workers are of another user where this one is root.
      await chmod(stage.world.directory, 0o755);
    });
    after(async () => {
      for (const close of closers.toReversed()) await close();
    });

    /** The example's own file with the line that the guide adds, on ports of its own, with a shorter strategy. */
    async function example(
      from: string,
      name: string,
      changes: readonly (readonly [string | RegExp, string])[],
    ): Promise<App> {
      const app = await stage.app(name);
      await cp(from, app.directory, { recursive: true });
      const file = await readFile(join(from, 'bascule.yaml'), 'utf8');
      const all = [
        ['listen: 8000', `listen: 127.0.0.1:${app.port}\n    proxy: { ${kind}: { managed: true } }`],
        [/^ {2}hello.*:$/m, `  ${name}:`],
        ...changes,
      ] as const;
      const changed = all.reduce((text, [what, by]) => {
        assert.ok(text.search(what) >= 0, `${from} has no ${what}`);
        return text.replaceAll(new RegExp(what, 'gm'), by);
      }, file);
      await writeFile(join(app.directory, 'bascule.yaml'), changed);
      return app;
    }

    test('blue-green: v2 is promoted, a v3 that fails once it has visitors is taken back, v1 comes back', async () => {
      const app = await example(BLUE_GREEN, 'colours', [['watch: 30s', 'watch: 5s']]);
      const source = await readFile(join(BLUE_GREEN, 'app.py'), 'utf8');
      const first = await deploy(app, 'v1');
      assert.equal(first.code, 0, told(first));
      await servedBy(app, kind);
      assert.equal((await app.ask()).body, 'Hello, World!');

      await app.write('app.py', source.replace('World', 'moon'));
      const second = await deploy(app, 'v2');
      assert.equal(second.code, 0, told(second));
      assert.equal((await app.ask()).body, 'Hello, moon!');

      const leaks = source
        .replace('@app.route', 'served = []\n\n\n@app.route')
        .replace(HELLO, `served.append(1)\n    assert len(served) < 60, 'the pool is empty'\n    ${HELLO}`);
      await app.write('app.py', leaks);
      // However slow the machine is, there is time for what is to be seen; it ends once it was.
      await change(app, 'watch: 5s', 'watch: 2m');
      app.load(LOAD);
      const third = await deploy(app, 'v3');
      assert.equal(third.code, 10, told(third));
      await app.untilOver();
      assert.equal((await app.ask()).body, 'Hello, moon!');
    });

    test('canary: a share of "/" is answered by "/canary", then all; one that raises for some is taken back', async () => {
      const [port] = await freePorts(1);
      const app = await example(CANARY, 'share', [
        ['127.0.0.1:8080', `127.0.0.1:${port}`],
        [
          'canary: .*',
          'canary: {steps: [50%, 100%], dwell: {at-least: 2s, at-most: 4s}, bake: 0s, warm-up: 0s, watch: 0s, when-unsure: {wait: 0s, then: advance}}',
        ],
      ]);
      let stop = await startFlask(app.directory, port!);
      closers.push(() => stop());
      const first = await deploy(app, 'v1');
      assert.equal(first.code, 0, told(first));
      await servedBy(app, kind);
      assert.equal((await app.ask()).body, 'Hello, World!');
      app.load(LOAD);
      const second = await deploy(app, 'v2');
      assert.equal(second.code, 0, told(second));
      assert.equal((await app.ask()).body, 'Hello, World! (the new one)');
      const back = await app.verb('rollback');
      assert.equal(back.code, 0, told(back));
      await app.untilOver();

      const source = await readFile(join(CANARY, 'app.py'), 'utf8');
      await app.write('app.py', source.replace("@app.route('/canary')\ndef hello_canary():\n", BAD_DAY));
      await stop();
      // What is gone for a moment only may be found gone after it came back.
      await app.until('v1 is seen to be gone', ({ users }) => users !== '100% on v1');
      stop = await startFlask(app.directory, port!);
      await app.until('v1 serves again', ({ users }) => users === '100% on v1');
      // Undecided for want of requests, it would go on to everybody.
      await change(app, 'at-most: 4s', 'at-most: 2m');
      const third = await deploy(app, 'v3');
      assert.equal(third.code, 10, told(third));
      await app.until('v1 serves', ({ users, rollout }) => users === '100% on v1' && rollout === null);
      assert.equal((await app.ask()).body, 'Hello, World!');
    });
  });
}

/** On a busy machine Flask alone takes long to start. */
function deploy(app: App, version: string): Promise<Ran> {
  return app.run(['deploy', app.name, '--version', version], { withinMs: 180_000 });
}

/** What the file says, for the deploys that follow. */
async function change(app: App, what: string, by: string): Promise<void> {
  const path = join(app.directory, 'bascule.yaml');
  const text = await readFile(path, 'utf8');
  assert.ok(text.includes(what), `${path} has no ${what}`);
  await writeFile(path, text.replaceAll(what, by));
}

/** As somebody else runs it: no child of Bascule. Resolves to what ends it. */
async function startFlask(directory: string, port: number): Promise<() => Promise<void>> {
  const child = spawn('flask', ['run', '--port', String(port)], { cwd: directory, stdio: 'ignore' });
  await waitFor('Flask to answer', () => askAt(port), { withinMs: 60_000, everyMs: 100 });
  return async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
}

/** nginx says its name; what HAProxy passes on has the name of Flask's own server. */
async function servedBy(app: App, kind: OthersKind): Promise<void> {
  const { headers } = await app.ask();
  if (kind === 'nginx') assert.match(String(headers.server), /^nginx/);
  else assert.doesNotMatch(String(headers.server), /^nginx/);
}
