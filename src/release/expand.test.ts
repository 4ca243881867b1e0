import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { expandConfig } from './expand.ts';
import { parseConfig } from './parse.ts';
import { readConfig, type Config } from './read.ts';
import { renderDiagnostics } from './render-diagnostic.ts';
import { hasControls } from './values.ts';

const FILES = { certificate: '/etc/shop.pem', key: '/etc/shop.key' };

function read(value: unknown): Config {
  const result = readConfig(value);
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.problems, null, 1));
  return result.config;
}

function reread(text: string): Config {
  const result = parseConfig(text, 'f', {});
  assert.ok(result.ok, result.ok ? '' : renderDiagnostics(result.diagnostics));
  return result.config;
}

test('a short file expands to everything that it means', () => {
  const shop = {
    run: 'app $PORT ${X}',
    listen: 8080,
    env: { TOKEN: { secret: 'file:token' } },
    strategy: 'canary',
  };

  assert.equal(
    expandConfig(read({ version: 1, services: { shop } })),
    `version: 1
services:
  shop:
    run: app $PORT $\${X}
    env:
      TOKEN:
        secret: file:token
    health:
      path: /
      interval: 1s
      timeout: 1s
      rise: 3
      fall: 2
    ready-within: 2m
    stop-grace: 10s
    replicas: 1
    max-replicas: 4
    listen: 0.0.0.0:8080
    host: "*"
    path: /
    proxy: builtin
    drain: 30s
    stream-grace: 1m
    trust-forwarded: false
    max-body: none
    strategy:
      canary:
        use: standard
        steps:
          - 5%
          - 25%
          - 50%
          - 100%
        dwell:
          at-least: 1m
          at-most: 5m
        bake: 10m
        ask: false
        sticky: cookie
        judge: {}
        warm-up: 10s
        when-worse: rollback
        when-unsure:
          wait: 10m
          then: advance
        watch: 5m
        keep-old: 10m
`,
  );
});

const duration = fc
  .tuple(fc.integer({ min: 1, max: 300 }), fc.constantFrom('s', 'm'))
  .map(([n, unit]) => `${n}${unit}`);
