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
