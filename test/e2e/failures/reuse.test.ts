/** What serves dies under load, or comes back from a backup into a slot that was given to others since. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { endByPid } from '../processes.ts';
import { openStage, told } from '../stage.ts';
import { waitFor } from '../wait-for.ts';

test('a replica that is killed with SIGKILL under load costs at most what it was serving, and is started again', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', { replicas: 2 });
  assert.equal((await app.deploy('v1')).code, 0);
  const load = app.load({ streams: 0, perSecond: 100 });
  await load.served('v1', 50, 10_000);
  const [killed] = await app.replicas();
  endByPid(killed!.session.pid);

  await waitFor('another one in its place', async () => {
    const [now] = await app.replicas();
    return now !== undefined && now.session.pid !== killed!.session.pid;
  });
  await app.until('both healthy', ({ condition }) => condition === 'serving');
  const seen = await load.stop();
  assert.ok(seen.failed <= 16, `${seen.failed} failed: ${JSON.stringify(seen.examples)}`);
});

test('a restore where the slot of the backup was given to a later version: the version of the backup serves again', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop');
  assert.equal((await app.deploy('v1')).code, 0);
  const file = join(stage.world.directory, 'backup.tar');
  assert.equal((await stage.run(['backup', file])).code, 0);
  assert.equal((await app.deploy('v2')).code, 0);
  assert.equal((await app.deploy('v3')).code, 0);

  await stage.controller().stop();
  assert.equal((await stage.run(['restore', file, '--force'])).code, 0);
  await stage.serve();

  await waitFor('v1 to serve', async () => (await app.ask()).version === 'v1', { withinMs: 60_000 });
  await app.until(
    'v1 to be healthy',
    ({ condition, users }) => condition === 'serving' && users === '100% on v1',
  );
  const next = await app.deploy('v4');
  assert.equal(next.code, 0, told(next));
  assert.deepEqual(
    (await app.replicas()).map(({ label }) => label).filter((label) => label === 'v2' || label === 'v3'),
    [],
  );
});
