/** What happens when the controller, or the whole machine, goes away and comes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { turnOff } from './machine-off.ts';
import { endByPid } from './processes.ts';
import { lasting, openStage, told, type Stage } from './stage.ts';
import { waitFor } from './wait-for.ts';

test('kill -9 of the controller, then SIGTERM: nobody notices, everything is adopted', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', { strategy: lasting() });
  assert.equal((await app.deploy('v1')).code, 0);
  const deploy = await app.begin('v2');
  await app.untilDwelling();
  const load = app.load({ streams: 2 });
  await load.served('v2', 20, 10_000);
  const before = others(stage);
  assert.ok(before.length >= 5, JSON.stringify(before)); // two applications, the proxy and its two workers

  assert.equal(await stage.controller().stop('SIGKILL'), null);
  await sleep(500);
  await stage.serve();
  assert.deepEqual(others(stage), before);

  assert.equal(await stage.controller().stop('SIGTERM'), 0);
  await sleep(500);
  await stage.serve();
  assert.deepEqual(others(stage), before);
  assert.deepEqual(
    [(await app.view()).rollout?.phase, (await app.view()).users],
    ['dwelling', '50% on v1, 50% on v2'],
  );
  await load.served('v1', 20, 10_000);
  await load.served('v2', 20, 10_000);

  // Whoever followed the rollout still does.
  assert.equal((await app.verb('promote', '--full')).code, 0);
  const ran = await deploy.ran;
  assert.equal(ran.code, 0, told(ran));
  assert.match(ran.stderr, /the server does not answer; traffic stays as it is/);
  const seen = await load.stop();
  assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
  assert.ok(seen.answered > 500, `${seen.answered}`);
});

test('a replica that crashes while the controller is away is started again when it is back', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop');
  assert.equal((await app.deploy('v1')).code, 0);
  const pid = await app.pidOf('stable');

  await stage.controller().stop('SIGKILL');
  endByPid(pid);
  await sleep(500);
  assert.equal((await app.ask()).status, 503);
  await stage.serve();

  await waitFor('v1 to serve again', async () => (await app.ask()).version === 'v1');
  assert.notEqual(await app.pidOf('stable'), pid);
});

test('another boot: stable is started and gated first, 503 until then; what was under way is aborted', async (t) => {
  const stage = await openStage(t);
  const shop = await stage.app('shop', { strategy: lasting() });
  const late = await stage.app('late', { strategy: lasting() });
  for (const app of [shop, late]) assert.equal((await app.deploy('v1')).code, 0);
  const rollout = await shop.deployDetached('v2');
  await shop.untilDwelling();
  await late.describe({ strategy: lasting(), build: 'sleep 60' });
  const building = await late.deployDetached('v2');
  await late.until('building', ({ rollout }) => rollout?.phase === 'starting');

  // The new machine is slow to get going: a second until the shop listens.
  await turnOff(stage);
  const back = stage.serve();
  const answers = new Set<string>();
  await waitFor(
    'v1 to serve again',
    async () => {
      const { status, version, headers } = await shop.ask();
      if (status === 503) assert.ok(Number(headers['retry-after']) > 0, JSON.stringify(headers));
      answers.add(`${status} ${version}`);
      return version === 'v1';
    },
    { withinMs: 60_000, everyMs: 5 },
  );
  await back;
  assert.deepEqual([...answers], ['503 null', '200 v1']);

  for (const [app, id] of [
    [shop, rollout],
    [late, building],
  ] as const) {
    const view = await app.until('serving', ({ condition }) => condition === 'serving');
    assert.deepEqual(
      [view.rollout, view.last?.id, view.last?.outcome, view.last?.reason],
      [null, id, 'aborted', 'the machine was restarted'],
    );
    const roles = Object.values(view.slots).map(({ role }) => role);
    assert.deepEqual(roles.sort(), ['free', 'stable']);
    const waited = await app.run(['wait', id]);
    assert.equal(waited.code, 11, told(waited));
  }
  // What had been asked for before the restart is not done after it.
  const running = [...(await shop.replicas()), ...(await late.replicas())].map(({ releaseId }) => releaseId);
  assert.deepEqual(running, ['shop/v1', 'late/v1']);
  assert.ok(!stage.world.processes().some(({ command }) => command.includes('sleep 60')));
  await shop.describe({});
  assert.equal((await shop.deploy('v3')).code, 0);
});

/** All but the controller: applications and the proxy, by pid and start time. */
function others(stage: Stage): readonly string[] {
  const own = stage.controller().pid;
  return stage.world
    .processes()
    .filter(({ pid, command }) => pid !== own && !/ (serve|deploy) /.test(command))
    .map(({ pid, startTicks, command }) => `${pid} ${startTicks} ${command}`);
}