const shell = fc.stringMatching(/^[a-z$ {}%:#"'\\|>&*!@-]{1,30}$/).filter((text) => text.trim() !== '');
const shares = fc
  .uniqueArray(fc.integer({ min: 1, max: 999 }), { maxLength: 6 })
  .map((tenths) => [...tenths.toSorted((a, b) => a - b), 1000].map((tenth) => `${tenth / 10}%`));
const rate = fc.record({ 'worse-by': fc.constantFrom('0.5pp', '1pp', '0.05pp') }, { requiredKeys: [] });
const latency = fc.record({ 'worse-by': fc.constantFrom('20%', '12.5%', '100%') }, { requiredKeys: [] });
const common = {
  use: fc.constantFrom('quick', 'standard', 'careful'),
  sticky: fc.oneof(fc.constantFrom('cookie', 'address', 'none'), fc.constant({ header: 'X-User' })),
  judge: fc.record(
    { 'error-rate': rate, 'client-error-rate': rate, p95: latency, 'p99.9': latency },
    { requiredKeys: [] },
  ),
  mirror: fc.constantFrom('20% for 2m', '100% for 30s', {
    share: '5%',
    for: '1m',
    methods: ['GET', 'POST'],
    because: 'POST /search only reads, for $5',
  }),
  'when-worse': fc.constantFrom('rollback', 'pause'),
  'when-unsure': fc.oneof(
    fc.constantFrom('advance', 'ask', 'rollback'),
    fc.record({ wait: duration }, { requiredKeys: [] }),
  ),
  watch: duration,
  'keep-old': duration,
  'warm-up': fc.constantFrom('0s', '45s', '1h'),
  ask: fc.boolean(),
  approvals: fc.constantFrom(
    [{ before: 'start' }],
    [{ before: '100%', need: 2 }],
    [{ before: 'start', need: 2, of: ['ana', 'b.o@x', 'c+d'] }, { before: '100%' }],
  ),
};
const canary = fc.record(
  {
    ...common,
    steps: shares,
    dwell: fc.oneof(duration, fc.record({ 'at-most': duration }), fc.record({ 'at-least': duration })),
    bake: duration,
  },
  { requiredKeys: [] },
);
const blueGreen = fc.record(
  {
    ...common,
    try: fc.oneof(
      fc.constant('none'),
      duration.map((time) => `2.5% for ${time}`),
    ),
  },
  { requiredKeys: [] },
);
const check = fc.oneof(
  fc.record(
    { run: shell, within: fc.constantFrom('250ms', '1m30s'), attempts: fc.integer({ min: 1, max: 9 }) },
    { requiredKeys: ['run'] },
  ),
  fc.record(
    {
      get: fc.constantFrom('/', '/a?b=${C}'),
      status: fc.constantFrom(200, '204', '3xx'),
      contains: shell,
      header: fc.dictionary(fc.constantFrom('X-A', 'b'), shell),
    },
    { requiredKeys: ['get'] },
  ),
);
const service = fc.record(
  {
    run: shell,
    build: shell,
    env: fc.dictionary(
      fc.constantFrom('A', 'B', '_C'),
      fc.oneof(
        fc.string({ maxLength: 12 }).filter((text) => !hasControls(text)),
        fc.integer(),
        fc.constant({ secret: 'env:X' }),
      ),
    ),
    user: fc.constantFrom('shop', 'www-data'),
    health: fc.oneof(
      fc.constant('/up'),
      fc.record(
        { interval: fc.constantFrom('250ms', '5s', '1m30s'), rise: fc.integer({ min: 1, max: 9 }) },
        { requiredKeys: [] },
      ),
    ),
    replicas: fc.integer({ min: 1, max: 64 }),
    listen: fc.constantFrom(8080, '127.0.0.1:8080', '[::1]:8080', 'localhost:80'),
    host: fc.constantFrom('*', 'A.example.com'),
    path: fc.constantFrom('/', '/a/b/'),
    drain: duration,
    'max-body': fc.constantFrom('none', '64MiB', '1000B', '1.5GB'),
    'trust-forwarded': fc.boolean(),
    preview: fc.boolean(),
    override: fc.constantFrom(
      { header: 'X-Version', secret: 'file:override' },
      { header: 'x-slot', secret: 'env:OVERRIDE' },
      { header: 'X-Version', from: '10.0.0.0/8' },
      { header: 'X-Version', from: ['127.0.0.0/8', 'fd00::/8'] },
    ),
    verify: fc.oneof(
      shell,
      fc.array(fc.oneof(shell, fc.constant('/checkout'), check), { minLength: 1, maxLength: 4 }),
    ),
    strategy: fc.oneof(
      fc.constantFrom('canary', 'blue-green'),
      fc.record({ canary }),
      fc.record({ 'blue-green': blueGreen }),
    ),
  },
  { requiredKeys: ['run', 'listen'] },
);

test('what somebody else runs expands without what it cannot have', () => {
  const targets = { blue: 'http://a', green: ['http://b:1/canary/', 'http://[::1]:2'] };
  const current = 'http://127.0.0.1:8000/old';
  for (const shop of [
    { targets, listen: 8080 },
    { run: 'app', current, listen: 8080 },
    { run: 'app', listen: 443, proxy: { builtin: { tls: [FILES, { ...FILES, key: '/b' }] } } },
    { run: 'app', listen: 443, proxy: { builtin: { tls: FILES, 'redirect-http': 80 } } },
    { run: 'app', listen: 80, proxy: { builtin: {} } },
    { run: 'app', listen: 80, proxy: { builtin: { protocol: 'h2c' } } },
    { run: 'app', listen: 80, proxy: { builtin: { 'proxy-protocol': '10.0.0.0/8' } } },
    { run: 'app', listen: 80, proxy: { builtin: { timeouts: {}, limits: {} } } },
    {
      run: 'app',
      listen: 80,
      proxy: { builtin: { 'per-replica': {}, 'outlier-detection': {} } },
    },
    {
      run: 'app',
      listen: 80,
      proxy: {
        builtin: {
          'per-replica': {
            'max-requests': 5,
            'max-queue': 7,
            'queue-timeout': '10ms',
            'slow-start': '30s',
          },
          'outlier-detection': { 'consecutive-5xx': 3, 'base-ejection-time': '1h' },
        },
      },
    },
    {
      run: 'app',
      listen: 80,
      proxy: {
        builtin: {
          timeouts: { connect: '1s', request: '2m', 'upgraded-idle': '1h', 'keep-alive': '5s' },
          limits: { 'max-head': '32KiB', 'max-connections': 500 },
          'error-pages': { 503: ['/a.html', '/a.json'], default: '/d.txt' },
        },
      },
    },
    {
      run: 'app',
      listen: 80,
      host: '*.Example.com',
      proxy: { builtin: { 'server-timing': true } },
    },
    {
      run: 'app',
      listen: 80,
      host: 'example.com',
      proxy: { builtin: { 'redirect-hosts': ['WWW.example.com'] } },
    },
    {
      run: 'app',
      listen: 443,
      host: 'Example.com',
      proxy: { builtin: { tls: { acme: { 'agree-tos': true } }, 'redirect-http': 80 } },
    },
    {
      run: 'app',
      listen: 443,
      host: 'example.com',
      proxy: {
        builtin: {
          tls: {
            acme: {
              'agree-tos': true,
              email: 'ops@example.com',
              directory: 'https://ca.internal:14000/dir',
              authority: '/etc/ssl/ca.pem',
            },
          },
          'redirect-http': 80,
          'redirect-hosts': ['www.example.com'],
        },
      },
    },
    { run: 'app', listen: 80, proxy: { builtin: { 'access-log': {}, 'start-traces': '0%' } } },
    {
      run: 'app',
      listen: 80,
      path: '/shop',
      proxy: {
        builtin: {
          'strip-path': true,
          when: [{ header: 'X-Api', is: '2' }, { cookie: 'a' }],
          'candidate-for': [{ query: 'v', 'begins-with': 'ne$xt' }],
        },
      },
    },
    {
      run: 'app',
      listen: 80,
      proxy: { builtin: { allow: ['10.0.0.0/8', 'fd00::/8'], deny: ['10.1.0.0/16'] } },
    },
    {
      run: 'app',
      listen: 80,
      proxy: {
        builtin: {
          'server-timing': true,
          'access-log': {
            fields: ['status', 'query'],
            headers: ['User-Agent'],
            sample: '2.5%',
            keep: '1MiB',
          },
        },
      },
    },
  ]) {
    const config = read({ version: 1, services: { shop } });

    assert.deepEqual(reread(expandConfig(config)), config);
  }
});

test('what comes before the first share expands to what it means', () => {
  const shop = {
    run: 'app',
    listen: 8080,
    override: { header: 'X-Version', secret: 'file:override' },
    strategy: { 'blue-green': { mirror: '20% for 2m', 'header-only': '10m' } },
  };
  const config = read({ version: 1, services: { shop } });

  const text = expandConfig(config);

  assert.deepEqual(reread(text), config);
  assert.match(text, /header-only:\n +for: 10m\n +requests: 50\n +max-errors: 5%\n/);
  assert.match(text, /mirror:\n +share: 20%\n +for: 2m\n +methods:\n +- GET\n +- HEAD\n/);
});

test('whatever is accepted expands to a file that reads back to the same', () => {
  fc.assert(
    fc.property(service, (shop) => {
      const config = read({ version: 1, services: { shop } });

      assert.deepEqual(reread(expandConfig(config)), config);
    }),
    { numRuns: 300 },
  );
});
