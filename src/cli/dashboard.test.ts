import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { testCli, type TestCli } from './cli-fixture.ts';

const dashboard = { pages: new Map(), sessions: { read: () => null, write: () => undefined } };

describe('dashboard', () => {
  let cli: TestCli;
  let bare: TestCli;
  before(async () => {
    [cli, bare] = await Promise.all([testCli({ dashboard }), testCli()]);
  });
  after(() => Promise.all([cli.end(), bare.end()]));

  test('prints a link to an address that is opened for it, and how to get there from elsewhere', async () => {
    const ran = await cli.run('dashboard');

    assert.equal(ran.code, 0, ran.err);
    const [, port] = /^http:\/\/127\.0\.0\.1:(\d+)\/#login=[\w-]{43}\n$/.exec(ran.out) ?? [];
    assert.ok(port !== undefined, ran.out);
    assert.ok(ran.err.includes(`ssh -L ${port}:127.0.0.1:${port} HOST`), ran.err);
    const again = JSON.parse((await cli.run('dashboard --json')).out) as { url: string; expiresInMs: number };
    assert.equal(new URL(again.url).port, port, 'the same address');
    assert.equal(again.expiresInMs, 60_000);
  });

  test('of a server elsewhere it says the address, and asks it for nothing', async () => {
    const ran = await cli.run('dashboard --host https://deploy.example.com:8443/');

    assert.deepEqual(
      [ran.code, ran.out, ran.err],
      [0, 'https://deploy.example.com:8443/\n', 'Log in there with your token.\n'],
    );
  });

  test('a server without its files says what to do', async () => {
    const ran = await bare.run('dashboard');

    assert.deepEqual([ran.code, ran.out], [15, '']);
    assert.match(ran.err, /error\[DASHBOARD_MISSING\].*npm run build:dashboard/s);
  });
});
