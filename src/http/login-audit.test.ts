import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { networkApi, type NetworkApi } from './network-fixture.ts';
import type { Noted } from './server.ts';
import { IDLE_MS, SESSION_MS } from './sessions.ts';

type Login = { readonly cookie: string; readonly key: string };

describe('what the audit is told of logins', () => {
  let net: NetworkApi;
  let aheadMs = 0;
  let text: string | null = null;
  const noted: Noted[] = [];
  before(async () => {
    net = await networkApi({
      clock: { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs },
      dashboard: {
        pages: new Map(),
        sessions: { read: () => text, write: (written) => void (text = written) },
      },
      onNoted: (one) => noted.push(one),
      rates: { failures: { burst: 1e6, perSecond: 1e6 } },
    });
  });
  after(() => net.end());
  beforeEach(() => {
    noted.length = 0;
  });

  const origin = () => ({ origin: `http://${net.host}` });
  async function login(body: object): Promise<Login> {
    const got = await net.ask(null, 'POST', '//session', { body, headers: origin() });
    assert.equal(got.status, 200, JSON.stringify(got.body));
    return { cookie: String(got.headers['set-cookie']).split(';')[0]!, key: got.body.key };
  }
  const brief = () =>
    noted.map(({ verb, result, code, caller }) => [verb, result, code, caller.actor, caller.role]);
  /** Whatever ended by itself is looked for once a minute. */
  async function later(ms: number): Promise<void> {
    aheadMs += ms;
    net.api.fake.later(ms);
    await net.api.api.mend();
  }

  test('who logged in with which token, from where, and out again', async () => {
    const token = await net.token('ana', 'operator', ['shop']);
    const { cookie, key } = await login({ token });
    await net.ask(null, 'DELETE', '//session', {
      headers: { ...origin(), cookie, 'bascule-session': key },
    });

    assert.deepEqual(brief(), [
      ['login', 'done', null, 'ana', 'operator'],
      ['logout', 'done', null, 'ana', 'operator'],
    ]);
    const id = token.slice(4, 12);
    for (const { caller } of noted) assert.equal(caller.from, `127.0.0.1, token ${id}, dashboard`);
    assert.match(noted[0]!.why, /^logged in to the dashboard; session [0-9a-f]{8}$/u);
    assert.match(noted[1]!.why, /^logged out; session [0-9a-f]{8}$/u);
    assert.doesNotMatch(JSON.stringify(noted), new RegExp(`${token}|${cookie.split('=')[1]}|${key}`, 'u'));
  });

  test('logins that failed: of a token that was once right its owner, of any other nobody', async () => {
    const token = await net.token('bob', 'viewer');
    await net.api.fake.controller.people.revokeToken(token.slice(4, 12), { actor: 'root', role: 'admin' });
    for (const body of [
      { token },
      { token: `bsc_${'0'.repeat(8)}_${'0'.repeat(64)}` },
      { link: 'x'.repeat(43) },
      { oidc: 'code=1' },
      {},
    ])
      await net.ask(null, 'POST', '//session', { body, headers: origin() });

    assert.deepEqual(brief(), [
      ['login', 'refused', 'TOKEN_REFUSED', 'bob', 'viewer'],
      ['login', 'refused', 'TOKEN_REFUSED', 'unknown', 'none'],
      ['login', 'refused', 'LINK_REFUSED', 'unknown', 'none'],
      ['login', 'refused', 'OIDC_REFUSED', 'unknown', 'none'],
    ]);
    assert.equal(noted[0]!.caller.from, `127.0.0.1, token ${token.slice(4, 12)}`);
    assert.equal(noted[1]!.caller.from, '127.0.0.1');
    assert.doesNotMatch(JSON.stringify(noted), /0{64}|x{43}/u);
  });

  test('a link of the machine says who made it', async () => {
    const { body } = await net.api.ask('operator', 'POST', '/dashboard/link', {
      body: {},
      headers: { 'bascule-actor': 'carl' },
    });
    await login({ link: String(body.url).split('#login=')[1] });

    assert.deepEqual(brief(), [['login', 'done', null, 'carl (unverified)', 'operator']]);
    assert.match(noted[0]!.caller.from!, /^127\.0\.0\.1, dashboard session [0-9a-f]{8}$/u);
  });

  test('ends by themselves: unused, too long, and with their token', async () => {
    const short = await net.token('dora', 'viewer');
    await login({ token: short });
    await net.api.fake.controller.people.revokeToken(short.slice(4, 12), { actor: 'root', role: 'admin' });
    await later(60_000);
    const ends = () => noted.filter(({ verb }) => verb === 'login end');
    assert.deepEqual(
      ends().map(({ caller, why }) => [caller.actor, why.replace(/[0-9a-f]{8}/u, 'ID')]),
      [['dora', 'session ID ended: its token was revoked']],
    );

    noted.length = 0;
    const day = await net.api.fake.controller.people.createToken(
      { name: 'eve', role: 'viewer', services: null, forMs: 2 * SESSION_MS },
      { actor: 'root', role: 'admin' },
    );
    const unused = await login({ token: day.text });
    assert.equal(unused.key.length, 43);
    await later(IDLE_MS);
    assert.match(ends().find(({ caller }) => caller.actor === 'eve')!.why, /it was not used for 8 hours$/u);

    noted.length = 0;
    const { cookie, key } = await login({ token: day.text });
    const look = () => net.ask(null, 'GET', '/info', { headers: { cookie, 'bascule-session': key } });
    for (let hours = 0; hours < 7 * 24; hours += 6) {
      assert.equal((await look()).status, 200);
      await later(6 * 3_600_000);
    }
    assert.equal((await look()).status, 401);
    assert.deepEqual(
      ends().map(({ caller, why }) => [caller.actor, why.split(': ')[1]]),
      [['eve', 'it had lasted as long as a login may']],
    );
  });
});
