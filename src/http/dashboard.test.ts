import assert from 'node:assert/strict';
import { brotliCompressSync, brotliDecompressSync, gunzipSync } from 'node:zlib';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { PROGRESSING } from './fake-views.ts';
import { networkApi, selfSigned, type NetworkApi } from './network-fixture.ts';
import type { Page, Pages } from './pages.ts';
import { IDLE_MS, LINK_MS, SESSION_MS, type SessionStore } from './sessions.ts';

const HTML = Buffer.from('<!doctype html><title>Bascule</title>');
const SCRIPT = Buffer.from('console.log("here")');
const page = (type: string, plain: Buffer, forever: boolean): Page => ({
  type,
  plain,
  brotli: brotliCompressSync(plain),
  gzip: null,
  etag: `"${plain.length}"`,
  forever,
});
const PAGES: Pages = new Map([
  ['/', page('text/html; charset=utf-8', HTML, false)],
  ['/assets/index-Bx3k.js', page('text/javascript; charset=utf-8', SCRIPT, true)],
]);

type Kept = SessionStore & { text: string | null };

function memory(): Kept {
  const kept: Kept = {
    text: null,
    read: () => kept.text,
    write: (text) => {
      kept.text = text;
    },
  };
  return kept;
}

let aheadMs = 0;
const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };

function open(store: SessionStore): Promise<NetworkApi> {
  return networkApi({ clock, dashboard: { pages: PAGES, sessions: store } });
}

type Login = { readonly cookie: string; readonly key: string };

/** The cookie as a browser would send it back, and what the page keeps. */
async function login(net: NetworkApi, body: object): Promise<Login & { readonly set: string }> {
  const got = await net.ask(null, 'POST', '//session', { body, headers: { origin: `http://${net.host}` } });
  assert.equal(got.status, 200, JSON.stringify(got.body));
  const set = String(got.headers['set-cookie']);
  return { cookie: set.split(';')[0]!, key: (got.body as { key: string }).key, set };
}

const by = ({ cookie, key }: Login) => ({ cookie, 'bascule-session': key });

describe('pages of the dashboard', () => {
  let net: NetworkApi;
  before(async () => {
    net = await open(memory());
  });
  after(() => net.end());

  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
      request({ host: '127.0.0.1', port: net.port, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      })
        .once('error', reject)
        .end();
    });

  test('every screen is the same page, for whoever asks, with a policy that lets nothing in', async () => {
    for (const path of ['/', '/services/shop', '/rollouts/r-1/why', '/audit', '/settings']) {
      const { status, headers, body } = await get(path);

      assert.equal(status, 200, path);
      assert.deepEqual(body, HTML);
      assert.match(String(headers['content-security-policy']), /^default-src 'none'; script-src 'self';/);
      assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['cache-control'], 'no-cache');
    }
  });

  test('a file with a hash in its name is kept for good, packed, and not sent twice', async () => {
    const packed = await get('/assets/index-Bx3k.js', { 'accept-encoding': 'gzip, br' });
    const again = await get('/assets/index-Bx3k.js', { 'if-none-match': String(packed.headers['etag']) });

    assert.match(String(packed.headers['cache-control']), /max-age=31536000, immutable/);
    assert.equal(packed.headers['content-encoding'], 'br');
    assert.deepEqual(brotliDecompressSync(packed.body), SCRIPT);
    assert.deepEqual([again.status, again.body.length], [304, 0]);
  });

  test('nothing else is told to strangers, and a name that is not the server’s gets nothing', async () => {
    assert.equal((await get('/assets/other.js')).status, 401);
    assert.equal((await get('/../../etc/passwd')).status, 401);
    assert.equal((await get('/api/v1/services')).status, 401);
    assert.equal((await get('/', { host: 'evil.example' })).status, 421);
  });

  test('large answers come packed to who takes that, the same otherwise', async () => {
    const token = await net.token('ana', 'viewer');
    for (let index = 0; index < 40; index += 1)
      net.api.fake.show({ ...PROGRESSING, name: `shop-${index}`, rollout: null, last: null });
    const authorization = `Bearer ${token}`;
    const packed = await get('/api/v1/services', { authorization, 'accept-encoding': 'gzip' });
    const plain = await get('/api/v1/services', { authorization });

    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.deepEqual(gunzipSync(packed.body), plain.body);
    assert.ok(packed.body.length * 3 < plain.body.length);
  });

  test('sockets have no pages', async () => {
    assert.equal((await net.api.ask('admin', 'GET', '/../../')).status, 404);
  });
});

