/** What somebody else runs, through the real program: targets in place of run, and what serves before the first deploy. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { blueGreen, lasting, openStage, told, type App, type Settings, type Stage } from './stage.ts';
import { startTarget, type Target } from './target-server.ts';

const closers: (() => Promise<void>)[] = [];
const scope = { after: (close: () => Promise<void>) => void closers.push(close) };
let stage: Stage;

before(async () => {
  stage = await openStage(scope);
});
after(async () => {
  for (const close of closers.toReversed()) await close();
});

/** Keys of `run` that the fixture writes and that targets cannot have. */
const NOT_RUN = { run: undefined, 'max-replicas': undefined, 'stop-grace': undefined };

async function between(name: string, blue: Target, green: Target, settings: Settings = {}): Promise<App> {
  return stage.app(name, { ...NOT_RUN, targets: { blue: blue.url, green: [green.url] }, ...settings });
}

/** v1 stands in blue and serves. */
async function serving(
  name: string,
  settings: Settings = {},
): Promise<{ app: App; blue: Target; green: Target }> {
  const [blue, green] = [await startTarget(scope, 'v1'), await startTarget(scope, 'v2')];
  const app = await between(name, blue, green, settings);
  const ran = await app.verb('deploy', '--version', 'v1');
  assert.equal(ran.code, 0, told(ran));
  assert.match(ran.stderr, new RegExp(`v1 stands in blue: ${blue.url}`));
  return { app, blue, green };
}

async function adopting(name: string, strategy: unknown): Promise<{ app: App; current: Target }> {
  const current = await startTarget(scope, 'before');
  const app = await stage.app(name, { current: current.url, strategy });
  return { app, current };
}

describe('targets', { concurrency: 3 }, () => {
  test('a canary between two servers is judged and promoted, and nothing is started', async () => {
    const { app, green } = await serving('canary');
    app.load();

    const ran = await app.verb('deploy', '--version', 'v2');

    assert.equal(ran.code, 0, told(ran));
    assert.equal((await app.ask()).version, 'v2');
    assert.ok(green.asked.length > 10, `${green.asked.length} requests`);
    const applications = stage.world.processes().filter(({ command }) => /server\.mjs/.test(command));
    assert.deepEqual(applications, []);
  });

  test('a bad one is taken back', async () => {
    const { app, green } = await serving('bad', { strategy: lasting() });
    green.errorRate = 0.5;
    app.load();

    const ran = await app.verb('deploy', '--version', 'v2');

    assert.equal(ran.code, 10, told(ran));
    assert.match(ran.stderr, /100% on v1 again/);
    assert.match(ran.stderr, /v2 gets nothing more; it runs on where it is/);
    assert.equal((await app.ask()).version, 'v1');
  });

  test('blue-green switches, and back by one command', async () => {
    const { app } = await serving('switch', { strategy: blueGreen() });

    const ran = await app.verb('deploy', '--version', 'v2');
    assert.equal(ran.code, 0, told(ran));
    assert.equal((await app.ask()).version, 'v2');
    const back = await app.verb('rollback');

    assert.equal(back.code, 0, told(back));
    await app.untilOver();
    assert.equal((await app.ask()).version, 'v1');
  });

  test('the plan says what it would do, and what it would not', async () => {
    const { app, blue, green } = await serving('planned');

    const ran = await app.verb('plan', '--version', 'v2');

    const { stdout } = ran;
    assert.ok(
      stdout.includes(`+ take   v2 as what stands in green (${green.url}); nothing is started`),
      told(ran),
    );
    assert.ok(
      stdout.includes(
        `- leave  v1 in blue (${blue.url}), a switch away for 1m after the end; nothing is stopped`,
      ),
      told(ran),
    );
  });

  test('a version has to be named, and there is nothing to take it from', async () => {
    const { app } = await serving('named');

    const unnamed = await app.verb('deploy');
    const taken = await app.verb('deploy', '--version', 'v2', '--from', '.');

    assert.equal(unnamed.code, 2, told(unnamed));
    assert.match(unnamed.stderr, /nothing here says which version stands there: name it with --version/);
    assert.equal(taken.code, 2, told(taken));
    assert.match(taken.stderr, /there is nothing to take with --from/);
  });

  test('a dead target never becomes ready, and it is said which probe failed how', async () => {
    const { app, green } = await serving('dead', { 'ready-within': '2s' });
    await green.stop();

    const ran = await app.verb('deploy', '--version', 'v2');

    assert.equal(ran.code, 16, told(ran));
    assert.ok(ran.stdout.includes(`GET ${green.url}/healthz: connection refused`), told(ran));
    assert.match(ran.stdout, /Bascule does not run v2: what green is, and its output, are with whoever does/);
    assert.equal((await app.ask()).version, 'v1');
  });

  test('a target that is not well never becomes ready, and its own words are shown', async () => {
    const { app, green } = await serving('sick', { 'ready-within': '2s' });
    green.healthy = false;

    const ran = await app.verb('deploy', '--version', 'v2');

    assert.equal(ran.code, 16, told(ran));
    assert.ok(ran.stdout.includes(`GET ${green.url}/healthz: 503`), told(ran));
    assert.match(ran.stdout, /no database/);
  });

  test('when both are dead visitors get 503, and are served again as soon as one is back', async () => {
    const { app, blue, green } = await serving('both-dead');
    blue.healthy = false;
    await green.stop();

    await app.until('is down', ({ condition }) => condition === 'stable is down');
    assert.equal((await app.ask()).status, 503);
    blue.healthy = true;

    await app.until('serves', ({ condition }) => condition === 'serving');
    assert.equal((await app.ask()).version, 'v1');
  });

  test('a target below a path: the door’s visitors do not see it', async () => {
    const one = await startTarget(scope, 'one');
    const app = await stage.app('below', {
      ...NOT_RUN,
      targets: { blue: one.url, green: `${one.url}/canary` },
      strategy: blueGreen(),
    });
    assert.equal((await app.verb('deploy', '--version', 'v1')).code, 0);

    const plan = await app.verb('plan', '--version', 'v2');
    const ran = await app.verb('deploy', '--version', 'v2');
    await app.ask({}, '/x?q=1');

    assert.match(plan.stdout, /! warning {2}blue and green share 127\.0\.0\.1/);
    assert.equal(ran.code, 0, told(ran));
    assert.equal(one.asked.at(-1), '/canary/x?q=1');
  });
});

