import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseServerFile } from '../controller/server-file.ts';
import { systemClock } from '../lib/clock.ts';
import type { ChannelView } from '../notify/channel.ts';
import { settingsAnswer } from './answers-settings.ts';
import { networkApi, type NetworkApi } from './network-fixture.ts';

const FILE = `
slot-ports: 9000-9100
allowed-users: [shop]
keep-releases: 7
freezes:
  - {cron: '0 16 * * FRI', for: 64h, time-zone: Europe/Berlin, services: [shop], also: advancing, reason: weekend}
sources:
  prometheus: {url: 'https://prometheus.example.com/below', bearer: file:prometheus-private}
notify:
  ci: {kind: webhook, url: 'https://ci.example.com/hooks/1', secret: file:ci-private}
login:
  oidc:
    issuer: https://idp.example.com/realms/example
    client-id: bascule
    client-secret: file:oidc-private
    roles: {operator: [deployers, {group: blog-team, services: [blog]}]}
`;
const CHANNEL: ChannelView = {
  name: 'ci',
  kind: 'webhook',
  host: 'ci.example.com',
  trouble: null,
  services: null,
  about: 'all',
  timeoutMs: 10_000,
  counts: { sent: 2, failed: 1, dropped: 0 },
};

describe('the settings of the server', () => {
  let net: NetworkApi;
  let nowMs = 0;
  const asked: (string | null)[] = [];
  before(async () => {
    net = await networkApi({
      clock: { ...systemClock, monotonicMs: () => nowMs },
      settings: {
        file: parseServerFile(FILE, '/etc/bascule/server.yaml'),
        path: '/etc/bascule/server.yaml',
        channels: async () => [CHANNEL],
      },
      notifier: {
        test: async (channel) => {
          asked.push(channel);
          return [
            { channel: 'ci', kind: 'webhook', ok: false, why: 'it answered 503', status: 503, tookMs: 4 },
          ];
        },
      },
    });
  });
  after(() => net.end());

  test('are as the file says and as they are now, of the form that is described', async () => {
    const viewer = await net.token('ana', 'viewer');
    const { status, body } = await net.ask(viewer, 'GET', '/settings');

    assert.equal(status, 200);
    const strict = settingsAnswer.safeParse(body);
    assert.ok(strict.success, strict.error?.message);
    const { settings } = strict.data;
    assert.equal(settings.file, '/etc/bascule/server.yaml');
    assert.deepEqual(settings.services.slotPorts, { from: 9000, to: 9100 });
    assert.equal(settings.retention.releases, 7);
    assert.deepEqual(
      settings.listeners.map(({ url, isOpen, certificate }) => ({ url, isOpen, certificate })),
      [{ url: `http://127.0.0.1:${net.port}`, isOpen: true, certificate: null }],
    );
    assert.deepEqual(settings.sources, [
      { name: 'prometheus', kind: 'prometheus', host: 'prometheus.example.com' },
    ]);
    assert.deepEqual(settings.channels, [CHANNEL]);
    assert.equal(settings.freezes.rules[0]?.place, '/etc/bascule/server.yaml line 6');
    assert.equal(settings.logins.oidc?.host, 'idp.example.com');
    assert.deepEqual(settings.logins.oidc?.roles.at(-1), {
      group: 'blog-team',
      role: 'operator',
      services: ['blog'],
    });
    assert.ok(settings.tokens.valid >= 1);
  });

  test('hold no secret, no name of one, and no hash', async () => {
    const { body } = await net.ask(await net.token('bob', 'admin'), 'GET', '/settings');

    assert.doesNotMatch(JSON.stringify(body), /private|hooks\/1|[0-9a-f]{64}/u);
  });

  test('are not for a token that is for some services only', async () => {
    const got = await net.ask(await net.token('carl', 'admin', ['shop']), 'GET', '/settings');

    assert.deepEqual([got.status, got.body.code], [403, 'TOKEN_SCOPE']);
  });

  test('a test of a channel says what the receiver answered, and is bounded for each channel', async () => {
    const admin = await net.token('dora', 'admin');
    const one = (channel: string | null) => net.ask(admin, 'POST', '/notify/test', { body: { channel } });
    const first = await one('ci');
    assert.equal(first.status, 200);
    assert.deepEqual(first.body.tried[0], {
      channel: 'ci',
      kind: 'webhook',
      ok: false,
      why: 'it answered 503',
      status: 503,
      tookMs: 4,
    });
    for (let count = 0; count < 4; count += 1) assert.equal((await one('ci')).status, 200);
    asked.length = 0;

    const refused = await one('ci');

    assert.deepEqual([refused.status, refused.body.code], [429, 'REQUESTS_TOO_MANY']);
    assert.equal(refused.headers['retry-after'], '10');
    assert.deepEqual(asked, []);
    assert.equal((await one('ops')).status, 200);
    nowMs += 10_000;
    assert.equal((await one('ci')).status, 200);
  });
});
