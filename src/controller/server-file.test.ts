import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../lib/errors.ts';
import { parseServerFile } from './server-file.ts';

function mistakes(text: string): string {
  try {
    parseServerFile(text, 'server.yaml');
  } catch (error) {
    assert.ok(error instanceof OperatingError && error.code === 'SERVER_FILE_INVALID', String(error));
    return error.message;
  }
  throw new assert.AssertionError({ message: `taken as valid:\n${text}` });
}

test('freezes know the line on which they stand, however they are written', () => {
  const { freezes } = parseServerFile(
    `keep-releases: 3
freezes:
  # nobody is there
  - cron: '0 16 * * FRI'
    for: 64h
    time-zone: Europe/Berlin
    services: [shop]
    also: advancing
    reason: weekend
  - {cron: '0 0 24 12 *', for: 3d, time-zone: UTC}
`,
    '/etc/bascule/server.yaml',
  );

  assert.deepEqual(freezes, [
    {
      cron: '0 16 * * FRI',
      forMs: 64 * 3_600_000,
      timeZone: 'Europe/Berlin',
      services: ['shop'],
      alsoAdvancing: true,
      reason: 'weekend',
      place: '/etc/bascule/server.yaml line 4',
    },
    {
      cron: '0 0 24 12 *',
      forMs: 3 * 86_400_000,
      timeZone: 'UTC',
      services: null,
      alsoAdvancing: false,
      reason: null,
      place: '/etc/bascule/server.yaml line 10',
    },
  ]);
});

test('sources are connections by name, each with what its kind needs', () => {
  const { sources } = parseServerFile(
    `sources:
  prometheus: {url: 'http://127.0.0.1:9090/', bearer: file:token, ca: /etc/ca.pem, timeout: 2s}
  eu: {kind: prometheus, url: 'https://eu.example.com/prom', user: ana, password: env:PROM_PASSWORD}
  cloudwatch: {region: eu-central-1, access-key-id: env:ID, secret-access-key: env:KEY}
  influxdb: {url: 'http://127.0.0.1:8086', database: shop, token: file:influx}
`,
    'server.yaml',
  );

  assert.deepEqual(sources, [
    {
      name: 'prometheus',
      kind: 'prometheus',
      url: 'http://127.0.0.1:9090',
      caFile: '/etc/ca.pem',
      timeoutMs: 2000,
      auth: { kind: 'bearer', token: { from: 'file', name: 'token' } },
    },
    {
      name: 'eu',
      kind: 'prometheus',
      url: 'https://eu.example.com/prom',
      caFile: null,
      timeoutMs: 5000,
      auth: { kind: 'basic', user: 'ana', password: { from: 'env', name: 'PROM_PASSWORD' } },
    },
    {
      name: 'cloudwatch',
      kind: 'cloudwatch',
      url: 'https://monitoring.eu-central-1.amazonaws.com',
      caFile: null,
      timeoutMs: 5000,
      region: 'eu-central-1',
      accessKeyId: { from: 'env', name: 'ID' },
      secretAccessKey: { from: 'env', name: 'KEY' },
      sessionToken: null,
    },
    {
      name: 'influxdb',
      kind: 'influxdb',
      url: 'http://127.0.0.1:8086',
      caFile: null,
      timeoutMs: 5000,
      token: { from: 'file', name: 'influx' },
      speaks: { version: 3, database: 'shop' },
    },
  ]);
});

test('every mistake in a source is said at its line, and no secret that was written out', () => {
  const said = mistakes(`sources:
  prometheus: {url: 'http://ana:hunter2@127.0.0.1'}
  grafana: {url: 'http://127.0.0.1'}
  eu: {kind: prometheus, url: 'http://127.0.0.1', user: ana}
  datadog: {api-key: 0123456789abcdef, app-key: file:dd}
  influxdb: {url: 'http://127.0.0.1', token: file:t}
  stats: {kind: json, url: 'http://127.0.0.1', timeout: 2h}
`);

  assert.match(said, /sources\.prometheus\.url line 2: an http or https URL without name, password/u);
  assert.match(said, /sources\.grafana line 3: kind must be one of prometheus, datadog/u);
  assert.match(said, /sources\.eu line 4: user and password go together/u);
  assert.match(said, /sources\.datadog\.api-key line 5: env:NAME or file:NAME/u);
  assert.match(said, /sources\.influxdb line 6: organisation \(InfluxDB 2\) or database/u);
  assert.match(said, /sources\.stats\.timeout line 7: a duration such as 5s/u);
  assert.doesNotMatch(said, /hunter2|0123456789abcdef/u);
});

test('channels are told apart by name, each with what its kind needs', () => {
  const { notify } = parseServerFile(
    `notify:
  slack: {token: file:slack-bot, channel: C0123456789}
  hook: {kind: webhook, url: 'https://ci.example.com/hook', secret: env:HOOK, services: [shop], about: waits}
  mail: {kind: email, server: smtps://mail.example.com, user: ana, password: file:mail, from: b@example.com, to: [ops@example.com], timeout: 5s}
`,
    'server.yaml',
  );

  const common = { services: null, about: 'all', caFile: null, timeoutMs: 10_000 };
  assert.deepEqual(notify, [
    {
      ...common,
      name: 'slack',
      kind: 'slack',
      by: {
        how: 'bot',
        token: { from: 'file', name: 'slack-bot' },
        channel: 'C0123456789',
        api: 'https://slack.com/api',
      },
    },
    {
      ...common,
      name: 'hook',
      kind: 'webhook',
      url: 'https://ci.example.com/hook',
      secret: { from: 'env', name: 'HOOK' },
      services: ['shop'],
      about: 'waits',
    },
    {
      ...common,
      name: 'mail',
      kind: 'email',
      server: { host: 'mail.example.com', port: 465, tls: 'at-once' },
      auth: { user: 'ana', password: { from: 'file', name: 'mail' } },
      from: 'b@example.com',
      to: ['ops@example.com'],
      timeoutMs: 5000,
    },
  ]);
});

