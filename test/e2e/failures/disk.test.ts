/** What happens to the disk that the state directory is on. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { endByPid } from '../processes.ts';
import { lasting, openStage, told } from '../stage.ts';
import { waitFor } from '../wait-for.ts';
import { disk, failingDisk, fill, NO_DISKS } from './disks.ts';

test(
  'a full disk: no request fails, a deploy is refused, an abort moves the traffic and is recorded once there is room',
  { skip: NO_DISKS },
  async (t) => {
    const stage = await openStage(t, '', disk(t, 160));
    const app = await stage.app('shop', { strategy: lasting() });
    assert.equal((await app.deploy('v1')).code, 0);
    await app.deployDetached('v2');
    await app.untilDwelling();
    const load = app.load({ streams: 0 });
    await load.served('v2', 20, 10_000);
    const other = await stage.app('other');

    const filling = fill(stage.stateDirectory);
    const refused = await other.deploy('v1');
    assert.ok([2, 15].includes(refused.code ?? -1), told(refused));
    const paused = await app.verb('pause');
    assert.equal(paused.code, 15, told(paused));
    assert.match(paused.stderr, /error\[JOURNAL_FULL\]/);
    const aborted = await app.verb('abort');
    assert.match(aborted.stderr, /All traffic of shop is sent back now/);
    await waitFor('all of it on v1', async () => {
      const versions = await Promise.all(Array.from({ length: 10 }, async () => (await app.ask()).version));
      return versions.every((version) => version === 'v1');
    });
    assert.equal((await app.verb('status')).code, 0);

    rmSync(filling);
    const view = await app.untilOver();
    assert.deepEqual([view.users, view.last?.outcome], ['100% on v1', 'aborted']);
    assert.equal((await other.deploy('v1')).code, 0);
    const seen = await load.stop();
    assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
  },
);

test(
  'a full disk: a killed proxy comes back with its route, a killed controller with its journal',
  { skip: NO_DISKS },
  async (t) => {
    const stage = await openStage(t, '', disk(t, 160));
    const app = await stage.app('shop', { strategy: lasting() });
    assert.equal((await app.deploy('v1')).code, 0);
    fill(stage.stateDirectory);

    for (const { pid } of stage.world.processes().filter(({ command }) => command.includes('proxy-program')))
      endByPid(pid);
    await waitFor('the proxy to serve again', async () => (await app.ask()).version === 'v1');
    await stage.controller().stop('SIGKILL');
    await stage.serve();

    assert.equal((await app.view()).users, '100% on v1');
    assert.equal((await app.ask()).version, 'v1');
  },
);

test(
  'a disk that became read-only: no request fails, an abort moves the traffic, a new start is refused',
  { skip: NO_DISKS },
  async (t) => {
    const failing = failingDisk(t, 256);
    const stage = await openStage(t, '', failing.prepare);
    const app = await stage.app('shop', { strategy: lasting() });
    assert.equal((await app.deploy('v1')).code, 0);
    await app.deployDetached('v2');
    await app.untilDwelling();
    const load = app.load({ streams: 0 });
    await load.served('v2', 20, 10_000);

    failing.fail();
    const aborted = await app.verb('abort');
    assert.equal(aborted.code, 15, told(aborted));
    assert.match(aborted.stderr, /All traffic of shop is sent back now/);
    await waitFor('all of it on v1', async () => {
      const versions = await Promise.all(Array.from({ length: 10 }, async () => (await app.ask()).version));
      return versions.every((version) => version === 'v1');
    });
    const status = await app.verb('status');
    assert.equal(status.code, 0, told(status));
    await stage.controller().stop();
    const again = await stage.run(['serve']);
    assert.notEqual(again.code, 0);
    assert.match(again.stderr, /error\[(JOURNAL_FAILED|STATE_DIR_UNUSABLE)\]/);

    const seen = await load.stop();
    assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
  },
);
