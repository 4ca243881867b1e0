/** The shop behind a real HAProxy of Bascule's own: the same verbs, the same judge, the same exit codes. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
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
