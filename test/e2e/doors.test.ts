/** Doors: several services on one listener, doors that are taken, and a door that closes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { blueGreen, openStage, told, type Stage } from './stage.ts';
import { waitFor } from './wait-for.ts';

const closers: (() => Promise<void>)[] = [];
let stage: Stage;

before(async () => {
  stage = await openStage({ after: (close) => void closers.push(close) });
});
after(async () => {
  for (const close of closers.toReversed()) await close();
});

describe('doors', { concurrency: 2 }, () => {
  test('two services by host on one listener; a third on the same host is refused, naming the owner', async () => {
    const strategy = blueGreen();
    const tea = await stage.app('tea', { strategy });
    const listen = `127.0.0.1:${tea.port}`;
    await tea.describe({ strategy, host: 'tea.example' });
    const cups = await stage.app('cups', { strategy, listen, host: 'cups.example' });
    const thief = await stage.app('thief', { strategy, listen, host: 'tea.example' });
    assert.equal((await tea.deploy('tea-1')).code, 0);
    assert.equal((await cups.deploy('cups-1')).code, 0);

    const ran = await thief.deploy('thief-1');

    assert.equal(ran.code, 16, told(ran));
    assert.match(ran.stdout, /tea\.example\/ on 127\.0\.0\.1:\d+ belongs to the service tea/);
    assert.equal((await tea.ask({ host: 'tea.example' })).version, 'tea-1');
    assert.equal((await tea.ask({ host: 'cups.example' })).version, 'cups-1');
    assert.equal((await tea.ask({ host: 'nobody.example' })).version, null);
    assert.equal((await cups.deploy('cups-2')).code, 0);
    assert.equal((await tea.ask({ host: 'cups.example' })).version, 'cups-2');
    assert.equal((await tea.ask({ host: 'tea.example' })).version, 'tea-1');
  });

  test('a port that another program has: the first deploy ends, a changed door leaves the old one open', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1');
    t.after(() => taken.close());
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const strategy = blueGreen();
    const late = await stage.app('late', { strategy, listen: `127.0.0.1:${port}` });

    const ran = await late.deploy('v1');

    assert.equal(ran.code, 16, told(ran));
    assert.ok(ran.stdout.includes(`127.0.0.1:${port}`), told(ran));
    const moving = await stage.app('moving', { strategy });
    assert.equal((await moving.deploy('v1')).code, 0);
    await moving.describe({ strategy, listen: `127.0.0.1:${port}` });
    const applied = await moving.run(['apply']);
    assert.equal(applied.code, 15, told(applied));
    assert.ok(
      applied.stdout.includes(`listen: 127.0.0.1:${moving.port} -> 127.0.0.1:${port}`),
      told(applied),
    );
    assert.match(applied.stderr, new RegExp(`held by pid ${process.pid} `), told(applied));
    assert.equal((await moving.ask()).version, 'v1');
    const view = await moving.view();
    assert.equal(view.door, `http://127.0.0.1:${moving.port}`);
    await moving.describe({ strategy });
    assert.equal((await moving.run(['apply'])).code, 0);
    assert.equal((await moving.deploy('v2')).code, 0);
    assert.equal((await moving.ask()).version, 'v2');
  });

  test('remove closes the door and stops the processes', async () => {
    const app = await stage.app('leaving', { strategy: blueGreen() });
    assert.equal((await app.deploy('v1')).code, 0);
    const unmeant = await app.verb('remove');
    assert.equal(unmeant.code, 2, told(unmeant));
    assert.equal((await app.ask()).version, 'v1');
    const pid = await app.pidOf('stable');

    const ran = await app.verb('remove', '--yes');

    assert.equal(ran.code, 0, told(ran));
    await waitFor('the door to close', () =>
      app.ask().then(
        () => false,
        () => true,
      ),
    );
    await waitFor('the end of its process', () => stage.world.processes().every((one) => one.pid !== pid));
    await waitFor('it to be gone', async () => (await app.verb('status')).code === 2);
    // It may come again.
    assert.equal((await app.deploy('v2')).code, 0);
    assert.equal((await app.ask()).version, 'v2');
  });
});
