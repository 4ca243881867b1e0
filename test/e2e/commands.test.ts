/** Every command through the real program, as one story. The last test holds the list of docs/cli.md to what was run. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { canary, lasting, openStage, told, type App, type Stage } from './stage.ts';

const PAGE = new URL('../../docs/cli.md', import.meta.url);

const closers: (() => Promise<void>)[] = [];
const seen = new Set<string>(['serve']);
let stage: Stage;
let app: App;

before(async () => {
  stage = await openStage({ after: (close) => void closers.push(close) });
  app = await stage.app('shop', { strategy: canary() });
});
after(async () => {
  for (const close of closers.toReversed()) await close();
});

/** Runs a command that is to succeed; what it wrote to stdout. */
async function run(...args: string[]): Promise<string> {
  seen.add(args[0]!);
  const ran = await app.run(args);
  assert.equal(ran.code, 0, told(ran));
  return ran.stdout;
}

async function json<T>(...args: string[]): Promise<T> {
  const parsed = JSON.parse(await run(...args, '--json')) as T & { readonly schema: number };
  assert.equal(parsed.schema, 1);
  return parsed;
}

test('serve says that it is ready, and a second one on the same state directory is refused', async () => {
  assert.match(stage.controller().log(), /bascule 0\.1\.0 is ready; sockets for viewer, operator, admin in /);

  const second = await stage.run(['serve']);

  assert.equal(second.code, 15, told(second));
  assert.match(second.stderr, /JOURNAL_HELD/);
  assert.equal((await stage.run(['status'])).code, 0);
});

test('check, config, schema and explain need no server', async () => {
  assert.match(await run('check'), /^bascule\.yaml is valid: shop \(canary 50% → 100%\)/);
  assert.match(await run('config'), /rise: 3\n/);
  const schema = JSON.parse(await run('schema')) as { readonly $schema: string };
  assert.match(schema.$schema, /json-schema/);
  assert.match(await run('explain', 'E016'), /canary steps must end with 100%/);
});