describe('current', { concurrency: 3 }, () => {
  test('the first deploy is judged against what served before, and taken back to it', async () => {
    const { app, current } = await adopting('judged', lasting());

    const plan = await app.verb('plan', '--version', 'v1');
    assert.ok(plan.stdout.includes(`${current.url} is adopted as what serves today`), told(plan));
    const deploy = await app.begin('v1', { errorRate: 0.5 });
    await app.until('is there', ({ rollout }) => rollout?.phase === 'dwelling' || rollout === null);
    app.load();
    const ran = await deploy.ran;

    assert.equal(ran.code, 10, told(ran));
    assert.match(ran.stderr, /100% on current again/);
    assert.equal((await app.ask()).version, 'before');
  });

  test('it is aborted back to it', async () => {
    const { app } = await adopting('aborted', lasting());
    const deploy = await app.begin('v1');
    await app.untilDwelling();

    assert.equal((await app.verb('abort')).code, 0);

    assert.equal((await deploy.ran).code, 11);
    assert.equal((await app.ask()).version, 'before');
  });

  test('promoted, it is rolled back to it; given up, still, while it answers; gone, not', async () => {
    const { app, current } = await adopting('left', blueGreen());
    assert.equal((await app.deploy('v1')).code, 0);
    assert.equal((await app.ask()).version, 'v1');

    assert.equal((await app.verb('rollback')).code, 0);
    await app.until('current serves', ({ stable, rollout }) => stable === 'current' && rollout === null);
    assert.equal((await app.ask()).version, 'before');

    for (const version of ['v2', 'v3']) assert.equal((await app.deploy(version)).code, 0);
    assert.equal((await app.verb('rollback', 'current')).code, 0);
    await app.until(
      'current serves again',
      ({ stable, rollout }) => stable === 'current' && rollout === null,
    );
    assert.equal((await app.ask()).version, 'before');

    for (const version of ['v4', 'v5']) assert.equal((await app.deploy(version)).code, 0);
    await current.stop();
    assert.equal((await app.verb('rollback', 'current')).code, 0);
    await app.until('waits for it', ({ rollout }) => rollout?.phase === 'probing');
    assert.equal((await app.verb('abort')).code, 0);
    await app.untilOver();
    assert.equal((await app.ask()).version, 'v5');
  });

  test('what does not answer is not adopted, and no service begins', async () => {
    const { app, current } = await adopting('nobody', lasting());
    await current.stop();

    const ran = await app.deploy('v1');

    assert.equal(ran.code, 15, told(ran));
    assert.ok(
      ran.stderr.includes(
        `${current.url}/healthz is to be adopted as what serves today, and is not healthy: connection refused`,
      ),
      told(ran),
    );
    assert.doesNotMatch((await stage.run(['status'])).stdout, /nobody/);
  });
});

test('the controller may be killed: it goes on with what it adopted', async () => {
  const current = await startTarget(scope, 'before');
  const app = await stage.app('killed', { current: current.url, strategy: lasting() });
  await app.deployDetached('v1');
  await app.untilDwelling();

  await stage.controller().stop('SIGKILL');
  await stage.serve();
  await app.untilDwelling();
  assert.equal((await app.verb('abort')).code, 0);
  await app.untilOver();

  const { slots } = await app.view();
  assert.deepEqual([slots.blue.label, slots.blue.healthy], ['current', 1]);
  assert.equal((await app.ask()).version, 'before');
});
