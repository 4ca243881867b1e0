/** The shop behind a real nginx of Bascule's own: the same verbs, the same judge, the same exit codes. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { test } from 'node:test';
import { canary, lasting, openStage, told, type App } from './stage.ts';
import { waitFor } from './wait-for.ts';

const NGINX = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].some((path) => existsSync(path));
const skip = NGINX ? false : 'nginx is not installed';
const MANAGED = { nginx: { managed: true } };

test('behind nginx a good version is promoted and a bad one rolled back', { skip }, async (t) => {
  const stage = await openStage(t);
  // Workers are of another user where this one is root.
  await chmod(stage.world.directory, 0o755);
  const app = await stage.app('shop', { proxy: MANAGED, strategy: canary() });
  const first = await app.deploy('v1');
  assert.equal(first.code, 0, told(first));
  assert.match(String((await app.ask()).headers.server), /^nginx/);
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

test(
  'apply moves a service from the built-in proxy to nginx and back, and it serves on',
  { skip },
  async (t) => {
    const stage = await openStage(t);
    await chmod(stage.world.directory, 0o755);
    const app = await stage.app('shop');
    assert.equal((await app.deploy('v1')).code, 0);

    await app.describe({ proxy: MANAGED });
    const there = await app.run(['apply']);
    assert.equal(there.code, 0, told(there));
    assert.equal(await servedBy(app, 'nginx'), 'v1');

    await app.describe({});
    const back = await app.run(['apply']);
    assert.equal(back.code, 0, told(back));
    assert.equal(await servedBy(app, 'none'), 'v1');
  },
);

/** The version that answers once this server does; on the same port the one goes before the other comes. */
function servedBy(app: App, server: string): Promise<string | null> {
  return waitFor(
    `served by ${server}`,
    async () => {
      const answer = await app.ask();
      return String(answer.headers.server ?? 'none').startsWith(server) ? answer.version : null;
    },
    { withinMs: 60_000, everyMs: 50 },
  );
}
