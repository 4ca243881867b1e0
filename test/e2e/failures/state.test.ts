/** What happens to the files of the state directory, and how they come back. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { freePorts } from '../ports.ts';
import { editStates } from '../journal-edit.ts';
import { endByPid } from '../processes.ts';
import { lasting, openStage, told, type Stage } from '../stage.ts';
import { waitFor } from '../wait-for.ts';

test('a journal that cannot be used is refused with what to do, in whatever way, while traffic goes on', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop');
  assert.equal((await app.deploy('v1')).code, 0);
  await stage.controller().stop();
  const file = join(stage.stateDirectory, 'journal.db');
  const key = join(stage.stateDirectory, 'keys', 'journal.key');
  const [good, goodKey] = [readFileSync(file), readFileSync(key)];
  const load = app.load({ streams: 0, perSecond: 50 });

  const damages: Readonly<Record<string, readonly [RegExp, () => void]>> = {
    garbage: [/JOURNAL_CORRUPT/, () => writeFileSync(file, 'nonsense '.repeat(5000))],
    'cut in half': [/JOURNAL_CORRUPT/, () => truncateSync(file, good.length / 2)],
    'of no length': [/JOURNAL_CORRUPT/, () => truncateSync(file, 0)],
    'of a newer Bascule': [
      /JOURNAL_NEWER.*Install the newer one again/s,
      () => sql(file, 'PRAGMA user_version = 99'),
    ],
    'of another program': [/JOURNAL_CORRUPT.*another program/s, () => sql(file, 'PRAGMA application_id = 7')],
    'with a state that was damaged': [
      /JOURNAL_CORRUPT.*the state of shop.*MAC/s,
      () =>
        sql(
          file,
          `UPDATE aggregates SET state = replace(state, '"green"', '"greeo"') WHERE aggregate = 'shop'`,
        ),
    ],
    "signed by another server's key": [/JOURNAL_KEY/, () => replaceKey(key, `${'ab'.repeat(32)}\n`)],
  };
  for (const [what, [says, damage]] of Object.entries(damages)) {
    damage();
    const before = readFileSync(file);

    const ran = await stage.run(['serve']);

    assert.notEqual(ran.code, 0, what);
    assert.match(ran.stderr, says, `${what}: ${told(ran)}`);
    assert.match(ran.stderr, /Nothing was changed/, what);
    assert.deepEqual(readFileSync(file), before, what);
    writeFileSync(file, good);
    replaceKey(key, goodKey);
  }

  await stage.serve();
  assert.equal((await app.view()).stable, 'v1');
  const seen = await load.stop();
  assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
});

test('an event that was changed in the journal is told at the start, and the server goes on', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop');
  assert.equal((await app.deploy('v1')).code, 0);
  await stage.controller().stop();
  sql(join(stage.stateDirectory, 'journal.db'), "UPDATE events SET actor = 'nobody' WHERE seq = 2");

  await stage.serve();

  await waitFor('the chain to be looked at', () => /JOURNAL_CHAIN: event 2 /.test(stage.controller().log()));
  assert.equal((await app.deploy('v2')).code, 0);
});

for (const [what, damage] of Object.entries({
  garbage: (file: string) => writeFileSync(file, 'nonsense '.repeat(5000)),
  'cut off': (file: string) => truncateSync(file, 5000),
})) {
  test(`samples.db is ${what}: it is put aside, and everything goes on`, async (t) => {
    const stage = await openStage(t);
    const app = await stage.app('shop');
    assert.equal((await app.deploy('v1')).code, 0);
    await stage.controller().stop();
    damage(join(stage.stateDirectory, 'samples.db'));

    await stage.serve();

    assert.match(stage.controller().log(), /samples\.db cannot be used .* was put aside as/);
    assert.ok(existsSync(join(stage.stateDirectory, 'samples.db.damaged')));
    const ran = await app.deploy('v2');
    assert.equal(ran.code, 0, told(ran));
  });
}

test("a torn state file of the proxy costs its own service's door until the controller gives it anew, and no other", async (t) => {
  const stage = await openStage(t);
  const [app, other] = [await stage.app('shop'), await stage.app('other')];
  for (const one of [app, other]) assert.equal((await one.deploy('v1')).code, 0);
  truncateSync(join(stage.stateDirectory, 'proxy/services/shop.json'), 100);

  killProxy(stage);

  await waitFor('the other to serve', async () => (await other.ask()).version === 'v1');
  await waitFor('both to serve', async () => (await app.ask()).version === 'v1', { withinMs: 60_000 });
});

test('the state directory is deleted under a running server: it stops and says so, and traffic goes on', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', { strategy: lasting() });
  assert.equal((await app.deploy('v1')).code, 0);
  await app.deployDetached('v2');
  await app.untilDwelling();
  const load = app.load({ streams: 0 });
  await load.served('v2', 20, 10_000);

  rmSync(stage.stateDirectory, { recursive: true, force: true });

  await stage.controller().ended;
  assert.match(
    stage.controller().log(),
    /STATE_DIR_UNUSABLE.*was deleted or replaced.*Traffic and applications go on/s,
  );
  await load.served('v2', 50, 10_000);
  const seen = await load.stop();
  assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
});

test('the machine is lost in the middle of a rollout: from a backup, another one serves what was stable, and the rollout is over', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', { strategy: lasting() });
  assert.equal((await app.deploy('v1')).code, 0);
  await app.deployDetached('v2');
  await app.untilDwelling();
  const load = app.load({ streams: 0 });
  await load.served('v2', 20, 10_000);
  const file = join(stage.world.directory, 'backup.tar');
  const backup = await stage.run(['backup', file]);
  assert.equal(backup.code, 0, told(backup));
  await load.served('v2', 50, 10_000);
  const seen = await load.stop();
  assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
  const key = join(stage.world.directory, 'key');
  cpSync(join(stage.stateDirectory, 'keys', 'journal.key'), key);

  await stage.controller().stop('SIGKILL');
  for (const { pid } of stage.world.processes()) endByPid(pid);
  rmSync(stage.stateDirectory, { recursive: true, force: true });
  mkdirSync(stage.stateDirectory);
  const restored = await stage.run(['restore', file, '--key', key]);
  assert.equal(restored.code, 0, told(restored));
  otherMachine(stage);
  await stage.serve();

  const view = await app.until(
    'serving',
    ({ rollout, condition }) => rollout === null && condition === 'serving',
  );
  assert.deepEqual([view.users, view.last?.outcome], ['100% on v1', 'aborted']);
  assert.equal((await app.ask()).version, 'v1');
  const next = await app.deploy('v3', {}, '--detach');
  assert.equal(next.code, 0, told(next));
});

test('a restore on the machine that still runs: what was released since is taken back to what the backup says, without a failed request', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop');
  assert.equal((await app.deploy('v1')).code, 0);
  const file = join(stage.world.directory, 'backup.tar');
  assert.equal((await stage.run(['backup', file])).code, 0);
  assert.equal((await app.deploy('v2')).code, 0);
  const load = app.load({ streams: 0 });
  await load.served('v2', 20, 10_000);

  await stage.controller().stop();
  assert.equal((await stage.run(['restore', file, '--force'])).code, 0);
  await stage.serve();

  await load.served('v1', 50, 20_000);
  assert.equal((await app.view()).users, '100% on v1');
  const seen = await load.stop();
  assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
});

test('a port that another program has, of a door or of a slot, is named and nothing else is touched', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop');
  assert.equal((await app.deploy('v1')).code, 0);
  const [taken] = await freePorts(1);
  const stranger = createServer().listen(taken, '127.0.0.1');
  await once(stranger, 'listening');
  t.after(async () => void stranger.close());

  const other = await stage.app('other', { listen: `127.0.0.1:${taken}` });
  const door = await other.deploy('v1');
  assert.notEqual(door.code, 0, told(door));
  assert.match(told(door), new RegExp(`${taken}`));
  assert.equal((await app.ask()).version, 'v1');

  const record = (await app.replicas())[0]!;
  // Two for the slot that serves (max-replicas), then those of the other one.
  const slotPort = record.address.port + 2;
  const second = createServer().listen(slotPort, '127.0.0.1');
  await once(second, 'listening');
  t.after(async () => void second.close());
  const slot = await app.deploy('v2');
  assert.equal(slot.code, 16, told(slot));
  assert.match(told(slot), new RegExp(`${slotPort}`));
  assert.equal((await app.ask()).version, 'v1');
});

test('a service that is removed during its rollout stays until the rollout is taken back', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', { strategy: lasting() });
  assert.equal((await app.deploy('v1')).code, 0);
  await app.deployDetached('v2');
  await app.untilDwelling();

  const refused = await app.verb('remove', '--yes');

  assert.equal(refused.code, 15, told(refused));
  assert.match(refused.stderr, /ROLLOUT_UNDER_WAY/);
  assert.equal((await app.ask()).status, 200);
  assert.equal((await app.verb('abort')).code, 0);
  await app.untilOver();
  const removed = await app.verb('remove', '--yes');
  assert.equal(removed.code, 0, told(removed));
  await waitFor('the door to be closed', () =>
    app.ask().then(
      () => false,
      () => true,
    ),
  );
});

test('SIGHUP and SIGTERM stop the server in order, and traffic and applications go on', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop');
  assert.equal((await app.deploy('v1')).code, 0);
  const load = app.load({ streams: 0, perSecond: 50 });

  for (const signal of ['SIGHUP', 'SIGTERM'] as const) {
    assert.equal(await stage.controller().stop(signal), 0, signal);
    assert.match(stage.controller().log(), /traffic and applications go on/);
    await load.served('v1', 20, 10_000);
    await stage.serve();
  }
  const seen = await load.stop();
  assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
});

test('a socket that is deleted under a running server is there again within seconds', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop');
  const socket = join(stage.stateDirectory, 'sockets', 'operator.sock');
  rmSync(socket);

  await waitFor('the socket', () => existsSync(socket));
  const ran = await app.deploy('v1');
  assert.equal(ran.code, 0, told(ran));
  assert.match(stage.controller().log(), /a socket of the API had been deleted/);
});

test('a server whose socket another program has is refused, says so, and ends; traffic goes on', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop');
  assert.equal((await app.deploy('v1')).code, 0);
  await stage.controller().stop();
  const stranger = createServer().listen(join(stage.stateDirectory, 'sockets', 'viewer.sock'));
  await once(stranger, 'listening');
  t.after(async () => void stranger.close());

  const ran = await stage.run(['serve'], { withinMs: 60_000 });

  assert.notEqual(ran.code, 0, told(ran));
  assert.match(ran.stderr, /SOCKET_IN_USE/, told(ran));
  assert.equal((await app.ask()).version, 'v1');
});

function killProxy(stage: Stage): void {
  for (const { pid, command } of stage.world.processes())
    if (command.includes('proxy-program')) endByPid(pid);
}

/** The boot id is the kernel's and cannot be changed, so the recorded one is. */
function otherMachine(stage: Stage): void {
  const now = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  editStates(stage.stateDirectory, now, '00000000-0000-0000-0000-000000000000');
}

function sql(file: string, text: string): void {
  const database = new DatabaseSync(file);
  database.exec(text);
  database.close();
}

function replaceKey(path: string, content: string | Buffer): void {
  rmSync(path);
  writeFileSync(path, content, { mode: 0o400 });
}