test('every mistake in a channel is said at its line, and no secret that was written out', () => {
  const said = mistakes(`notify:
  slack: {url: 'https://hooks.slack.com/services/T0/B0/hunter2'}
  pager: {url: file:x}
  chat: {kind: slack, url: file:x, token: file:y, channel: C0123456789}
  hook: {kind: webhook, url: 'https://example.com/?token=hunter2', secret: file:x}
  mail: {kind: email, server: mail.example.com, from: ops, to: []}
  post: {kind: email, server: smtp://m, user: ana, from: a@b.c, to: [a@b.c]}
  teams: {url: file:x, about: nothing}
`);

  for (const expected of [
    /notify\.slack\.url line 2: env:NAME or file:NAME, never the value itself/u,
    /notify\.pager line 3: kind must be one of webhook, slack, teams, discord, email, grafana/u,
    /notify\.chat line 4: url \(an incoming webhook\), or token and channel \(a bot\), one of the two/u,
    /notify\.hook\.url line 5: an http or https URL without name, password, query or fragment/u,
    /notify\.mail\.server line 6: smtp:\/\/HOST:PORT/u,
    /notify\.mail\.from line 6: an address such as ops@example\.com/u,
    /notify\.mail\.to line 6: /u,
    /notify\.post line 7: user and password go together/u,
    /notify\.teams\.about line 8: /u,
  ])
    assert.match(said, expected);
  assert.doesNotMatch(said, /hunter2/u);
});

test('a provider of logins is read with its defaults, the highest roles first', () => {
  const { oidc } = parseServerFile(
    `login:
  oidc:
    issuer: https://idp.example.com/realms/example/
    client-id: bascule
    client-secret: file:oidc
    roles: {viewer: [everybody], operator: [deployers, {group: blog team, services: [blog]}]}
`,
    'server.yaml',
  );

  assert.deepEqual(oidc, {
    issuer: 'https://idp.example.com/realms/example/',
    clientId: 'bascule',
    clientSecret: { from: 'file', name: 'oidc' },
    scopes: ['openid', 'profile', 'email'],
    nameClaim: null,
    groupsClaim: 'groups',
    roles: [
      { group: 'deployers', role: 'operator', services: null },
      { group: 'blog team', role: 'operator', services: ['blog'] },
      { group: 'everybody', role: 'viewer', services: null },
    ],
    sessionMs: 43_200_000,
    caFile: null,
    timeoutMs: 10_000,
  });
  assert.equal(parseServerFile('', 'server.yaml').oidc, null);
});

test('every mistake in a provider of logins is said at its line, and no secret that was written out', () => {
  const said = mistakes(`login:
  oidc:
    issuer: http://idp.example.com
    client-id: bascule
    client-secret: hunter2
    scopes: [profile]
    session: 30d
    roles: {viewer: [], owner: [me]}
`);

  for (const expected of [
    /login\.oidc\.issuer line 3: the https URL of the provider/u,
    /login\.oidc\.client-secret line 5: env:NAME or file:NAME, never the value itself/u,
    /login\.oidc\.scopes line 6: openid must be one of them/u,
    /login\.oidc\.session line 7: a duration such as 12h, from 1m to 7d/u,
    /login\.oidc\.roles line 8: Unrecognized key: "owner"/u,
  ])
    assert.match(said, expected);
  assert.doesNotMatch(said, /hunter2/u);
  const none = mistakes(
    'login: {oidc: {issuer: https://idp.example.com, client-id: b, client-secret: file:o, roles: {}}}\n',
  );
  assert.match(none, /login\.oidc\.roles line 1: at least one group/u);
});

test('an empty file has no freezes, and none is invented', () => {
  assert.deepEqual(parseServerFile('', 'server.yaml').freezes, []);
});

test('every mistake is said at its line', () => {
  const said = mistakes(`freezes:
  - {cron: '0 16 * * FRIDAZ', for: 64h}
  - {cron: '0 0 30 2 *', for: 1h}
  - {cron: '0 16 * * FRI', for: 64}
  - {cron: '0 16 * * FRI', for: 64h, time-zone: Europe/Berlim}
  - {cron: '0 16 * * FRI', for: 64h, services: [Shop!]}
  - {cron: '0 16 * * FRI', for: 64h, also: everything}
  - {cron: '0 16 * * FRI', for: 64h, until: monday}
  - {for: 64h}
`);

  for (const expected of [
    /freezes\.0 line 2: cron "0 16 \* \* FRIDAZ" is not understood/,
    /freezes\.1 line 3: cron "0 0 30 2 \*" never comes/,
    /freezes\.2\.for line 4: /,
    /freezes\.3\.time-zone line 5: the name of a time zone such as Europe\/Berlin/,
    /freezes\.4\.services\.0 line 6: the name of a service/,
    /freezes\.5\.also line 7: /,
    /freezes\.6 line 8: Unrecognized key: "until"/,
    /freezes\.7\.cron.*: /,
  ])
    assert.match(said, expected);
});

test('a reason cannot steer the terminal of whoever meets the freeze', () => {
  const [freeze] = parseServerFile(
    `freezes: [{cron: '0 16 * * FRI', for: 1h, reason: "a\\e[2Jb\\nc"}]`,
    'server.yaml',
  ).freezes;

  assert.equal(freeze?.reason, 'a·[2Jb·c');
});