describe('logins', () => {
  let net: NetworkApi;
  const store = memory();
  before(async () => {
    net = await open(store);
    net.api.fake.show(PROGRESSING);
  });
  after(() => net.end());
  const pause = (headers: Readonly<Record<string, string>>) =>
    net.ask(null, 'POST', '/services/shop/pause', { body: {}, headers });
  const status = async (session: Login) =>
    (await net.ask(null, 'GET', '/services', { headers: by(session) })).status;

  test('a token logs in: the cookie is for no script, the records have the name', async () => {
    const session = await login(net, { token: await net.token('ana', 'operator') });

    assert.match(session.set, /; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800$/);
    const { body } = await net.ask(null, 'GET', '/info', { headers: by(session) });
    assert.deepEqual([body.actor, body.role], ['ana', 'operator']);
    const got = await pause({ ...by(session), origin: `http://${net.host}` });
    assert.equal(got.status, 200, JSON.stringify(got.body));
    assert.ok(net.api.fake.calls.some((call) => call === 'pause shop by ana as operator'));
  });

  test('neither half of a login is worth anything alone', async () => {
    const session = await login(net, { token: await net.token('ana', 'operator') });
    const other = await login(net, { token: await net.token('bob', 'operator') });

    const tried = [
      { cookie: session.cookie },
      { 'bascule-session': session.key },
      by({ ...session, key: other.key }),
      by({ ...session, cookie: `${session.cookie.slice(0, -2)}xx` }),
    ];
    for (const headers of tried)
      assert.equal(
        (await net.ask(null, 'GET', '/services', { headers })).status,
        401,
        JSON.stringify(headers),
      );
  });

  test('what acts says that it comes from the page itself', async () => {
    const session = await login(net, { token: await net.token('ana', 'operator') });
    net.api.fake.calls.length = 0;

    const tried = [
      {},
      { origin: 'http://evil.example' },
      { origin: `http://127.0.0.1:${net.port + 1}` },
      { origin: 'null' },
      { origin: `http://${net.host}`, 'sec-fetch-site': 'cross-site' },
    ];
    for (const headers of tried) {
      const got = await pause({ ...by(session), ...headers });
      assert.deepEqual([got.status, got.body.code], [403, 'ORIGIN_FOREIGN'], JSON.stringify(headers));
    }
    assert.deepEqual(net.api.fake.calls, []);
  });

  test('a role and services are those of the token, and what is beyond them is refused', async () => {
    const viewer = await login(net, { token: await net.token('eve', 'viewer') });
    const blog = await login(net, { token: await net.token('bob', 'admin', ['blog']) });
    const origin = `http://${net.host}`;

    assert.equal((await pause({ ...by(viewer), origin })).body.code, 'ROLE_TOO_LOW');
    assert.equal((await pause({ ...by(blog), origin })).body.code, 'TOKEN_SCOPE');
    assert.deepEqual((await net.ask(null, 'GET', '/services', { headers: by(blog) })).body.services, []);
  });

  test('it ends by logging out, with its token, left alone, and at last', async () => {
    const token = await net.token('ana', 'operator');
    const origin = `http://${net.host}`;

    const out = await login(net, { token });
    await net.ask(null, 'DELETE', '//session', { headers: { ...by(out), origin } });
    assert.equal(await status(out), 401);

    const idle = await login(net, { token });
    aheadMs += IDLE_MS - 1000;
    assert.equal(await status(idle), 200);
    aheadMs += IDLE_MS;
    assert.equal(await status(idle), 401);

    const revoked = await login(net, { token });
    await net.api.fake.controller.people.revokeToken(token.slice(4, 12), { actor: 'test', role: 'admin' });
    assert.equal(await status(revoked), 401);

    const old = await login(net, { token: await net.token('bob', 'viewer') });
    for (let passed = 0; passed < SESSION_MS; passed += IDLE_MS / 2) {
      aheadMs += IDLE_MS / 2;
      if (passed + IDLE_MS / 2 < SESSION_MS) assert.equal(await status(old), 200);
    }
    assert.equal(await status(old), 401);
    aheadMs = 0;
  });

  test('a restart of the server ends none, and what is kept of it is no login', async () => {
    const session = await login(net, { token: await net.token('ana', 'operator') });

    assert.ok(!store.text!.includes(session.key));
    assert.ok(!store.text!.includes(session.cookie.split('=')[1]!));
    const link = await net.api.ask('operator', 'POST', '/dashboard/link');
    assert.equal(link.status, 200);
    const local = await login(net, { link: codeOf(link.body.url) });
    const next = await open(store);
    // Another port has another cookie: its value is what is compared.
    const there = (one: Login) => ({
      ...by(one),
      cookie: one.cookie.replace(String(net.port), String(next.port)),
    });
    const asked = await next.ask(null, 'GET', '/info', { headers: there(local) });
    await next.end();
    assert.deepEqual([asked.status, asked.body.actor], [200, 'local (unverified)']);
  });

  test('a link opens once, within a minute, as who asked for it', async () => {
    const { body } = await net.api.ask('operator', 'POST', '/dashboard/link');
    const session = await login(net, { link: codeOf(body.url) });
    const me = await net.ask(null, 'GET', '/info', { headers: by(session) });
    const late = (await net.api.ask('admin', 'POST', '/dashboard/link')).body.url as string;

    assert.ok((body.url as string).startsWith(`http://${net.host}/#login=`));
    assert.deepEqual([me.body.actor, me.body.role], ['local (unverified)', 'operator']);
    const origin = `http://${net.host}`;
    const again = { body: { link: codeOf(body.url) }, headers: { origin } };
    assert.equal((await net.ask(null, 'POST', '//session', again)).body.code, 'LINK_REFUSED');
    aheadMs += LINK_MS;
    const tooLate = { body: { link: codeOf(late) }, headers: { origin } };
    assert.equal((await net.ask(null, 'POST', '//session', tooLate)).body.code, 'LINK_REFUSED');
    aheadMs = 0;
  });

  test('somebody who guesses is held up, whatever is guessed', async () => {
    const origin = `http://${net.host}`;
    const codes = new Set<number>();
    for (let attempt = 0; attempt < 25; attempt += 1) {
      const body = attempt % 2 === 0 ? { token: `bsc_00000000_${'0'.repeat(64)}` } : { link: 'x'.repeat(43) };
      codes.add((await net.ask(null, 'POST', '//session', { body, headers: { origin } })).status);
    }

    assert.deepEqual([...codes], [401, 429]);
  });

  test('over TLS the browser itself guards the cookie', async () => {
    const { certificate, key, remove } = selfSigned('IP:127.0.0.1');
    const options = { clock, dashboard: { pages: PAGES, sessions: memory() } };
    const secure = await networkApi(options, { tls: { certificate, key } });
    const body = { token: await secure.token('ana', 'viewer') };
    const got = await secure.ask(null, 'POST', '//session', {
      body,
      headers: { origin: `https://${secure.host}` },
    });
    const inClear = await secure.ask(null, 'POST', '//session', {
      body,
      headers: { origin: `http://${secure.host}` },
    });
    await secure.end();
    remove();

    assert.match(
      String(got.headers['set-cookie']),
      /^__Host-bascule=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/,
    );
    assert.match(String(got.headers['strict-transport-security']), /max-age/);
    assert.equal(inClear.body.code, 'ORIGIN_FOREIGN');
  });

  test('a login without a page, with a form, or as something else is none', async () => {
    const fresh = await open(memory());
    const token = await fresh.token('ana', 'operator');
    const origin = `http://${fresh.host}`;

    assert.equal(
      (await fresh.ask(null, 'POST', '//session', { body: { token } })).body.code,
      'ORIGIN_FOREIGN',
    );
    const form = {
      bytes: Buffer.from(`token=${token}`),
      headers: { origin, 'content-type': 'application/x-www-form-urlencoded' },
    };
    assert.equal((await fresh.ask(null, 'POST', '//session', form)).status, 415);
    const both = { body: { token, link: 'x' }, headers: { origin } };
    assert.equal((await fresh.ask(null, 'POST', '//session', both)).status, 400);
    await fresh.end();
  });
});

function codeOf(url: unknown): string {
  return String(url).split('#login=')[1]!;
}
