/** Logins of the dashboard in the real audit, and what a stranger who fails there can do to it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePorts } from './ports.ts';
import { openStage, told } from './stage.ts';

type Entry = {
  readonly verb: string;
  readonly result: string;
  readonly actor: string;
  readonly role: string | null;
  readonly from: string | null;
  readonly code: string | null;
  readonly says: readonly string[];
};

test('logins, failed ones and logouts are in the audit with who and from where, bounded, and its chain holds', async (t) => {
  const [port] = await freePorts(1);
  const stage = await openStage(t, `listeners:\n  - {address: 127.0.0.1, port: ${port}}\n`);
  const made = await stage.run(['token', 'create', 'ana', '--role', 'operator', '--for', '1h']);
  assert.equal(made.code, 0, told(made));
  const token = made.stdout.trim();
  const origin = `http://127.0.0.1:${port}`;
  const ask = (method: string, headers: Record<string, string>, body?: object) =>
    fetch(`${origin}/session`, {
      method,
      headers: { origin, ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const entries = async (verb: string): Promise<readonly Entry[]> => {
    const ran = await stage.run(['audit', '--verb', verb, '--json']);
    assert.equal(ran.code, 0, told(ran));
    const lines = ran.stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => (JSON.parse(line) as { entry: Entry }).entry);
  };

  const response = await ask('POST', {}, { token });
  assert.equal(response.status, 200);
  const cookie = response.headers.get('set-cookie')!.split(';')[0]!;
  const { key } = (await response.json()) as { key: string };
  // More than are written down in a minute, and than one address may try: each is refused all the same.
  for (let tries = 0; tries < 40; tries += 1)
    assert.ok(
      [401, 429].includes(
        (await ask('POST', {}, { token: `bsc_${'0'.repeat(8)}_${'0'.repeat(64)}` })).status,
      ),
    );
  assert.equal((await ask('DELETE', { cookie, 'bascule-session': key })).status, 200);

  const logins = await entries('login');
  const [logout] = await entries('logout');
  const done = logins.filter(({ result }) => result === 'done');
  const from = `127.0.0.1, token ${token.slice(4, 12)}, dashboard`;
  assert.deepEqual(
    done.map((one) => [one.actor, one.role, one.from]),
    [['ana', 'operator', from]],
  );
  assert.deepEqual([logout?.actor, logout?.from, logout?.result], ['ana', from, 'done']);
  const failed = logins.filter(({ result }) => result === 'refused');
  assert.ok(failed.length > 0 && failed.length <= 30, `${failed.length} written down`);
  for (const one of failed)
    assert.deepEqual(
      [one.actor, one.role, one.from, one.code],
      ['unknown', 'none', '127.0.0.1', 'TOKEN_REFUSED'],
    );
  // A verb that is refused meanwhile is not crowded out by them.
  const unlocked = await stage.run(['lock', 'release', 'none']);
  assert.notEqual(unlocked.code, 0);
  assert.equal((await entries('lock'))[0]?.code, 'SERVICE_UNKNOWN');
  const verified = await stage.run(['audit', 'verify']);
  assert.equal(verified.code, 0, told(verified));
  const all = await stage.run(['audit', '--json']);
  assert.ok(!all.stdout.includes(token.slice(13)) && !all.stdout.includes('0'.repeat(64)));
});
