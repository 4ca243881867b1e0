/** What a release is made of, and what keeps it running: sources, builds, secrets, replicas, restarts, logs. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { endByPid } from './processes.ts';
import { blueGreen, openStage, told, type Stage } from './stage.ts';
import { waitFor } from './wait-for.ts';

const run = promisify(execFile);
const closers: (() => Promise<void>)[] = [];
let stage: Stage;

before(async () => {
  stage = await openStage({ after: (close) => void closers.push(close) });
});
after(async () => {
  for (const close of closers.toReversed()) await close();
});

/** Answers with what its environment and its directory hold. */
const TELLER = `
import { createServer } from 'node:http';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
const { SECRET = '', PORT } = process.env;
const built = (() => { try { return readFileSync('built', 'utf8'); } catch { return ''; } })();
const secret = createHash('sha256').update(SECRET).digest('hex');
console.log('started with a secret of ' + SECRET.length + ' characters');
createServer((_, answer) => answer.end(JSON.stringify({ built, secret }))).listen(PORT, '127.0.0.1');
process.on('SIGTERM', () => process.exit());
`;

describe('releases', { concurrency: 2 }, () => {
  test('old releases are pruned, and never what a rollback needs', async (t) => {
    const own: (() => Promise<void>)[] = [];
    t.after(async () => {
      for (const close of own.toReversed()) await close();
    });
    const alone = await openStage({ after: (close) => void own.push(close) }, 'keep-releases: 2\n');
    const app = await alone.app('pruned', { strategy: blueGreen({ 'keep-old': '1s' }) });
    for (const version of ['v1', 'v2', 'v3', 'v4']) assert.equal((await app.deploy(version)).code, 0);

    // Looked through once a minute.
    const kept = await waitFor(
      'v1 and v2 to be pruned',
      async () => {
        const names = await readdir(join(alone.stateDirectory, 'releases', 'pruned'));
        return names.includes('v1') || names.includes('v2') ? null : names;
      },
      { withinMs: 75_000, everyMs: 250 },
    );

    assert.deepEqual(kept.sort(), ['v3', 'v4']);
    const back = await app.verb('rollback');
    assert.equal(back.code, 0, told(back));
    assert.equal((await app.untilOver()).stable, 'v3');
    assert.equal((await app.ask()).version, 'v3');
    // What was uploaded stays for longer: it is unpacked anew.
    assert.equal((await app.verb('rollback', 'v1')).code, 0);
    assert.equal((await app.untilOver()).stable, 'v1');
    assert.equal((await app.ask()).version, 'v1');
  });

  test('--from a commit: what is committed is released, whatever the directory holds', async () => {
    const app = await stage.app('committed', { strategy: blueGreen() });
    const git = (...args: string[]) => run('git', args, { cwd: app.directory });
    await app.write('version.json', '{"version":"of the commit"}');
    await git('init', '--quiet');
    await git('add', '.');
    const who = ['-c', 'user.name=Ana', '-c', 'user.email=ana@example.com'];
    await git(...who, 'commit', '--quiet', '--message', 'First');
    await git(...who, 'tag', '--annotate', 'v1.0', '--message', 'v1.0');
    await app.write('version.json', '{"version":"not committed"}');

    const ran = await app.run(['deploy', 'committed', '--from', 'HEAD']);

    assert.equal(ran.code, 0, told(ran));
    assert.equal((await app.view()).stable, 'v1.0');
    assert.equal((await app.ask()).version, 'of the commit');
    const nowhere = await app.run(['deploy', 'committed', '--from', 'no-such-branch']);
    assert.equal(nowhere.code, 2, told(nowhere));
  });

  test('build: once per release, before its first start, for all replicas', async () => {
    const app = await stage.app('made', {
      run: 'node teller.mjs',
      build: 'echo built of $BASCULE_VERSION >> built',
      health: { path: '/', interval: '100ms' },
      replicas: 2,
      strategy: blueGreen(),
    });
    await app.write('teller.mjs', TELLER);

    assert.equal((await app.deploy('v1')).code, 0);

    const first = (await app.replicas()).map(({ session }) => session.pid);
    for (const pid of first) endByPid(pid);
    await waitFor('both to be started again', async () =>
      (await app.replicas()).every(({ session }) => !first.includes(session.pid)),
    );
    await waitFor('an answer', async () => (await app.ask()).status === 200);
    const { body } = await app.ask();
    assert.equal((JSON.parse(body) as { built: string }).built, 'built of v1\n');
  });

  test('a secret reaches the application, and nothing else', async () => {
    const value = `correct-horse-${createHash('sha256').update(stage.stateDirectory).digest('hex')}`;
    const secrets = join(stage.stateDirectory, 'secrets');
    await mkdir(secrets, { recursive: true });
    await writeFile(join(secrets, 'api-key'), `${value}\n`);
    const app = await stage.app('secretive', {
      run: 'node teller.mjs',
      env: { SECRET: { secret: 'file:api-key' } },
      health: { path: '/', interval: '100ms' },
      strategy: blueGreen(),
    });
    await app.write('teller.mjs', TELLER);
    const unsafe = await app.deploy('v1');
    assert.equal(unsafe.code, 15, told(unsafe));
    assert.match(unsafe.stderr, /mode 0644, which lets others read it/);
    await chmod(join(secrets, 'api-key'), 0o400);

    const ran = await app.deploy('v1');

    assert.equal(ran.code, 0, told(ran));
    const { secret } = JSON.parse((await app.ask()).body) as { secret: string };
    assert.equal(secret, createHash('sha256').update(value).digest('hex'));
    const id = (await app.view()).last!.id;
    const said = [ran];
    for (const args of [['why', id], ['status'], ['logs', 'secretive'], ['history', '--json'], ['config']])
      said.push(await app.run(args));
    assert.match(told(said[3]!), new RegExp(`a secret of ${value.length} characters`));
    for (const one of said) assert.ok(!told(one).includes(value), told(one));
    assert.ok(!stage.controller().log().includes(value));
    assert.deepEqual(await holders(stage.stateDirectory, value), ['secrets/api-key']);
  });

  test('replicas go up and down by apply, under load: 0 failed requests', async () => {
    const settings = { strategy: blueGreen({ 'keep-old': '1s' }), drain: '1s' };
    const app = await stage.app('scaled', settings);
    assert.equal((await app.deploy('v1')).code, 0);
    const load = app.load({ perSecond: 200, downloads: 1, transferMs: 500 });
    await load.served('v1', 50, 10_000);
    for (const replicas of [2, 1, 2]) {
      await app.describe({ ...settings, replicas });
      const refused = await app.deploy('v2');
      assert.equal(refused.code, 15, told(refused));
      const ran = await app.run(['apply']);
      assert.equal(ran.code, 0, told(ran));
      assert.match(ran.stdout, /replicas: \d -> \d/);
      await waitFor('as many as asked for', async () => {
        const { slots } = await app.view();
        const { healthy } = Object.values(slots).find(({ role }) => role === 'stable')!;
        return healthy === replicas && (await app.replicas()).length === replicas;
      });
      await load.served('v1', 100, 10_000);
    }
    const over = await app.run(['apply', '--file', await above(app.directory, 'scaled')]);
    assert.equal(over.code, 15, told(over));
    const seen = await load.stop();
    assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
    // A rollout brings as many.
    assert.equal((await app.deploy('v2')).code, 0);
    assert.equal(Object.values((await app.view()).slots).find(({ role }) => role === 'stable')!.healthy, 2);
  });

  test('crashed replicas are started again, later each time', async (t) => {
    const app = await stage.app('crashing', { strategy: blueGreen() });
    assert.equal((await app.deploy('v1')).code, 0);
    const took: number[] = [];
    for (let crash = 0; crash < 4; crash += 1) {
      const [record] = await app.replicas();
      const began = performance.now();
      endByPid(record!.session.pid);
      await waitFor(
        'another process',
        async () => (await app.replicas())[0]!.session.pid !== record!.session.pid,
      );
      took.push(Math.round(performance.now() - began));
    }
    t.diagnostic(`back after ${took.join(', ')} ms`);
    // 0.2 s, doubling: each start comes no sooner than that.
    for (const [crash, ms] of took.entries()) assert.ok(ms >= 190 * 2 ** crash, took.join(', '));
    assert.equal((await app.replicas())[0]!.crashes, 4);
    await waitFor('v1 to serve', async () => (await app.ask()).version === 'v1');
  });

  test('logs -f goes on with what comes, and ends when it is told to', async () => {
    const app = await stage.app('talking', { run: 'node talk.mjs', strategy: blueGreen() });
    await app.write(
      'talk.mjs',
      `import { createServer } from 'node:http';
       createServer((request, answer) => { if (request.url !== '/healthz') console.log('asked for ' + request.url); answer.end(); })
         .listen(process.env.PORT, '127.0.0.1', () => console.log('here I am'));
       process.on('SIGTERM', () => process.exit());`,
    );
    assert.equal((await app.deploy('v1')).code, 0);
    const following = app.beginNow(['logs', 'talking', '-f']);
    await waitFor('the first line', () => following.output().includes('0 | here I am\n'));

    await app.ask({}, '/tea');
    await waitFor('the next line', () => following.output().includes('0 | asked for /tea\n'));
    following.signal('SIGINT');

    const ran = await following.ran;
    assert.equal(ran.code, 130, told(ran));
    const tail = await app.run(['logs', 'talking', '--tail', '1', '--version', 'v1']);
    assert.equal(tail.stdout, '0 | asked for /tea\n');
    assert.equal((await app.run(['logs', 'talking', '--candidate'])).code, 15);
  });
});

/** A file that asks for more replicas than there are addresses. */
async function above(directory: string, name: string): Promise<string> {
  const file = JSON.parse(await readFile(join(directory, 'bascule.yaml'), 'utf8')) as {
    services: Record<string, Record<string, unknown>>;
  };
  Object.assign(file.services[name]!, { replicas: 6, 'max-replicas': 6 });
  const path = join(directory, 'above.yaml');
  await writeFile(path, JSON.stringify(file));
  return path;
}

/** Files anywhere under the directory that hold this text. */
async function holders(directory: string, text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path)).includes(text)) found.push(path.slice(directory.length + 1));
  }
  assert.ok(found.length < 1000);
  return found;
}
