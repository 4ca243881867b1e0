/** Locks, freezes and the audit through the real program. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { canary, lasting, openStage, told, type App } from './stage.ts';

const ANA = { BASCULE_ACTOR: 'ana' };
const BOB = { BASCULE_ACTOR: 'bob' };

async function refused(
  app: App,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  words: RegExp,
) {
  const ran = await app.run(args, { env });
  assert.equal(ran.code, 15, told(ran));
  assert.match(ran.stderr, words);
}

async function done(app: App, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const ran = await app.run(args, { env });
  assert.equal(ran.code, 0, told(ran));
  return ran.stdout;
}

test('a lock keeps others from starting and promoting, and never from going back', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', { strategy: lasting() });
  await app.deploy('v1');
  await done(app, ['lock', 'acquire', 'shop', '--reason', 'sale', '--for', '2h'], ANA);

  assert.match(
    await done(app, ['lock', 'status', 'shop']),
    /^shop is locked by ana \(unverified\): sale; until /,
  );
  assert.match(await done(app, ['status', 'shop']), /^ locked {3}by ana \(unverified\): sale; until /m);
  await refused(
    app,
    ['deploy', 'shop', '--version', 'v2'],
    BOB,
    /LOCKED.*shop is locked by ana \(unverified\) \("sale"\)/,
  );
  assert.equal((await app.run(['deploy', 'shop', '--version', 'v2', '--detach'], { env: ANA })).code, 0);
  await app.untilDwelling();
  await refused(app, ['promote', 'shop'], BOB, /LOCKED.*nothing was promoted/);
  await done(app, ['abort', 'shop'], BOB);
  await app.untilOver();
  await refused(app, ['lock', 'release', 'shop'], BOB, /and you are bob \(unverified\)/);
  const broken = await done(
    app,
    ['lock', 'release', 'shop', '--force', '--reason', 'ana \u001b[31msleeps\nfree'],
    BOB,
  );
  assert.match(broken, /was broken by bob \(unverified\): ana ·\[31msleeps·free\n$/);
  assert.equal(await done(app, ['lock', 'release', 'shop'], BOB), 'shop is not locked.\n');
});

test('a freeze holds a rollout that is under way, goes by itself, and outlives the server', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', { strategy: canary({ dwell: { 'at-least': '4s', 'at-most': '5s' } }) });
  await app.deploy('v1');
  await app.deployDetached('v2');
  await app.untilDwelling();
  await done(app, ['freeze', 'shop', '--for', '20s', '--also', 'advancing', '--reason', 'sale'], ANA);
  const held = await app.until('held', ({ rollout }) => /the end of a freeze/.test(rollout?.waiting ?? ''));
  assert.ok(!held.allowedActions.includes('promote'), held.allowedActions.join());
  await refused(
    app,
    ['promote', 'shop'],
    ANA,
    /FROZEN.*by ana \(unverified\) \("sale"\) until .*nothing was promoted/,
  );
  await stage.controller().stop('SIGKILL');
  await stage.serve();

  const over = await app.until('done', ({ rollout }) => rollout === null, { withinMs: 60_000, everyMs: 100 });

  assert.deepEqual([over.stable, over.freezes], ['v2', []]);
  const why = await done(app, ['why', over.last!.id]);
  assert.match(why, /held: frozen by ana \(unverified\) \("sale"\) until /);
  assert.match(why, /no freeze holds it any more/);
});

test('a freeze of the server file names its line, is overridden with a reason, and never stops a rollback', async (t) => {
  // Begins at every midnight of the year but one, for a day less a minute: on now, unless it is that very minute.
  const file =
    "freezes:\n  - {cron: '1 0 * * *', for: 1439m, time-zone: UTC, reason: quiet, also: advancing}\n";
  const stage = await openStage(t, file);
  const app = await stage.app('shop');

  await refused(
    app,
    ['deploy', 'shop', '--version', 'v1'],
    ANA,
    /FROZEN.*shop is frozen by \S+server\.yaml line 4 \("quiet"\) until \w{3} \d{4}-\d\d-\d\d 00:00 UTC; nothing was started/,
  );
  const plan = await app.run(['plan', 'shop', '--version', 'v1']);
  assert.equal(plan.code, 15, told(plan));
  assert.match(plan.stdout, /✖ refused {2}frozen by \S+server\.yaml line 4/);
  const bare = await app.run(['deploy', 'shop', '--override-freeze']);
  assert.equal(bare.code, 2, told(bare));
  for (const version of ['v1', 'v2']) {
    const ran = await app.deploy(version, {}, '--override-freeze', '--reason', 'the till is down');
    assert.equal(ran.code, 0, told(ran));
  }
  await done(app, ['rollback', 'shop']);
  assert.equal((await app.untilOver()).stable, 'v1');
  const lines = (await done(app, ['audit', 'shop', '--json', '--verb', 'deploy'])).trim().split('\n');
  assert.deepEqual(
    lines.map((line) => {
      const { entry } = JSON.parse(line) as { entry: { result: string; code: string; reason: string } };
      return [entry.result, entry.code, entry.reason];
    }),
    [
      ['done', null, 'the till is down'],
      ['done', null, 'the till is down'],
      ['refused', 'FROZEN', null],
    ],
  );
});

test('a freeze of everything also stands before a service that is not there yet', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop');
  await done(app, ['freeze', '--all', '--reason', 'closing'], ANA);

  await refused(
    app,
    ['deploy', 'shop', '--version', 'v1'],
    BOB,
    /FROZEN.*together with every service \("closing"\)/,
  );
  assert.match(
    await done(app, ['unfreeze', '--all'], BOB),
    /^unfrozen by bob \(unverified\): was frozen by ana/,
  );
  assert.equal((await app.deploy('v1')).code, 0);
});

test('a server file with a freeze that cannot be says so at its line, and the server does not start', async (t) => {
  const stage = await openStage(t);
  const path = join(stage.world.directory, 'bad.yaml');
  await writeFile(
    path,
    "freezes:\n  - {cron: '0 0 30 2 *', for: 1h}\n  - {cron: '0 16 * * FRI', for: 64h, time-zone: Europe/Berlim}\n",
  );

  const ran = await stage.run(['serve', '--config', path]);

  assert.equal(ran.code, 2, told(ran));
  assert.match(ran.stderr, /freezes\.0 line 2: cron "0 0 30 2 \*" never comes/);
  assert.match(ran.stderr, /freezes\.1\.time-zone line 3: the name of a time zone/);
});

test('the audit shows what was refused to whom, and finds records that were changed or cut off', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop');
  await app.deploy('v1');
  const viewer = join(stage.stateDirectory, 'sockets', 'viewer.sock');
  assert.equal((await app.run(['remove', 'shop', '--yes', '--socket', viewer], { env: BOB })).code, 5);
  assert.match(
    await done(app, ['audit', 'shop', '--actor', 'bob']),
    /^\S+ \S+ {2}remove shop {2}refused \(ROLE_TOO_LOW\) {2}by bob \(unverified\) as viewer {2}from viewer\.sock\n/,
  );
  const csv = await done(app, ['audit', '--csv', '--limit', '1']);
  assert.match(
    csv,
    /^seq,time,service,.*\r\n\d+,\S+Z,shop,,bob \(unverified\),viewer,viewer\.sock,remove,refused,ROLE_TOO_LOW,/,
  );
  const sound = await done(app, ['audit', 'verify']);
  const against = /--against (\S+)/.exec(sound)![1]!;
  assert.match(await done(app, ['audit', 'verify', '--against', against]), /is still there, unchanged/);

  async function altered(sql: string): Promise<void> {
    await stage.controller().stop();
    const database = new DatabaseSync(join(stage.stateDirectory, 'journal.db'));
    database.exec(sql);
    database.close();
    await stage.serve();
  }
  await altered(`DELETE FROM events WHERE seq >= ${against.split(':')[0]}`);
  const cut = await app.run(['audit', 'verify']);
  assert.equal(cut.code, 15, told(cut));
  assert.match(cut.stdout, /^CHANGED at record \d+: the tail is cut/);
  await refused(app, ['audit', 'verify', '--against', against], {}, /^/);
  await altered("UPDATE events SET actor = 'nobody' WHERE kind = 'deploy'");
  const found = await app.run(['audit', 'verify']);
  assert.equal(found.code, 15, told(found));
  assert.match(found.stdout, /^CHANGED at record \d+: the event was edited/);
  assert.match(await readFile(join(stage.stateDirectory, 'keys', 'journal.key'), 'utf8'), /^[0-9a-f]{64}\n$/);
});