test('init looks at what is here, and writes over nothing', async () => {
  const printed = await run('init', '--print', '--listen', '8080');
  assert.match(printed, /^ {4}run: node server\.mjs {3}# Node, server\.mjs$/m);

  const ran = await app.run(['init']);
  assert.equal(ran.code, 15, told(ran));
  assert.match(ran.stderr, /CONFIG_EXISTS/);
});

test('completion prints a script, and is silent about what no server knows', async () => {
  assert.match(await run('completion', 'bash'), /^complete -F _bascule bascule$/m);
  assert.equal(await run('completion', '--list', 'services'), '');
});

test('doctor looks over a machine on which all is well enough', async () => {
  const { failures, findings } = await json<{ failures: number; findings: readonly { subject: string }[] }>(
    'doctor',
  );

  assert.equal(failures, 0);
  for (const subject of ['node', 'modes', 'disk', 'server', 'journal', 'clock', 'proxy', 'systemd'])
    assert.ok(
      findings.some((finding) => finding.subject === subject),
      subject,
    );
});

test('plan, then deploy exactly that plan', async () => {
  assert.match(await run('plan', '--version', 'v1'), /shop {2}first version v1/);
  const { plan } = await json<{ plan: { id: string } }>('plan', '--version', 'v1');

  assert.equal(
    await run('deploy', '--version', 'v1', '--plan', plan.id),
    'shop v1 done: v1 serves all traffic\n',
  );

  const stale = await app.run(['deploy', '--version', 'v1', '--plan', plan.id]);
  assert.equal(stale.code, 15, told(stale));
  assert.match(await run('deploy', '--version', 'v1'), /is what serves already/);
});

test('status, alone and followed off a terminal; wait for a step, and for the end', async () => {
  assert.match(await run('status'), /shop {2}● serving {3}100% on v1/);
  await app.describe({ strategy: lasting({ steps: ['20%', '50%', '100%'] }) });
  const id = await app.deployDetached('v2');
  assert.match(await run('wait', id, '--for', 'step=1'), /step 1\/3/);
  const following = app.beginNow(['status', '-w']);
  await app.untilDwelling();

  await run('promote', 'shop');
  assert.match(await run('wait', id, '--for', 'step=2'), /step 2\/3/);
  await run('pause', 'shop');
  assert.match(await run('wait', id, '--for', 'paused'), /paused/);
  await run('resume', 'shop');
  await run('weight', 'shop', '30%');
  await app.untilDwelling();
  await run('promote', 'shop', '--full');
  assert.match(await run('wait', id), /shop v2 done/);

  const ran = await following.ran;
  assert.equal(ran.code, 0, told(ran));
  assert.match(ran.stdout, /◑ progressing/);
  assert.match(ran.stdout, new RegExp(`^\\S+ ${id} PROMOTED: 100% on v2$`, 'm'));
  assert.ok(!ran.stdout.includes('\u001B'), 'colour or cursor movement off a terminal');
});

test('why, history and logs tell what was', async () => {
  const { rollouts } = await json<{ rollouts: readonly { id: string; label: string; outcome: string }[] }>(
    'history',
  );
  assert.deepEqual(
    rollouts.map(({ label, outcome }) => `${label} ${outcome}`),
    ['v2 done', 'v1 done'],
  );
  const why = await run('why', rollouts[0]!.id);
  assert.match(why, /^r-[0-9a-f]{8} {2}v2: done: v2 serves all traffic\n/);
  assert.match(why, /recorded end of the chain: event \d+, mac [0-9a-f]{16}/);
  assert.match(
    await run('why', rollouts[0]!.id, '--markdown'),
    /\n- \*\*rule\*\*: every step was surely not worse/,
  );
  assert.match(await run('logs', 'shop', '--tail', '5'), /^0 \| shop listens on \d+$/m);
});

test('judge says the same once more, and what other rules would have done', async () => {
  const [v2] = (await json<{ rollouts: readonly { id: string; startedAtMs: number }[] }>('history')).rollouts;

  const again = await run('judge', '--rollout', v2!.id, '--recorded');
  const other = await run('judge', '--rollout', v2!.id, '--set', 'error-rate=5pp,dwell=2s', '--markdown');
  const since = await app.run(['judge', 'shop', '--from', '2020-01-01', '--to', '2020-01-02']);

  assert.match(again, /^r-[0-9a-f]{8} {2}v2: the same rules give the same verdicts, bit for bit; done: /);
  assert.match(again, /^ same {5}\d+ of \d+ decisions and the last verdict, bit for bit$/m);
  assert.match(other, /\*\*rules\*\*: changed: judge error-rate \+5pp/);
  assert.equal(since.code, 2, told(since));
  assert.match(since.stderr, /NOTHING_JUDGED.*no rollout of shop had a share/);
});

test('apply shows the difference first; abort, rollback and retry', async () => {
  await app.describe({ strategy: lasting(), drain: '3s' });
  assert.match(await run('apply', '--dry-run'), /^shop: drain: 2s -> 3s$/m);
  const differs = await app.deploy('v3');
  assert.equal(differs.code, 15, told(differs));
  assert.match(differs.stderr, /DOOR_DIFFERS/);
  assert.match(await run('apply'), /applied: door/);
  const id = await app.deployDetached('v3');
  await app.untilDwelling();
  assert.match(await run('abort', 'shop'), /taken back by /);
  await app.untilOver();
  await run('retry', id);
  await app.untilDwelling();
  assert.match(await run('rollback', 'shop'), /taken back by /);
  await app.untilOver();
  // v3 took the slot in which v1 was kept warm.
  assert.match(await run('rollback', 'shop'), /rollout of v1 begins in blue/);
  assert.equal((await app.untilOver()).stable, 'v1');
});

test('lock, freeze and what the audit says of them', async () => {
  await run('lock', 'acquire', 'shop', '--reason', 'sale');
  assert.match(await run('lock', 'status', 'shop'), /^shop is locked by /);
  await run('lock', 'release', 'shop');
  await run('freeze', 'shop', '--reason', 'sale', '--for', '1h');
  assert.match(await run('status'), /^ frozen {3}by .*: sale; until /m);
  await run('unfreeze', 'shop');
  assert.match(
    await run('audit', 'shop', '--verb', 'freeze'),
    /freeze shop {2}done {2}by .* as admin .*"sale"/,
  );
  const { fault } = await json<{ fault: unknown }>('audit', 'verify');
  assert.equal(fault, null);
});

test('tokens are made, listed and revoked; nobody agrees to what nobody asked, and nobody is told by no channel', async () => {
  const token = await run('token', 'create', 'ana', '--role', 'operator');
  const id = /^bsc_([0-9a-f]{8})_/.exec(token)![1]!;
  assert.match(await run('token', 'list'), new RegExp(`^${id} {2}ana {2}operator `, 'm'));
  await run('token', 'revoke', id, '--yes');
  for (const [args, code, says] of [
    [['approve', 'shop'], 15, 'NO_ROLLOUT'],
    [['reject', 'shop'], 15, 'NO_ROLLOUT'],
    [['notify', 'test'], 2, 'NOTIFY_UNKNOWN'],
  ] as const) {
    seen.add(args[0]);
    const ran = await app.run(args);
    assert.equal(ran.code, code, told(ran));
    assert.match(ran.stderr, new RegExp(says));
  }
});

test('dashboard prints a link to the page, which is there and good for a minute', async () => {
  const { url, expiresInMs } = await json<{ url: string; expiresInMs: number }>('dashboard');
  assert.equal(expiresInMs, 60_000);

  const page = await fetch(url);

  assert.equal(page.status, 200);
  assert.match(await page.text(), /<title>Bascule/);
});

test('a bad server file keeps the server from starting, with every mistake', async () => {
  const file = join(stage.world.directory, 'bad.yaml');
  await writeFile(file, 'proxy-workers: 0\nslot-ports: many\ncolour: blue\n');

  const ran = await stage.run(['serve', '--config', file]);

  assert.equal(ran.code, 2, told(ran));
  for (const word of ['proxy-workers', 'slot-ports', 'colour']) assert.match(ran.stderr, new RegExp(word));
});

test('a backup is made while it runs, and put back', async () => {
  const file = join(stage.world.directory, 'backup.tar');
  assert.match(await run('backup', file), /Not in it, on purpose: keys\/journal\.key/);
  const over = await app.run(['restore', file, '--force']);
  assert.equal(over.code, 15, told(over));
  assert.match(over.stderr, /JOURNAL_HELD/);

  await stage.controller().stop();
  assert.match(await run('restore', file, '--force'), /is as of .*: shop; chain to event \d+/);
  await stage.serve();

  assert.equal((await app.view()).stable, 'v1');
  assert.equal((await app.ask()).version, 'v1');
});

test('remove takes it away', async () => {
  assert.match(await run('remove', 'shop', '--yes'), /taken away/);
});

test('every command of docs/cli.md was run', () => {
  const commands = [...readFileSync(PAGE, 'utf8').matchAll(/^### (\S+)$/gm)].map(([, name]) => name!);
  assert.ok(commands.length >= 25, commands.join(' '));

  assert.deepEqual(
    commands.filter((name) => !seen.has(name)),
    [],
  );
});
