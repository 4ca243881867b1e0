/** Logins against a real provider (panva's oidc-provider) on loopback: the whole code flow, and attacks on it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import type { OidcLogin } from '../release/login.ts';
import { PROGRESSING } from './fake-views.ts';
import { networkApi, type NetworkApi } from './network-fixture.ts';
import { CLIENT, rulesFor, testProvider, type TestProvider } from './oidc-fixture.ts';
import { BEGUN_MS } from './oidc-logins.ts';
import { IDLE_MS, type SessionStore } from './sessions.ts';

const ACCOUNTS = {
  ana: { preferred_username: 'ana', groups: ['deployers', 'everybody', 'choir'] },
  bob: { preferred_username: 'bob', groups: ['blog-team', 'everybody'] },
  eve: { email: 'eve@example.com', email_verified: true, groups: 'everybody' },
  root: { preferred_username: 'root-ana', groups: ['platform', 'blog-team'] },
  stranger: { preferred_username: 'stranger', groups: ['choir'] },
  loner: { preferred_username: 'loner' },
  liar: { email: 'ana@example.com', email_verified: false, groups: ['platform'] },
  nobody: { groups: ['platform'] },
  odd: { preferred_username: 'ana (unverified)', groups: ['platform'] },
  posing: { preferred_username: 'bascule', groups: ['platform'] },
};

let aheadMs = 0;
const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
/** Those of the tests come faster than people's. */
const rates = { failures: { burst: 1000, perSecond: 100 } };

function memory(): SessionStore & { text: string | null } {
  const kept = {
    text: null as string | null,
    read: () => kept.text,
    write: (text: string) => {
      kept.text = text;
    },
  };
  return kept;
}

function open(rules: OidcLogin, store: SessionStore = memory(), secret: string = CLIENT.secret) {
  const dashboard = { pages: new Map(), sessions: store, oidc: { rules, secret: async () => secret } };
  return networkApi({ clock, rates, dashboard });
}

type Halves = { readonly cookie: string; readonly key: string };
type Begun = Halves & { readonly url: string; readonly set: string };
const by = ({ cookie, key }: Halves) => ({ cookie, 'bascule-session': key });
const originOf = (net: NetworkApi) => `http://${net.host}`;

async function begin(net: NetworkApi): Promise<Begun> {
  const got = await net.ask(null, 'POST', '//session/oidc', { headers: { origin: originOf(net) } });
  assert.equal(got.status, 200, JSON.stringify(got.body));
  const set = String(got.headers['set-cookie']);
  return { ...(got.body as { url: string; key: string }), cookie: set.split(';')[0]!, set };
}

function complete(net: NetworkApi, halves: Halves, oidc: string, headers: Record<string, string> = {}) {
  const all = { ...by(halves), origin: originOf(net), ...headers };
  return net.ask(null, 'POST', '//session', { body: { oidc }, headers: all });
}

