import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Caller } from './controller.ts';
import type { TokenAsk } from './token-record.ts';
import { World } from './world-fixture.ts';

const DAY_MS = 86_400_000;
const ROOT: Caller = { actor: 'local (unverified)', role: 'admin', from: 'admin.sock' };
const ASK: TokenAsk = { name: 'ana', role: 'operator', services: ['shop'], forMs: 90 * DAY_MS };
const ALL = {
  service: null,
  verb: 'token',
  actor: null,
  sinceMs: null,
  untilMs: null,
  beforeSeq: null,
  limit: 9,
};

async function started(): Promise<World> {
  const world = new World();
  await world.start();
  return world;
}

test('a token stands for its name, its role and its services, also after a kill, and its secret is nowhere', async () => {
  const world = await started();
  const { text, token } = await world.controller.people.createToken(ASK, ROOT);
  world.kill();
  await world.start();

  assert.match(text, /^bsc_[0-9a-f]{8}_[0-9a-f]{64}$/);
  assert.deepEqual(world.controller.tokens.check(text), {
    ok: true,
    id: token.id,
    name: 'ana',
    grant: { role: 'operator', services: ['shop'] },
  });
  const secret = text.split('_')[2]!;
  const kept = JSON.stringify([world.disk.events, [...world.disk.aggregates], [...world.disk.documents]]);
  assert.ok(!kept.includes(secret) && kept.includes(token.id));
});

test('it ends when it expires, and when it is revoked; revoking it again is nothing to do', async () => {
  const world = await started();
  const { tokens, people } = world.controller;
  const first = await people.createToken({ ...ASK, forMs: 2000 }, ROOT);
  const second = await people.createToken(ASK, ROOT);
  await world.pass(3000);

  const expired = tokens.check(first.text);
  assert.match(expired.ok ? '' : expired.why, /^it expired /);
  assert.equal((await people.revokeToken(second.token.id, ROOT)).result, 'done');
  assert.equal((await people.revokeToken(second.token.id, ROOT)).result, 'nothing');
  assert.deepEqual(tokens.check(second.text), {
    ok: false,
    why: 'it was revoked',
    known: { id: second.token.id, name: 'ana', role: 'operator' },
  });
  assert.equal(tokens.anyValid(), false);
  assert.deepEqual(
    tokens.list().map(({ state }) => state),
    ['expired', 'revoked'],
  );
  await assert.rejects(people.revokeToken('ffffffff', ROOT), { code: 'TOKEN_UNKNOWN' });
});

test('who made and revoked which token, and from where, is in the audit', async () => {
  const world = await started();
  const { people, read } = world.controller;
  const { token } = await people.createToken(ASK, ROOT);
  await people.revokeToken(token.id, { actor: 'bob', role: 'admin', from: '192.0.2.7, token 1a2b3c4d' });

  assert.deepEqual(
    read.audit(ALL).entries.map(({ actor, verb, from, says }) => [actor, verb, from, says.join()]),
    [
      [
        'bob',
        'token revoke',
        '192.0.2.7, token 1a2b3c4d',
        `token ${token.id} of ana is revoked: whoever has it gets no further`,
      ],
      ['local (unverified)', 'token create', 'admin.sock', read.audit(ALL).entries[1]!.says.join()],
    ],
  );
  assert.match(
    read.audit(ALL).entries[1]!.says.join(),
    /^token [0-9a-f]{8} is made: ana as operator of shop only, until /,
  );
});

test('there is a bound on valid tokens', async () => {
  const world = await started();
  for (let n = 0; n < 500; n += 1) await world.controller.people.createToken(ASK, ROOT);

  await assert.rejects(world.controller.people.createToken(ASK, ROOT), { code: 'TOKEN_TOO_MANY' });
});
