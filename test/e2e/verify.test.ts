/** `verify:` by the real program: checks on the preview address before any traffic. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { blueGreen, canary, openStage, told, type App, type Stage } from './stage.ts';

const closers: (() => Promise<void>)[] = [];
let stage: Stage;

before(async () => {
  stage = await openStage({ after: (close) => void closers.push(close) });
});
after(async () => {
  for (const close of closers.toReversed()) await close();
});

/** Writes down what it sees, and goes as the version says. */
const SMOKE = `#!/bin/sh
env | grep -E '^(BASCULE_|PORT=|PATH=|HOME=|SECRET=)' | sort
echo "checked by $(id -un) in $(pwd)"
exec node smoke.mjs
`;
const SMOKE_JS = `
const answer = await fetch(process.env.BASCULE_PREVIEW_URL + '/');
console.log('saw', answer.status, answer.headers.get('x-version'), answer.headers.get('set-cookie'));
process.exit(answer.headers.get('x-version') === process.env.BASCULE_VERSION ? 0 : 3);
`;

async function smokeIn(app: App, script: string = SMOKE_JS): Promise<void> {
  await app.write('smoke.sh', SMOKE);
  await app.write('smoke.mjs', script);
}

function descendants(pattern: RegExp): number {
  return stage.world.processes().filter(({ command }) => pattern.test(command)).length;
}

describe('verify', { concurrency: 3 }, () => {
  test('a candidate is checked by HTTP and by a command, alone, while everyone is on stable', async () => {
    const app = await stage.app('checked', { strategy: canary() });
    await smokeIn(app);
    assert.equal((await app.deploy('v1')).code, 0);
    await app.describe({
      strategy: canary(),
      verify: [{ get: '/', status: 200, header: { 'X-Version': 'v2' } }, { head: '/' }, 'sh ./smoke.sh'],
    });

    const ran = await app.deploy('v2');

    assert.equal(ran.code, 0, told(ran));
    assert.match(told(ran), /3 checks of v2 on http:\/\/127\.0\.0\.1:\d+, before any traffic/);
    assert.match(told(ran), /GET \/: 200 \(\d+ms\)/);
    assert.match(told(ran), /sh \.\/smoke\.sh: exit code 0 after/);
    const url = /http:\/\/127\.0\.0\.1:\d+(?=, before any traffic)/.exec(told(ran))![0];
    const said = readFileSync(join(stage.stateDirectory, 'checks', 'checked.log'), 'utf8');
    assert.match(said, new RegExp(`BASCULE_PREVIEW_URL=${url}\n`));
    assert.match(said, /BASCULE_VERSION=v2\n/);
    assert.match(said, /in .*\/releases\/checked\/v2\/files\n/);
    assert.match(said, /saw 200 v2 null\n/);
    assert.doesNotMatch(said, /^PORT=/m);
    assert.match((await app.verb('status')).stdout, new RegExp(`v2 ${url}`));
  });

  test('a command that fails: exit 16, its last lines, nobody saw the version', async () => {
    const app = await stage.app('refused', { strategy: blueGreen() });
    await smokeIn(app);
    assert.equal((await app.deploy('v1')).code, 0);
    await app.write('smoke.mjs', "console.log('no such table: cart'); process.exit(3);");
    await app.describe({ strategy: blueGreen(), verify: 'sh ./smoke.sh' });

    const ran = await app.deploy('v2');

    assert.equal(ran.code, 16, told(ran));
    assert.match(ran.stdout, /v2 failed a check before any traffic: sh \.\/smoke\.sh: exit code 3 after/);
    assert.match(ran.stdout, /no such table: cart/);
    const view = await app.view();
    assert.deepEqual([view.stable, view.last?.outcome, view.last?.cause], ['v1', 'never-ready', 'verify']);
    assert.deepEqual(view.last?.traffic?.candidate.requests ?? 0, 0);
    const why = await app.run(['why', view.last!.id]);
    assert.match(why.stdout, /no such table: cart/);
  });

  test('an answer that is not as wanted: what came instead, on a first deploy too', async () => {
    const app = await stage.app('first', {
      verify: [{ get: '/nowhere', attempts: 2 }],
      strategy: blueGreen(),
    });

    const ran = await app.deploy('v1');

    assert.equal(ran.code, 16, told(ran));
    assert.match(ran.stdout, /GET \/nowhere: 404 instead of 2xx \(\d+ms\), attempt 2/);
    assert.equal((await app.ask()).status, 503);
  });

  test('an abort ends the command with all that it started', async () => {
    const app = await stage.app('aborted', { strategy: canary() });
    assert.equal((await app.deploy('v1')).code, 0);
    await app.write('slow.sh', 'sleep 4711 & echo begun > begun; sleep 4711');
    await app.describe({ strategy: canary(), verify: 'sh ./slow.sh' });
    const deploy = await app.begin('v2');
    await app.until('checked', ({ rollout }) => rollout?.phase === 'verifying');
    const begun = join(stage.stateDirectory, 'releases', 'aborted', 'v2', 'files', 'begun');
    await app.until('the command runs', () => existsSync(begun) && descendants(/sleep 4711/) >= 2);

    assert.equal((await app.verb('abort')).code, 0);

    assert.equal((await deploy.ran).code, 11);
    await app.until('nothing is left of it', () => descendants(/sleep 4711/) === 0);
    assert.equal((await app.ask()).version, 'v1');
  });

  test('a command that is not done in time is ended, and one that fills the disk too', async () => {
    const app = await stage.app('late', { strategy: canary() });
    assert.equal((await app.deploy('v1')).code, 0);
    await app.describe({ strategy: canary(), verify: { run: 'sleep 4712', within: '300ms' } });
    const late = await app.deploy('v2');
    assert.equal(late.code, 16, told(late));
    assert.match(late.stdout, /sleep 4712: not done within 0\.3s, and ended/);
    assert.equal(descendants(/sleep 4712/), 0);

    await app.describe({ strategy: canary(), verify: { run: 'yes much too much' } });
    const loud = await app.deploy('v3');
    assert.equal(loud.code, 16, told(loud));
    assert.match(loud.stdout, /ended after 16 MiB of output/);
  });
});

test(
  'a controller that is killed over a check runs it again, and leaves one behind',
  { timeout: 90_000 },
  async (t) => {
    const own: (() => Promise<void>)[] = [];
    t.after(async () => {
      for (const close of own.toReversed()) await close();
    });
    const alone = await openStage({ after: (close) => void own.push(close) });
    const app = await alone.app('killed', { strategy: canary() });
    assert.equal((await app.deploy('v1')).code, 0);
    const gate = join(app.directory, 'gate');
    await app.write('wait.sh', `echo run >> ${gate}.runs; while [ ! -e ${gate} ]; do sleep 0.1; done`);
    await app.describe({ strategy: canary(), verify: 'sh ./wait.sh' });
    await app.run(['deploy', 'killed', '--version', 'v2', '--detach']);
    await app.until('the command runs', () => existsSync(`${gate}.runs`));
    const waiting = () => alone.world.processes().filter(({ command }) => /wait\.sh/.test(command)).length;
    const before = waiting();

    process.kill(alone.controller().pid, 'SIGKILL');
    assert.ok(waiting() > 0, 'it outlives the controller');
    await alone.serve();
    await app.until('it runs again', () => readFileSync(`${gate}.runs`, 'utf8') === 'run\nrun\n');
    assert.equal(waiting(), before, 'the former one is ended');
    await app.write('gate', '');

    const view = await app.untilOver();
    assert.deepEqual([view.stable, view.last?.outcome], ['v2', 'done']);
  },
);
