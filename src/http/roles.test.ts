import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import type { Role } from '../controller/controller.ts';
import { parseServerFile } from '../controller/server-file.ts';
import { systemClock } from '../lib/clock.ts';
import { SPEC } from '../rollout/fixtures.ts';
import { PROGRESSING, STORY } from './fake-views.ts';
import { networkApi, type NetworkApi } from './network-fixture.ts';
import { roleTable } from './role-table.ts';
import { allRoutes } from './all-routes.ts';

const BYTES = Buffer.from('an artifact');
const DIGEST = createHash('sha256').update(BYTES).digest('hex');
const DEPLOY = { spec: SPEC, label: 'v43', artifactDigest: DIGEST };
const backup = () => Readable.from(['a tar']);
const notifier = { test: () => Promise.resolve([]) };
const link = () => Promise.resolve({ url: '', expiresInMs: 0 });
const look = () => Promise.reject(new Error('nobody asks'));
const TABLE = roleTable(allRoutes({ version: '', backup, notifier, link, look }));
const settings = {
  file: parseServerFile('', 'server.yaml'),
  path: null,
  channels: () => Promise.resolve([]),
};
const dashboard = { pages: new Map(), sessions: { read: () => null, write: () => undefined } };

/** A request of each that is right in every way but who asks. A route without one fails. */
const REQUESTS: Readonly<Record<string, { readonly query?: string; readonly body?: unknown }>> = {
  'GET /audit': { query: '?service=shop' },
  'GET /services/:service/judge': { query: '?from=0&to=9999999999999' },
  'PUT /services/:service': { body: { spec: SPEC } },
  'POST /services/:service/plan': { body: DEPLOY },
  'POST /services/:service/deploy': { body: DEPLOY },
  'POST /services/:service/weight': { body: { percent: 10 } },
  'POST /services/:service/lock': { body: { reason: 'sale' } },
  'POST /services/:service/measures': { body: { version: 'v43', measures: { signups: 1 } } },
  'POST /services/:service/measures/check': { body: { spec: SPEC } },
  'POST /tokens': { body: { name: 'eve', role: 'admin', forMs: 60_000 } },
};
const PARTS: Readonly<Record<string, string>> = {
  ':service': 'shop',
  ':rollout': 'r-0193',
  ':version': 'v42',
  ':digest': DIGEST,
  ':token': '00000000',
};

const steers = (request: string) => !/^(?:GET|HEAD) |measures|\/artifacts|\/notify|\/dashboard/.test(request);

describe('who may do what, each cell over HTTP', () => {
  let net: NetworkApi;
  let nowMs = 0;
  const tokens = new Map<string, string>();
  before(async () => {
    net = await networkApi({
      backup,
      notifier,
      dashboard,
      settings,
      // A test message to each channel is bounded by time, which goes by here.
      clock: { ...systemClock, monotonicMs: () => (nowMs += 60_000) },
      rates: { requests: { burst: 1e6, perSecond: 1e6 }, failures: { burst: 1e6, perSecond: 1e6 } },
    });
    net.api.fake.show(PROGRESSING);
    net.api.fake.artifacts.set(DIGEST, BYTES);
    for (const event of STORY) net.api.fake.record(event);
    for (const role of ['viewer', 'operator', 'admin'] as const) {
      tokens.set(role, await net.token(role, role));
      tokens.set(`${role} of shop`, await net.token(`${role}-shop`, role, ['shop']));
      tokens.set(`${role} of blog`, await net.token(`${role}-blog`, role, ['blog']));
    }
  });
  after(() => net.end());

  /** Status, and what reached the controller. */
  async function tried(who: string | null, request: string) {
    net.api.fake.calls.length = 0;
    net.api.fake.show(PROGRESSING);
    const [method, path] = request.split(' ') as [string, string];
    const { query = '', body } = REQUESTS[request] ?? {};
    const url = path.replaceAll(/:\w+/g, (part) => PARTS[part]!) + query;
    const isStream = /\/(?:events|logs|backup)$/.test(path);
    const token = who === null ? null : tokens.get(who)!;
    if (isStream && token !== null)
      return { status: (await net.head(token, method, url)).statusCode!, code: null };
    const sent = path.startsWith('/artifacts') && method === 'PUT' ? { bytes: BYTES } : { body };
    const got = await net.ask(token, method, url, sent);
    return { status: got.status, code: (got.body as { code?: string }).code ?? null };
  }

  for (const { request, may, scoped } of TABLE) {
    test(`${request}: nobody without a token`, async () => {
      assert.deepEqual(await tried(null, request), {
        status: 401,
        code: request.startsWith('HEAD') ? null : 'TOKEN_MISSING',
      });
      assert.deepEqual(net.api.fake.calls, []);
    });

    for (const role of ['viewer', 'operator', 'admin'] as const satisfies readonly Role[]) {
      test(`${request}: ${may[role] ? '' : 'no '}${role}`, async () => {
        const { status, code } = await tried(role, request);

        if (may[role]) assert.ok(status === 200 || code === 'TOKEN_UNKNOWN', `${status} ${code}`);
        else assert.deepEqual([status, code ?? 'ROLE_TOO_LOW'], [403, 'ROLE_TOO_LOW']);
        assert.equal(net.api.fake.calls.length, may[role] && steers(request) ? 1 : 0);
      });

      test(`${request}: ${role} of other services: ${scoped}`, async () => {
        const { status, code } = await tried(`${role} of blog`, request);

        const open =
          scoped === 'yes' || (scoped === 'only its services are in it' && request !== 'GET /audit');
        if (open && may[role]) assert.equal(status, 200);
        else assert.equal(status, 403, String(code));
        assert.deepEqual(net.api.fake.calls, []);
      });

      test(`${request}: ${role} of this service: ${scoped}`, async () => {
        const { status, code } = await tried(`${role} of shop`, request);

        if (may[role] && scoped !== 'no') assert.equal(status, 200, String(code));
        else assert.equal(status, 403, String(code));
      });
    }
  }

  test('the table has every route, and each role what the one below it has', () => {
    assert.ok(TABLE.length >= 35, `${TABLE.length} rows`);
    for (const { may } of TABLE) {
      assert.ok(may.admin);
      assert.ok(!may.viewer || may.operator);
    }
    assert.deepEqual(
      TABLE.filter(({ may }) => !may.operator).map(({ verb }) => verb),
      ['remove', 'token list', 'token create', 'token revoke', 'backup', 'notify test'],
    );
    assert.deepEqual(
      TABLE.filter(({ may, request }) => may.viewer && !/^(?:GET|HEAD) /.test(request)).map(
        ({ verb }) => verb,
      ),
      // It lets a browser do what its caller may, and changes nothing.
      ['dashboard'],
    );
  });

  test('whoever is for one service sees nothing of another', async () => {
    const blog = tokens.get('admin of blog')!;
    const shop = tokens.get('viewer of shop')!;

    assert.deepEqual((await net.ask(blog, 'GET', '/services')).body.services, []);
    assert.deepEqual((await net.ask(blog, 'GET', '/history')).body.rollouts, []);
    assert.equal((await net.ask(shop, 'GET', '/services')).body.services.length, 1);
    const refused = await net.ask(blog, 'POST', '/services/shop/pause', { body: {} });
    assert.deepEqual([refused.status, refused.body.now], [403, null]);
    for (const path of ['/events?service=shop', '/audit?service=shop', '/rollouts/r-0193'])
      assert.equal((await net.ask(blog, 'GET', path)).body.code, 'TOKEN_SCOPE', path);
  });
});