describe('logins by a provider', () => {
  let provider: TestProvider;
  let net: NetworkApi;
  /** With a secret that is not the client's. */
  let wrong: NetworkApi;
  const store = memory();
  before(async () => {
    provider = await testProvider(ACCOUNTS);
    const rules = rulesFor(provider.issuer);
    net = await open(rules, store);
    wrong = await open(rules, memory(), 'not-the-secret-of-this-client');
    provider.serveFor([net, wrong].map(originOf));
    net.api.fake.show(PROGRESSING);
  });
  after(async () => {
    await net.end();
    await wrong.end();
    await provider.close();
  });

  async function login(account: string): Promise<Halves & { readonly set: string }> {
    const begun = await begin(net);
    const got = await complete(net, begun, await provider.visit(begun.url, account));
    assert.equal(got.status, 200, JSON.stringify(got.body));
    const [set] = got.headers['set-cookie'] as unknown as string[];
    return { cookie: set!.split(';')[0]!, key: (got.body as { key: string }).key, set: set! };
  }
  const me = async (session: Halves) => net.ask(null, 'GET', '/info', { headers: by(session) });
  async function refused(begun: Halves, answer: string, headers?: Record<string, string>) {
    const { status, body } = await complete(net, begun, answer, headers);
    assert.ok(status >= 400, `somebody got in: ${JSON.stringify(body)}`);
    return body as { code: string; detail: string };
  }

  test('whoever has a group with a role is who the provider says, with that role', async () => {
    const session = await login('ana');

    assert.match(session.set, /; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
    const { body } = await me(session);
    assert.deepEqual([body.actor, body.role, body.services], ['ana', 'operator', null]);
    const headers = { ...by(session), origin: originOf(net) };
    const paused = await net.ask(null, 'POST', '/services/shop/pause', { body: {}, headers });
    assert.equal(paused.status, 200, JSON.stringify(paused.body));
    assert.ok(net.api.fake.calls.includes('pause shop by ana as operator'));
    assert.equal((await me({ ...session, key: 'x'.repeat(43) })).status, 401);
    assert.ok(!store.text!.includes('choir'), 'groups that the file does not name are kept');
  });

  test('the page is told who vouches, the provider what is asked for, and nobody the secret', async () => {
    assert.deepEqual((await net.ask(null, 'GET', '//session')).body, { oidc: new URL(provider.issuer).host });
    const { url, set } = await begin(net);
    const { searchParams } = new URL(url);

    assert.match(set, /^bascule-\d+-oidc=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=600$/);
    assert.equal(searchParams.get('redirect_uri'), `${originOf(net)}/login/oidc`);
    assert.equal(searchParams.get('code_challenge_method'), 'S256');
    assert.ok(!url.includes(CLIENT.secret));
    assert.equal((await begin(net)).url === url, false);
  });

  test('roles are those of the groups: one, the highest, some services, by a verified address', async () => {
    const seen = await Promise.all(
      ['bob', 'eve', 'root'].map(async (account) => {
        const { body } = await me(await login(account));
        return [body.actor, body.role, body.services];
      }),
    );

    assert.deepEqual(seen, [
      ['bob', 'operator', ['blog']],
      ['eve@example.com', 'viewer', null],
      ['root-ana', 'admin', null],
    ]);
  });

  test('a role and services bind as those of a token do, and no link leads around them', async () => {
    const session = await login('bob');
    const headers = { ...by(session), origin: originOf(net) };

    const pause = await net.ask(null, 'POST', '/services/shop/pause', { body: {}, headers });
    assert.equal(pause.body.code, 'TOKEN_SCOPE');
    const eve = { ...by(await login('eve')), origin: originOf(net) };
    const low = await net.ask(null, 'POST', '/services/shop/pause', { body: {}, headers: eve });
    assert.match(low.body.detail, /your login gives viewer/);
    const link = await net.ask(null, 'POST', '/dashboard/link', { body: {}, headers });
    assert.deepEqual([link.status, link.body.code], [401, 'LINK_REFUSED']);
  });

  test('nobody gets in without a group of the file, and it is said', async () => {
    for (const account of ['stranger', 'loner']) {
      const begun = await begin(net);
      const got = await complete(net, begun, await provider.visit(begun.url, account));

      assert.deepEqual([got.status, got.body.code], [403, 'OIDC_NO_ROLE'], account);
      assert.match(got.body.detail, new RegExp(`knows you as ${account}, but none of your groups`));
      assert.equal(got.headers['set-cookie'], undefined);
    }
  });

  test('a name that is not there, not verified, or somebody else’s here is none', async () => {
    const said: string[] = [];
    for (const account of ['nobody', 'liar', 'odd', 'posing']) {
      const begun = await begin(net);
      const { code, detail } = await refused(begun, await provider.visit(begun.url, account));
      assert.equal(code, 'OIDC_REFUSED');
      said.push(detail);
    }

    assert.match(said[0]!, /there is no preferred_username or a verified email/);
    assert.match(said[1]!, /there is no preferred_username or a verified email/);
    assert.match(said[2]!, /calls you "ana \(unverified\)", which is no name here/);
    assert.match(said[3]!, /calls you "bascule"/);
  });

  test('a wrong state is refused, and there is no second try with the right one', async () => {
    const begun = await begin(net);
    const answer = await provider.visit(begun.url, 'ana');
    const wrong = new URLSearchParams(answer);
    wrong.set('state', 'another');

    assert.match((await refused(begun, wrong.toString())).detail, /state/);
    assert.match((await refused(begun, answer)).detail, /used already/);
  });

  test('a code is good once, and in the login that it was made for', async () => {
    const begun = await begin(net);
    const answer = await provider.visit(begun.url, 'ana');
    assert.equal((await complete(net, begun, answer)).status, 200);

    assert.match((await refused(begun, answer)).detail, /used already/);
    const next = await begin(net);
    const spliced = new URLSearchParams(answer);
    spliced.set('state', new URL(next.url).searchParams.get('state')!);
    assert.match((await refused(next, spliced.toString())).detail, /provider says invalid_grant/);
  });

  test('a code of another login does not fit, fresh as it is: the proof of who began is another one', async () => {
    const [mine, hers] = [await begin(net), await begin(net)];
    const answer = new URLSearchParams(await provider.visit(hers.url, 'root'));
    answer.set('state', new URL(mine.url).searchParams.get('state')!);

    assert.match((await refused(mine, answer.toString())).detail, /provider says invalid_grant/);
  });

  test('a token with another nonce is refused', async () => {
    const begun = await begin(net);
    const url = new URL(begun.url);
    url.searchParams.set('nonce', 'of-another-login');

    const { code, detail } = await refused(begun, await provider.visit(url.href, 'ana'));
    assert.equal(code, 'OIDC_REFUSED');
    assert.match(detail, /nonce|claim/);
  });

  test('an answer that names another issuer is refused', async () => {
    const begun = await begin(net);
    const answer = new URLSearchParams(await provider.visit(begun.url, 'ana'));
    answer.set('iss', 'https://evil.example');

    assert.match((await refused(begun, answer.toString())).detail, /iss/);
  });

  test('nobody is logged in as somebody else by an answer that another browser got', async () => {
    const attacker = await begin(net);
    const answer = await provider.visit(attacker.url, 'root');
    const victim = await begin(net);

    // The victim's page has its own login, half of the attacker's, none, or comes from elsewhere.
    assert.match((await refused(victim, answer)).detail, /state/);
    const again = await begin(net);
    assert.match((await refused({ ...attacker, key: again.key }, answer)).detail, /used already|not begun/);
    assert.match((await refused({ cookie: 'x=y', key: 'x' }, answer)).detail, /No login with a provider/);
    assert.equal((await refused(attacker, answer, { origin: 'http://evil.example' })).code, 'ORIGIN_FOREIGN');
    const crossing = { 'sec-fetch-site': 'cross-site' };
    assert.equal((await refused(attacker, answer, crossing)).code, 'ORIGIN_FOREIGN');
    const begun = await net.ask(null, 'POST', '//session/oidc');
    assert.equal(begun.body.code, 'ORIGIN_FOREIGN');
    assert.notEqual((await net.ask(null, 'GET', `//session/oidc?${answer}`)).status, 200);
  });

  test('what the provider refused, and what it wrote freely, is no login', async () => {
    const begun = await begin(net);
    const state = new URL(begun.url).searchParams.get('state')!;
    const answer = new URLSearchParams({
      error: 'access_denied',
      error_description: '<img src=x onerror=alert(1)>',
      iss: provider.issuer,
      state,
    });

    const { detail } = await refused(begun, answer.toString());
    assert.match(detail, /the provider says access_denied/);
    assert.doesNotMatch(detail, /img/);
  });

  test('a login ends by logging out, after its time, and left alone', async () => {
    const out = await login('ana');
    await net.ask(null, 'DELETE', '//session', { headers: { ...by(out), origin: originOf(net) } });
    assert.equal((await me(out)).status, 401);

    const idle = await login('ana');
    aheadMs += IDLE_MS;
    assert.equal((await me(idle)).status, 401);

    const used = await login('ana');
    aheadMs += 7 * 3_600_000;
    assert.equal((await me(used)).status, 200);
    aheadMs += 5 * 3_600_000;
    assert.equal((await me(used)).status, 401);

    const slow = await begin(net);
    const answer = await provider.visit(slow.url, 'ana');
    aheadMs += BEGUN_MS;
    assert.match((await refused(slow, answer)).detail, /older than 10 minutes/);
    aheadMs = 0;
  });

  test('a restart keeps logins, with what the file gives their groups now', async () => {
    const session = await login('ana');
    const there = async (rules: OidcLogin) => {
      const next = await open(rules, store);
      const cookie = session.cookie.replace(String(net.port), String(next.port));
      const got = await next.ask(null, 'GET', '/info', { headers: by({ ...session, cookie }) });
      await next.end();
      return [got.status, got.body.role];
    };
    const rules = rulesFor(provider.issuer);

    assert.deepEqual(await there(rules), [200, 'operator']);
    const fewer = rules.roles.filter(({ group }) => group === 'everybody');
    assert.deepEqual(await there({ ...rules, roles: fewer }), [200, 'viewer']);
    const none = rules.roles.filter(({ group }) => group === 'platform');
    assert.deepEqual(await there({ ...rules, roles: none }), [401, undefined]);
    assert.deepEqual(await there({ ...rules, issuer: 'https://idp.example.com' }), [401, undefined]);
  });

  test('a wrong secret, and an issuer by another name, log nobody in', async () => {
    const begun = await begin(wrong);
    const refusal = await complete(wrong, begun, await provider.visit(begun.url, 'ana'));
    assert.deepEqual([refusal.status, refusal.body.code], [401, 'OIDC_REFUSED']);
    assert.match(refusal.body.detail, /invalid_client/);

    const named = await open(rulesFor(provider.issuer.replace('127.0.0.1', 'localhost')));
    const got = await named.ask(null, 'POST', '//session/oidc', { headers: { origin: originOf(named) } });
    await named.end();
    assert.deepEqual([got.status, got.body.code], [503, 'OIDC_UNREACHABLE']);
    assert.match(got.body.detail, /issuer/);
  });
});

test('with a provider that is down or silent a token still logs in, and it is said within the time of the file', async () => {
  // It reads, so that it sees who hangs up, and says nothing.
  const silent = createServer((socket) => socket.on('error', () => undefined).resume()).listen(
    0,
    '127.0.0.1',
  );
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const net = await open(rulesFor(`http://127.0.0.1:${port}`, { timeoutMs: 300 }));
  const headers = { origin: originOf(net) };
  const ask = () => net.ask(null, 'POST', '//session/oidc', { headers });

  const late = await ask();
  await once(silent.close(), 'close');
  const down = await ask();
  const token = await net.token('ana', 'operator');
  const login = await net.ask(null, 'POST', '//session', { body: { token }, headers });
  await net.end();

  assert.deepEqual([late.status, late.body.code, late.body.retryable], [503, 'OIDC_UNREACHABLE', true]);
  assert.match(late.body.detail, /did not answer within 300ms. Nothing changed. A token still logs in/);
  assert.equal(down.body.code, 'OIDC_UNREACHABLE');
  assert.match(down.body.detail, /ECONNREFUSED/);
  assert.equal(login.status, 200);
});

test('without a provider nothing is said of one, and nothing leads to it', async () => {
  const net = await networkApi({ dashboard: { pages: new Map(), sessions: memory() } });
  const headers = { origin: originOf(net) };

  assert.deepEqual((await net.ask(null, 'GET', '//session')).body, { oidc: null });
  assert.notEqual((await net.ask(null, 'POST', '//session/oidc', { headers })).status, 200);
  const got = await net.ask(null, 'POST', '//session', { body: { oidc: 'code=x&state=y' }, headers });
  await net.end();
  assert.equal(got.body.code, 'OIDC_REFUSED');
});
