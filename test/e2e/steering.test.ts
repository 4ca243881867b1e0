/** People move a rollout about, and go back after it, while users go on as if nothing was. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { blueGreen, canary, lasting, openStage, told, type App, type Stage } from './stage.ts';
import { waitFor } from './wait-for.ts';

const closers: (() => Promise<void>)[] = [];
let stage: Stage;

before(async () => {
  stage = await openStage({ after: (close) => void closers.push(close) });
});
after(async () => {
  for (const close of closers.toReversed()) await close();
});

async function serving(name: string, settings: Parameters<App['describe']>[0]): Promise<App> {
  const app = await stage.app(name, settings);
  const ran = await app.deploy('v1');
  assert.equal(ran.code, 0, told(ran));
  return app;
}

async function done(app: App, verb: string, ...args: string[]): Promise<string> {
  const ran = await app.verb(verb, ...args);
  assert.equal(ran.code, 0, told(ran));
  return ran.stdout;
}

describe('steering', { concurrency: 2 }, () => {
  test('pause, weight, resume and promote in the middle of a canary: 0 failed requests', async () => {
    const app = await serving('steered', { strategy: lasting({ steps: ['10%', '50%', '100%'] }) });
    const load = app.load({ uploads: 1, downloads: 1, transferMs: 1000 });
    await app.deployDetached('v2');
    await app.untilDwelling();

    assert.match(await done(app, 'pause'), /^paused by /);
    assert.equal((await app.view()).rollout?.paused, true);
    assert.match(await done(app, 'weight', '25%'), /^25% by hand /);
    assert.equal((await app.untilDwelling()).users, '75% on v1, 25% on v2');
    await load.served('v2', 50, 10_000);
    const refused = await app.verb('weight', '80');
    assert.equal(refused.code, 15, told(refused));
    assert.match(refused.stderr, /above the plan's highest share \(50%\)/);
    await done(app, 'weight', '5');
    assert.equal((await app.untilDwelling()).users, '95% on v1, 5% on v2');
    assert.match(await done(app, 'resume'), /step 1\/3: 10%/);
    assert.equal((await app.untilDwelling()).users, '90% on v1, 10% on v2');
    await done(app, 'promote', '--from-step', '1');
    assert.equal((await app.untilDwelling()).users, '50% on v1, 50% on v2');
    assert.match(await done(app, 'promote', '--from-step', '1'), /already past/);
    assert.equal((await app.view()).users, '50% on v1, 50% on v2');
    await load.served('v1', 50, 10_000);
    await done(app, 'promote');
    assert.equal((await app.untilOver()).users, '100% on v2');
    await load.served('v2', 50, 10_000);

    const seen = await load.stop();
    assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
    assert.ok(seen.uploads.done > 0 && seen.downloads.done > 0);
  });

  test('stable dies during a canary: nothing moves, it says so, the candidate stands in', async () => {
    const health = { path: '/healthz', interval: '100ms', timeout: '200ms' };
    const app = await serving('widowed', { strategy: lasting(), health });
    const deploy = await app.begin('v2');
    await app.untilDwelling();
    const pid = await app.pidOf('stable');

    process.kill(pid, 'SIGSTOP');
    const down = await app.until('down', ({ condition }) => condition === 'stable is down');

    assert.deepEqual([down.rollout?.phase, down.rollout?.sharePercent], ['dwelling', 50]);
    const answers = await Promise.all(Array.from({ length: 30 }, () => app.ask()));
    assert.deepEqual(
      new Set(answers.map(({ status, version }) => `${status} ${version}`)),
      new Set(['200 v2']),
    );
    const status = await app.run(['status', 'widowed']);
    assert.match(status.stdout, /stable is down/, told(status));

    // The candidate goes as well: still nobody is moved to where nothing serves.
    const candidate = await app.pidOf('candidate');
    process.kill(candidate, 'SIGSTOP');
    const both = await app.until('paused', ({ rollout }) => rollout?.paused === true);
    assert.match(both.rollout!.waiting!, /no replica of v2 is healthy, but stable is down/);
    assert.equal((await app.ask()).status, 503);

    // Once stable is there again, it gets everybody.
    process.kill(pid, 'SIGCONT');
    const ran = await deploy.ran;
    assert.equal(ran.code, 10, told(ran));
    await waitFor('v1 to serve', async () => (await app.ask()).version === 'v1');
  });

  test('rollback is a switch while the old version is warm, and a deploy of the recorded release when it is not', async (t) => {
    const app = await serving('returning', { strategy: blueGreen({ 'keep-old': '6s' }) });
    assert.equal((await app.deploy('v2')).code, 0);
    const load = app.load();
    await load.served('v2', 20, 10_000);
    const [stable, kept] = [await app.pidOf('stable'), await app.pidOf('kept')];

    const began = performance.now();
    const said = await done(app, 'rollback');
    await load.served('v1', 1, 10_000);
    t.diagnostic(
      `warm rollback: ${Math.round(performance.now() - began)} ms from the command to the first request on it`,
    );

    assert.match(said, /^back to v1, which is still warm/);
    const warm = await app.untilOver();
    assert.deepEqual([warm.stable, warm.last?.purpose, warm.last?.outcome], ['v1', 'rollback', 'done']);
    assert.deepEqual([await app.pidOf('stable'), await app.pidOf('kept')], [kept, stable]);

    await app.until('given up', ({ slots }) => Object.values(slots).some(({ role }) => role === 'free'));
    // The files that it was deployed from are gone: what counts is the record.
    await rm(join(app.directory, 'version.json'));
    await rm(join(app.directory, 'server.mjs'));
    const cold = await app.verb('rollback', 'v2');
    assert.equal(cold.code, 0, told(cold));
    assert.match(cold.stdout, /rollout of v2 begins/);
    await load.served('v2', 20, 20_000);
    const view = await app.untilOver();
    assert.deepEqual([view.stable, view.last?.purpose], ['v2', 'rollback']);
    assert.deepEqual(
      view.last!.steps.filter(({ kind }) => kind === 'share'),
      [],
    );

    const seen = await load.stop();
    assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
  });

  test('retry: the same release again, with a new draw', async () => {
    const app = await serving('retried', { strategy: lasting({ steps: ['50%', '100%'] }) });
    const id = await app.deployDetached('v2');
    await app.untilDwelling();
    const first = await draw(app);
    const early = await app.run(['retry', id]);
    assert.equal(early.code, 15, told(early));
    await done(app, 'abort');
    await app.untilOver();

    const ran = await app.run(['retry', id]);

    assert.equal(ran.code, 0, told(ran));
    const { rollout } = await app.untilDwelling();
    assert.notEqual(rollout!.id, id);
    assert.equal(rollout!.label, 'v2');
    const moved = await Promise.all(
      [...first].map(async ([cookie, version]) => (await app.ask({ cookie })).version !== version),
    );
    const share = moved.filter(Boolean).length / moved.length;
    assert.ok(share > 0.25 && share < 0.75, `${share * 100} % got another version`);
  });

  test('a pause before the gate holds a version that is ready, for as long as it lasts', async () => {
    const app = await serving('held', { strategy: blueGreen() });
    await app.describe({ strategy: blueGreen(), run: 'sleep 1; exec node server.mjs', 'ready-within': '8s' });
    await app.deployDetached('v2');
    await done(app, 'pause');
    const ready = await app.until('ready', ({ slots }) => slots.green.healthy === 1);
    assert.equal(ready.rollout?.phase, 'probing');

    await sleep(8500);

    assert.deepEqual([(await app.view()).rollout?.phase, (await app.ask()).version], ['probing', 'v1']);
    await done(app, 'resume');
    assert.equal((await app.untilOver()).stable, 'v2');
  });

  test('an abort does not wait for a build, nor does the next deploy', async () => {
    const app = await serving('built', { strategy: canary() });
    await app.describe({ strategy: blueGreen(), build: 'sleep 300' });
    const deploy = await app.begin('v2');
    await app.until('building', ({ rollout }) => rollout?.phase === 'starting');

    await done(app, 'abort');

    const ran = await deploy.ran;
    assert.equal(ran.code, 11, told(ran));
    assert.ok(ran.tookMs < 20_000, `${ran.tookMs} ms`);
    await app.describe({ strategy: blueGreen() });
    assert.equal((await app.deploy('v3')).code, 0);
    assert.equal((await app.ask()).version, 'v3');
  });
});

/** Cookie -> version, of people who come for the first time. */
async function draw(app: App): Promise<ReadonlyMap<string, string | null>> {
  const answers = await Promise.all(Array.from({ length: 100 }, () => app.ask()));
  return new Map(answers.map(({ cookie, version }) => [cookie!, version]));
}
