import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { PROGRESSING } from './fake-views.ts';
import { networkApi, selfSigned, type NetworkApi } from './network-fixture.ts';

const DAY_MS = 86_400_000;
const PAUSE = '/services/shop/pause';
const ADMIN = { actor: 'root', role: 'admin' as const };

function bodyOf(text: string): { readonly code: string } {
  return JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as { code: string };
}

describe('attacks on the API over the network', () => {
  let net: NetworkApi;
  let operator: string;
  const denied: { readonly code: string; readonly verb: string; readonly actor: string }[] = [];
  before(async () => {
    net = await networkApi({
      networkLimits: { headMs: 1000, bodyMs: 600, idleMs: 2500 },
      rates: { requests: { burst: 40, perSecond: 20 }, failures: { burst: 30, perSecond: 30 } },
      onDenied: ({ caller, code, verb }) => denied.push({ code, verb, actor: caller.actor }),
    });
    net.api.fake.show(PROGRESSING);
    operator = await net.token('ana', 'operator');
  });
  after(() => net.end());
  afterEach(() => {
    // Whatever was tried: nothing but what a test asked for by right got through.
    assert.deepEqual(
      net.api.fake.calls.filter((call) => !call.startsWith('token ')),
      [],
    );
    net.api.fake.calls.length = 0;
    denied.length = 0;
    assert.deepEqual(net.api.bugs, []);
  });

  /** A request as bytes, with the operator's token. */
  const raw = (line: string, headers: readonly string[] = [], body = '') =>
    [
      `${line} HTTP/1.1`,
      `Host: ${net.host}`,
      `Authorization: Bearer ${operator}`,
      'Connection: close',
      ...headers,
      '',
      body,
    ].join('\r\n');

  test('no token: 401 whatever the address, and nothing of what is true is told', async () => {
    for (const path of ['/services/shop', PAUSE, '/nothing', '//', '/info']) {
      const got = await net.ask(null, path === PAUSE ? 'POST' : 'GET', path);
      assert.deepEqual([got.status, got.body.code, got.body.now], [401, 'TOKEN_MISSING', null], path);
      assert.equal(got.headers['www-authenticate'], 'Bearer realm="bascule"');
    }
  });

  test('a token that is wrong in its secret, its id, its form or its scheme', async () => {
    const wrong = [
      `${operator.slice(0, -1)}${operator.endsWith('0') ? '1' : '0'}`,
      operator.replace(/_[0-9a-f]{8}_/, '_ffffffff_'),
      operator.toUpperCase(),
      operator.slice(0, 30),
      'bsc__',
      `bsc_00000000_${'0'.repeat(64)}`,
      'x'.repeat(5000),
    ];
    for (const text of wrong) {
      const got = await net.ask(text, 'POST', PAUSE, { body: {} });
      assert.deepEqual([got.status, got.body.code], [401, 'TOKEN_REFUSED'], text.slice(0, 40));
      assert.ok(
        !JSON.stringify(got.body).includes(text.slice(13, 60) || 'nothing'),
        'the token is not repeated',
      );
    }
    const basic = await net.ask(null, 'GET', '/info', { headers: { authorization: 'Basic YTpi' } });
    assert.equal(basic.body.code, 'TOKEN_REFUSED');
    const inQuery = await net.ask(null, 'GET', `/info?token=${operator}&access_token=${operator}`);
    assert.equal(inQuery.body.code, 'TOKEN_MISSING');
  });

  test('an expired token, and one that was revoked, from that very moment on, streams included', async () => {
    const { fake } = net.api;
    const short = await net.token('bob', 'operator');
    const [, id] = /^bsc_([0-9a-f]{8})_/.exec(short)!;
    const stream = await fetch(`http://${net.host}/api/v1/events`, {
      headers: { authorization: `Bearer ${short}` },
    });
    const reader = stream.body!.getReader();
    await reader.read();
    await fake.controller.people.revokeToken(id!, ADMIN);

    await assert.rejects(async () => {
      while (!(await reader.read()).done);
      throw new Error('ended');
    });
    const revoked = await net.ask(short, 'POST', PAUSE, { body: {} });
    assert.equal(revoked.status, 401);
    assert.match(revoked.body.detail, /it was revoked/);
    assert.deepEqual(denied, [{ code: 'TOKEN_REFUSED', verb: 'pause', actor: 'bob' }]);
    fake.later(2 * DAY_MS);
    const expired = await net.ask(operator, 'POST', PAUSE, { body: {} });
    fake.later(-2 * DAY_MS);
    assert.match(expired.body.detail, /it expired /);
  });

  test('a token does not make another: not an operator’s, not a scoped admin’s', async () => {
    const ask = { name: 'eve', role: 'admin', forMs: DAY_MS };
    const scoped = await net.token('carl', 'admin', ['shop']);

    assert.equal((await net.ask(operator, 'POST', '/tokens', { body: ask })).body.code, 'ROLE_TOO_LOW');
    assert.equal((await net.ask(scoped, 'POST', '/tokens', { body: ask })).body.code, 'TOKEN_SCOPE');
    assert.equal((await net.ask(scoped, 'GET', '/tokens')).body.code, 'TOKEN_SCOPE');
  });

  test('a name that a client gives itself counts for nothing beside its token', async () => {
    const info = await net.ask(operator, 'GET', '/info', { headers: { 'bascule-actor': 'root' } });

    assert.deepEqual([info.body.actor, info.body.role], ['ana', 'operator']);
  });

  test('another site’s page: a foreign origin, a form, a preflight, a navigation that acts', async () => {
    const foreign = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://${net.host}.evil.example` },
      { origin: `https://${net.host}` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ];
    for (const headers of foreign) {
      const got = await net.ask(operator, 'POST', PAUSE, { body: {}, headers });
      assert.deepEqual([got.status, got.body.code], [403, 'ORIGIN_FOREIGN'], JSON.stringify(headers));
      assert.equal(got.headers['access-control-allow-origin'], undefined);
    }
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const got = await net.ask(operator, 'POST', PAUSE, {
        bytes: Buffer.from('{}'),
        headers: { 'content-type': type },
      });
      assert.deepEqual([got.status, got.body.code], [415, 'BODY_TYPE_UNKNOWN'], type);
    }
    const preflight = await net.ask(null, 'OPTIONS', PAUSE, {
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    assert.equal(preflight.status, 403);
    assert.equal(preflight.headers['access-control-allow-methods'], undefined);
    for (const method of ['GET', 'HEAD']) {
      const got = await net.ask(operator, method, PAUSE, { headers: { 'sec-fetch-site': 'cross-site' } });
      assert.equal(got.status, 405);
    }
  });

  test('DNS rebinding: a Host that is not one of the server’s', async () => {
    for (const host of [
      'evil.example',
      `evil.example:${net.port}`,
      '127.0.0.1:1',
      '127.0.0.1',
      `${net.host}@evil`,
      '[::1',
      `0x7f.1:${net.port}`,
    ]) {
      const got = await net.ask(operator, 'GET', '/info', { headers: { host } });
      assert.deepEqual([host, got.status, got.body.code], [host, 421, 'HOST_UNKNOWN']);
    }
    for (const line of ['HTTP/1.0', 'HTTP/1.1\r\nHost:', 'HTTP/1.1\r\nHost: '])
      assert.match(
        await net.talk(
          `GET /api/v1/info ${line}\r\nAuthorization: Bearer ${operator}\r\nConnection: close\r\n\r\n`,
        ),
        /^HTTP\/1\.1 421 /,
        line,
      );
    for (const host of [net.host, `localhost:${net.port}`, `LOCALHOST:${net.port}`])
      assert.equal((await net.ask(operator, 'GET', '/info', { headers: { host } })).status, 200, host);
  });

  test('paths that walk: encoded, doubly encoded, with NUL, with backslashes', async () => {
    for (const path of [
      '/services/..%2f..%2fetc%2fpasswd',
      '/services/%2e%2e/%2e%2e/etc/passwd',
      '/services/shop%00',
      '/services/..%5c..%5cetc',
      '/services/%252e%252e%252fetc',
      '/artifacts/..%2f..%2fkeys%2fjournal.key',
      '/rollouts/r-..%2f..%2fetc/why',
      '//../../../../etc/passwd',
      '/../../keys/journal.key',
    ]) {
      const got = await net.ask(operator, 'GET', path);
      assert.ok([400, 404, 405].includes(got.status), `${path}: ${got.status}`);
      assert.doesNotMatch(JSON.stringify(got.body), /root:/);
    }
  });

  test('bodies that are too large: said, counted, and endless', async () => {
    const large = Buffer.alloc(1_100_000, 32);
    const got = await net.ask(operator, 'POST', PAUSE, {
      bytes: large,
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(got.body.code, 'BODY_TOO_LARGE');
    const said = await net.talk(
      raw(`POST /api/v1${PAUSE}`, ['Content-Type: application/json', 'Content-Length: 99999999999']),
    );
    assert.match(said, /^HTTP\/1\.1 413 /);
    const chunked = await net.talk(
      raw(
        `POST /api/v1${PAUSE}`,
        ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
        `200000\r\n${'x'.repeat(0x20_00_00)}\r\n`,
      ),
    );
    assert.match(chunked, /^HTTP\/1\.1 413 /);
    const deep = await net.ask(operator, 'POST', PAUSE, {
      bytes: Buffer.from(`${'['.repeat(200_000)}${']'.repeat(200_000)}`),
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(deep.status, 400);
    const proto = await net.ask(operator, 'POST', PAUSE, {
      bytes: Buffer.from('{"__proto__":{"role":"admin"}}'),
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(proto.status, 400);
  });

  test('whoever may not send is answered before the body, and cut off', async () => {
    const head = `POST /api/v1${PAUSE} HTTP/1.1\r\nHost: ${net.host}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n`;
    const said = await net.talk(head, { byte: ' ', everyMs: 20 });

    assert.match(said, /^HTTP\/1\.1 401 /);
    assert.match(said, /connection: close/i);
  });

  test('slow clients: a head, a body, and nothing at all', async () => {
    const began = performance.now();
    const [head, body, nothing] = await Promise.all([
      net.talk(`POST /api/v1${PAUSE} HTTP/1.1\r\nX-Slow: `, { byte: 'a', everyMs: 100 }),
      net.talk(
        raw(`POST /api/v1${PAUSE}`, ['Content-Type: application/json', 'Content-Length: 10000'], '{'),
        {
          byte: ' ',
          everyMs: 100,
        },
      ),
      net.talk(''),
    ]);

    assert.match(head, /^HTTP\/1\.1 408 /);
    assert.equal(bodyOf(head).code, 'REQUEST_TOO_SLOW');
    assert.match(body, /^HTTP\/1\.1 408 /);
    assert.equal(bodyOf(body).code, 'REQUEST_TOO_SLOW');
    assert.ok(nothing === '' || nothing.startsWith('HTTP/1.1 408 '), nothing);
    assert.ok(performance.now() - began < 6000);
  });

  test('headers: too large, folded, with control characters, twice the length, and a line break in an id', async () => {
    const large = await net.talk(raw('GET /api/v1/info', [`X-Large: ${'a'.repeat(20_000)}`]));
    assert.match(large, /^HTTP\/1\.1 431 /);
    assert.equal(bodyOf(large).code, 'HEAD_TOO_LARGE');
    for (const header of [
      'X-Request-ID: a\rSet-Cookie: x=1',
      'X-Request-ID: a\nSet-Cookie: x=1',
      'X-Null: a\0b',
      'Content-Length: 5\r\nContent-Length: 6',
      'Content-Length: 5\r\nTransfer-Encoding: chunked',
      'X Space: 1',
    ]) {
      const said = await net.talk(raw('GET /api/v1/info', [header]));
      const [answered = ''] = said.split('\r\n\r\n');
      assert.doesNotMatch(answered, /^set-cookie/im, JSON.stringify(header));
      assert.match(said, /^HTTP\/1\.1 (?:400|200) /, JSON.stringify(header));
    }
    const broken = await net.ask(operator, 'GET', '/info', {
      headers: { 'x-request-id': 'a%0d%0aSet-Cookie:x' },
    });
    assert.equal(broken.headers['x-request-id'], 'a%0d%0aSet-Cookie:x');
    assert.equal(broken.headers['set-cookie'], undefined);
    const inPath = await net.ask(operator, 'GET', '/services/a%0d%0aSet-Cookie:%20x=1');
    assert.equal(inPath.status, 400);
    assert.equal(inPath.headers['set-cookie'], undefined);
  });

  test('a second request in the body of the first is none', async () => {
    const inner = raw(`POST /api/v1${PAUSE}`, ['Content-Length: 0']);
    const said = await net.talk(
      raw('GET /api/v1/info', [`Content-Length: ${inner.length}`, 'Content-Type: application/json'], inner),
    );

    assert.equal(said.match(/^HTTP\/1\.1 /gm)?.length, 1);
  });

  test('no GET acts, whatever stands in its query or claims another method', async () => {
    for (const headers of [{ 'x-http-method-override': 'DELETE' }, { 'x-method-override': 'POST' }]) {
      assert.equal((await net.ask(operator, 'GET', PAUSE, { headers })).status, 405);
      assert.equal(
        (await net.ask(operator, 'GET', '/services/shop?_method=DELETE', { headers })).status,
        200,
      );
    }
  });

  test('security headers stand on every answer: done, refused, malformed', async () => {
    const answers = [
      (await net.ask(operator, 'GET', '/info')).headers,
      (await net.ask(null, 'GET', '/info')).headers,
      (await net.ask(operator, 'GET', '/nothing')).headers,
      (await net.head(operator, 'GET', '/events')).headers,
      (await net.ask(operator, 'GET', '/info', { headers: { host: 'evil.example' } })).headers,
    ];
    for (const headers of answers) {
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['cache-control'], 'no-store');
      assert.match(String(headers['content-security-policy']), /default-src 'none'; frame-ancestors 'none'/);
      assert.equal(headers['x-frame-options'], 'DENY');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.equal(headers['access-control-allow-origin'], undefined);
      assert.equal(headers['server'] ?? headers['x-powered-by'], undefined);
    }
    assert.match(await net.talk('GARBAGE\r\n\r\n'), /x-content-type-options: nosniff/);
  });
});

describe('rates', () => {
  test('a token has so many requests, and another one is not touched by it', async () => {
    const net = await networkApi({ rates: { requests: { burst: 5, perSecond: 0.5 } } });
    try {
      const [ana, bob] = [await net.token('ana', 'viewer'), await net.token('bob', 'viewer')];
      for (let n = 0; n < 5; n += 1) assert.equal((await net.ask(ana, 'GET', '/info')).status, 200);
      const over = await net.ask(ana, 'GET', '/info');

      assert.deepEqual([over.status, over.body.code, over.body.retryable], [429, 'REQUESTS_TOO_MANY', true]);
      assert.equal(over.headers['retry-after'], '2');
      assert.equal((await net.ask(bob, 'GET', '/info')).status, 200);
    } finally {
      await net.end();
    }
  });

  test('guessing tokens is slowed for an address, and does not shut out who has one', async () => {
    const net = await networkApi({ rates: { failures: { burst: 3, perSecond: 0.1 } } });
    try {
      const ana = await net.token('ana', 'viewer');
      const guess = () => net.ask(`bsc_00000000_${'0'.repeat(64)}`, 'GET', '/info');
      for (let n = 0; n < 3; n += 1) assert.equal((await guess()).status, 401);

      assert.equal((await guess()).status, 429);
      assert.equal((await net.ask(ana, 'GET', '/info')).status, 200);
    } finally {
      await net.end();
    }
  });
});

describe('listeners', () => {
  test('one that others could reach stays closed until there is a token', async () => {
    const { remove, ...tls } = selfSigned('DNS:localhost,IP:127.0.0.1');
    const net = await networkApi({}, { address: '0.0.0.0', tls });
    try {
      await assert.rejects(net.ask(null, 'GET', '/info'), { code: 'ECONNREFUSED' });
      assert.match(net.notes.join('\n'), /^https:\/\/0\.0\.0\.0:\d+ stays closed until there is a token/);
      const ana = await net.token('ana', 'viewer');
      const deadline = Date.now() + 5000;
      while (!net.notes.some((note) => note.endsWith(' is open'))) {
        assert.ok(Date.now() < deadline, net.notes.join('\n'));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }

      const got = await net.ask(ana, 'GET', '/info');
      assert.equal(got.status, 200);
      assert.match(String(got.headers['strict-transport-security']), /^max-age=\d+$/);
      assert.match(await net.talk('GET /api/v1/info HTTP/1.1\r\nHost: x\r\n\r\n'), /^(?:HTTP\/1\.1 400 |$)/);
    } finally {
      await net.end();
      remove();
    }
  });

  test('a name that its certificate has is its name', async () => {
    const { remove, ...tls } = selfSigned('DNS:deploy.example.com,IP:127.0.0.1');
    const net = await networkApi({}, { tls });
    try {
      const ana = await net.token('ana', 'viewer');
      const named = (host: string) => net.ask(ana, 'GET', '/info', { headers: { host } });

      assert.equal((await named('deploy.example.com')).status, 200);
      assert.equal((await named('deploy.example.com:8443')).status, 200);
      assert.equal((await named('other.example.com')).status, 421);
    } finally {
      await net.end();
      remove();
    }
  });

  test('a key that is not there is said, and the server does not start', async () => {
    const tls = { certificate: '/nowhere/cert.pem', key: '/nowhere/key.pem' };

    await assert.rejects(networkApi({}, { tls }), {
      code: 'LISTENER_FAILED',
      message: /^https:\/\/127\.0\.0\.1:\d+ could not be opened: ENOENT.*cert\.pem/,
    });
  });
});
