/** The API over TLS, with tokens, through the real program. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { selfSigned } from '../../src/http/network-fixture.ts';
import { freePorts } from './ports.ts';
import { openStage, told } from './stage.ts';

test('a release over TLS with a token: who and from where is kept, what is typed steers no log, and a revoked token ends', async (t) => {
  const { certificate, key, remove } = selfSigned('DNS:localhost,IP:127.0.0.1');
  t.after(remove);
  const [port] = await freePorts(1);
  const stage = await openStage(
    t,
    `listeners:\n  - {address: 0.0.0.0, port: ${port}, tls: {certificate: ${certificate}, key: ${key}}}\n`,
  );
  const app = await stage.app('shop');
  const there = ['--host', `https://localhost:${port}`];
  const ask = (args: readonly string[], token: string, env: Readonly<Record<string, string>> = {}) =>
    app.run([...args, ...there], { env: { BASCULE_TOKEN: token, BASCULE_CA_FILE: certificate, ...env } });

  assert.match(stage.controller().log(), /stays closed until there is a token/);
  const never = `bsc_00000000_${'0'.repeat(64)}`;
  assert.equal((await ask(['status'], never)).code, 4);
  const made = await app.run(['token', 'create', 'ana', '--role', 'operator', '--for', '1h']);
  const ana = made.stdout.trim();
  assert.match(ana, /^bsc_[0-9a-f]{8}_[0-9a-f]{64}$/, told(made));
  assert.equal((await ask(['status'], never)).code, 5);

  const deployed = await ask(['deploy', 'shop', '--version', 'v1'], ana, { BASCULE_ACTOR: 'CI #881' });
  assert.equal(deployed.code, 0, told(deployed));
  const hostile = '\u001b[2Ksale\r\n{"level":60,"msg":"forged"}\n12:00:00 forged';
  const locked = await ask(['lock', 'acquire', 'shop', '--reason', hostile], ana);
  assert.equal(locked.code, 0, told(locked));
  const label = await ask(['deploy', 'shop', '--version', 'v2\u001b[31m\nforged'], ana);
  assert.equal(label.code, 2, told(label));
  assert.equal((await ask(['remove', 'shop', '--yes'], ana)).code, 5);

  const log = stage.controller().log();
  for (const line of log.split('\n').filter((one) => one !== '')) {
    assert.equal(typeof (JSON.parse(line) as { readonly msg?: string }).msg, 'string', line);
    // oxlint-disable-next-line no-control-regex -- finding them is the point
    assert.doesNotMatch(line, /[\u0000-\u001f]/);
  }
  assert.ok(!log.includes(ana.split('_')[2]!), 'no token in a log');
  const audit = await app.run(['audit', 'shop']);
  assert.match(
    audit.stdout,
    /deploy shop {2}done {2}by ana as operator {2}from 127\.0\.0\.1, token [0-9a-f]{8}, says CI #881/,
  );
  assert.match(audit.stdout, /remove shop {2}refused \(ROLE_TOO_LOW\) {2}by ana as operator/);

  await stage.controller().stop('SIGKILL');
  await stage.serve();
  assert.equal((await ask(['status', 'shop'], ana)).code, 0);
  assert.equal((await app.run(['token', 'revoke', ana.split('_')[1]!, '--yes'])).code, 0);
  const revoked = await ask(['status', 'shop'], ana);
  assert.equal(revoked.code, 5);
  assert.match(revoked.stderr, /TOKEN_REFUSED.*it was revoked/);
  const journal = await readFile(join(stage.stateDirectory, 'journal.db'), 'latin1');
  assert.ok(!journal.includes(ana.split('_')[2]!), 'no token in the journal');
});

test('a server does not start with an address that others can reach in the clear, or with a key that is none', async (t) => {
  const stage = await openStage(t);
  await stage.controller().stop();
  const path = join(stage.world.directory, 'listen.yaml');
  const tried = async (listener: string) => {
    await writeFile(path, `keep-releases: 3\nlisteners:\n  - ${listener}\n`);
    return stage.run(['serve', '--config', path]);
  };

  const clear = await tried('{address: 0.0.0.0, port: 8443}');
  assert.equal(clear.code, 2, told(clear));
  assert.match(clear.stderr, /listeners\.0 line 3: an address that others can reach needs tls: /);
  const key = await tried(`{address: 127.0.0.1, port: 8443, tls: {certificate: ${path}, key: ${path}}}`);
  assert.equal(key.code, 15, told(key));
  assert.match(key.stderr, /LISTENER_FAILED\]: https:\/\/127\.0\.0\.1:8443 could not be opened: /);
});
