/** The shop behind a real HAProxy of Bascule's own: the same verbs, the same judge, the same exit codes. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { canary, lasting, openStage, told } from './stage.ts';

const HAPROXY = ['/usr/sbin/haproxy', '/usr/bin/haproxy', '/usr/local/sbin/haproxy'].some((path) =>
  existsSync(path),
);
const skip = HAPROXY ? false : 'haproxy is not installed';
const MANAGED = { haproxy: { managed: true } };

test('behind HAProxy a good version is promoted and a bad one rolled back', { skip }, async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', { proxy: MANAGED, strategy: canary() });
  const first = await app.deploy('v1');
  assert.equal(first.code, 0, told(first));
  app.load({ perSecond: 100, users: 300 });

  const good = await app.deploy('v2');
  assert.equal(good.code, 0, told(good));
  assert.equal((await app.ask()).version, 'v2');

  await app.describe({ proxy: MANAGED, strategy: lasting() });
  const bad = await app.deploy('v3', { errorRate: 0.6 });
  assert.equal(bad.code, 10, told(bad));
  await app.untilOver();
  assert.equal((await app.ask()).version, 'v2');
});

test('behind HAProxy the one who knows the secret sees the candidate first', { skip }, async (t) => {
  const secret = '0123456789abcdef0123456789abcdef';
  const stage = await openStage(t);
  const secrets = join(stage.stateDirectory, 'secrets');
  await mkdir(secrets, { recursive: true, mode: 0o700 });
  await writeFile(join(secrets, 'override'), `${secret}\n`, { mode: 0o400 });
  const app = await stage.app('shop', {
    proxy: MANAGED,
    override: { header: 'X-Choose', secret: 'file:override' },
    strategy: lasting({ steps: ['0.1%', '100%'] }),
  });
  assert.equal((await app.deploy('v1')).code, 0);
  await app.deployDetached('v2');
  await app.untilDwelling();
  const seenBy = async (value: string) => (await app.ask({ 'x-choose': value })).version;

  assert.equal(await seenBy(`candidate:${secret}`), 'v2');
  assert.equal(await seenBy(`stable:${secret}`), 'v1');
  const file = await stat(join(stage.stateDirectory, 'haproxy', 'services.cfg'));
  assert.equal(file.mode & 0o007, 0, 'others can read the secret');
});
