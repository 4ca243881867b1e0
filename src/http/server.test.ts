import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { after, before, beforeEach, describe, test } from 'node:test';
import { USUAL_OUTLIERS, USUAL_TIMEOUTS } from '../release/resilience.ts';
import { OperatingError } from '../lib/errors.ts';
import { SPEC } from '../rollout/fixtures.ts';
import { testApi, type TestApi } from './api-fixture.ts';
import { IDLE, PROGRESSING, ROLLED_BACK, STORY } from './fake-views.ts';

const BYTES = Buffer.from('an artifact');
const DIGEST = createHash('sha256').update(BYTES).digest('hex');
const TARGETS = {
  blue: [{ host: '127.0.0.1', port: 8001, pathPrefix: '' }],
  green: [{ host: '127.0.0.1', port: 8002, pathPrefix: '/canary' }],
};
const LOG = { fields: ['path'], headers: [], samplePercent: 100, keepBytes: 1024 ** 2 };
const withDoor = (change: object): object => ({ ...SPEC, door: { ...SPEC.door, ...change } });
const DEPLOY = { spec: SPEC, label: 'v43', artifactDigest: DIGEST };

describe('the API', () => {
  let api: TestApi;
  before(async () => {
    api = await testApi();
  });
  after(() => api.end());
  beforeEach(() => {
    api.fake.calls.length = 0;
    api.fake.changes.length = 0;
    api.fake.refusal = null;
    api.fake.show(PROGRESSING);
  });

  test('its sockets are there for the group, and for nobody else', async () => {
    for (const role of ['viewer', 'operator', 'admin']) {
      assert.equal((await stat(`${api.sockets}/${role}.sock`)).mode & 0o777, 0o660);
    }
    assert.equal((await stat(api.sockets)).mode & 0o777, 0o750);
  });

  test('a viewer sees everything and steers nothing', async () => {
    for (const path of [
      '/info',
      '/services',
      '/services/shop',
      '/services/shop/history',
      '/rollouts/r-0193',
    ]) {
      assert.equal((await api.ask('viewer', 'GET', path)).status, 200, path);
    }

    const steering: [string, string, unknown][] = [
      ['POST', '/services/shop/plan', DEPLOY],
      ['POST', '/services/shop/deploy', DEPLOY],
      ['POST', '/services/shop/pause', {}],
      ['POST', '/services/shop/resume', {}],
      ['POST', '/services/shop/promote', {}],
      ['POST', '/services/shop/weight', { percent: 10 }],
      ['POST', '/services/shop/abort', {}],
      ['POST', '/services/shop/rollback', {}],
      ['PUT', '/services/shop', { spec: SPEC }],
      ['PUT', `/artifacts/${DIGEST}`, 'x'],
      ['DELETE', '/services/shop', undefined],
      ['POST', '/rollouts/r-0193/retry', {}],
    ];
    for (const [method, path, body] of steering) {
      const got = await api.ask('viewer', method, path, { body });
      assert.equal(got.status, 403, path);
      assert.equal(got.body.code, 'ROLE_TOO_LOW', path);
    }
    assert.deepEqual(api.fake.calls, []);
    assert.equal(api.fake.artifacts.size, 0);
  });

  test('an operator steers, and does not take services away', async () => {
    assert.equal((await api.ask('operator', 'POST', '/services/shop/pause')).status, 200);
    assert.equal((await api.ask('operator', 'DELETE', '/services/shop')).status, 403);
    assert.equal((await api.ask('admin', 'DELETE', '/services/shop')).status, 200);
    assert.deepEqual(api.fake.calls, [
      'pause shop by local (unverified) as operator',
      'remove shop by local (unverified) as admin',
    ]);
  });

  test('who a client says it is stays unverified', async () => {
    const headers = { 'bascule-actor': 'ana via CI #881' };
    await api.ask('operator', 'POST', '/services/shop/pause', { headers });

    assert.deepEqual(api.fake.calls, ['pause shop by ana via CI #881 (unverified) as operator']);
    const long = await api.ask('operator', 'POST', '/services/shop/pause', {
      headers: { 'bascule-actor': 'x'.repeat(81) },
    });
    assert.equal(long.body.code, 'REQUEST_INVALID');
  });

  test('every verb reaches the controller with what was asked', async () => {
    await api.ask('operator', 'PUT', `/artifacts/${DIGEST}`, { bytes: BYTES });
    await api.ask('operator', 'PUT', '/services/shop?dry-run=true', { body: { spec: SPEC } });
    await api.ask('operator', 'PUT', '/services/shop', { body: { spec: SPEC } });
    await api.ask('operator', 'POST', '/services/shop/plan', { body: DEPLOY });
    await api.ask('operator', 'POST', '/services/shop/deploy', {
      body: { ...DEPLOY, supersede: true, planId: 'p-1' },
    });
    await api.ask('operator', 'POST', '/services/shop/promote', { body: { fromStep: 3 } });
    await api.ask('operator', 'POST', '/services/shop/promote', { body: { full: true } });
    await api.ask('operator', 'POST', '/services/shop/weight', { body: { percent: 12.5, beyondPlan: true } });
    await api.ask('operator', 'POST', '/services/shop/resume', { body: {} });
    await api.ask('operator', 'POST', '/services/shop/abort', { body: { rollout: 'r-0193' } });
    await api.ask('operator', 'POST', '/services/shop/rollback', { body: { label: 'v41' } });
    await api.ask('operator', 'POST', '/rollouts/r-0193/retry');

    assert.deepEqual(
      api.fake.calls.map((call) => call.replace(' by local (unverified) as operator', '')),
      [
        'apply shop (dry run)',
        'apply shop',
        'plan shop v43',
        'deploy shop v43 supersede p-1',
        'promote from-step-3 shop',
        'promote full shop',
        'weight 12.5! shop',
        'resume shop',
        'abort shop r-0193',
        'rollback shop v41',
        'retry r-0193',
      ],
    );
    assert.deepEqual(api.fake.artifacts.get(DIGEST), BYTES);
  });

  test('artifacts: absent, put, there; a wrong digest is refused', async () => {
    const other = 'f'.repeat(64);
    assert.equal((await api.ask('viewer', 'HEAD', `/artifacts/${other}`)).status, 404);
    const wrong = await api.ask('operator', 'PUT', `/artifacts/${other}`, { bytes: BYTES });
    assert.equal(wrong.status, 422);
    assert.equal(wrong.body.code, 'ARTIFACT_DIGEST_MISMATCH');
    await api.ask('operator', 'PUT', `/artifacts/${DIGEST}`, { bytes: BYTES });
    assert.equal((await api.ask('viewer', 'HEAD', `/artifacts/${DIGEST}`)).status, 200);
    const json = await api.ask('operator', 'PUT', `/artifacts/${other}`, { body: { not: 'bytes' } });
    assert.equal(json.status, 415);
  });

  test('a refusal is a problem that says what is true now', async () => {
    api.fake.refusal = new OperatingError('ROLLOUT_UNDER_WAY', 'r-0193 is under way; nothing was removed.', {
      retryable: false,
    });
    const got = await api.ask('admin', 'DELETE', '/services/shop', { headers: { 'x-request-id': 'abc-1' } });

    assert.equal(got.status, 409);
    assert.equal(got.headers['content-type'], 'application/problem+json; charset=utf-8');
    assert.equal(got.headers['x-request-id'], 'abc-1');
    assert.deepEqual(
      { ...got.body, title: '' },
      {
        type: 'urn:bascule:ROLLOUT_UNDER_WAY',
        title: '',
        status: 409,
        detail: 'r-0193 is under way; nothing was removed.',
        code: 'ROLLOUT_UNDER_WAY',
        retryable: false,
        requestId: 'abc-1',
        now: {
          users: '75% on v42, 25% on v43',
          condition: 'serving',
          rollout: 'r-0193',
          phase: 'dwelling',
          allowedActions: [...PROGRESSING.allowedActions],
        },
      },
    );
  });

  test('a bug keeps its text to itself and is reported with the id of the request', async () => {
    api.fake.onSteer = () => {
      throw new TypeError('secret inside');
    };
    const got = await api.ask('operator', 'POST', '/services/shop/pause');
    api.fake.onSteer = () => undefined;

    assert.equal(got.status, 500);
    assert.equal(got.body.code, 'SERVER_BUG');
    assert.doesNotMatch(JSON.stringify(got.body), /secret inside/);
    assert.match(String(api.bugs.pop()), /secret inside/);
  });

  const invalid: readonly [string, string, string, unknown, number, RegExp][] = [
    [
      'unknown address',
      'GET',
      '/nothing',
      undefined,
      404,
      /^GET \/api\/v1\/nothing is not part of the API\.$/,
    ],
    ['unknown method', 'PATCH', '/services/shop', undefined, 405, /takes GET/],
    [
      'unknown service',
      'GET',
      '/services/shpo',
      undefined,
      404,
      /^There is no service shpo\. Known: shop\.$/,
    ],
    ['unknown rollout', 'GET', '/rollouts/r-1', undefined, 404, /^There is no rollout r-1/],
    ['bad name', 'GET', '/services/Shop!', undefined, 400, /address\.service: is not the name of a service$/],
    ['bad id', 'GET', '/rollouts/193', undefined, 400, /address\.rollout: is not the id of a rollout$/],
    ['bad limit', 'GET', '/history?limit=many', undefined, 400, /query\.limit: is not a whole number/],
    ['unknown query', 'GET', '/history?limits=5', undefined, 400, /query: Unrecognized key: "limits"/],
    ['unknown key', 'POST', '/services/shop/pause', { now: true }, 400, /body: Unrecognized key: "now"/],
    ['percent over 100', 'POST', '/services/shop/weight', { percent: 101 }, 400, /body\.percent: Too big/],
    ['too fine a share', 'POST', '/services/shop/weight', { percent: 1.25 }, 400, /is finer than 0\.1$/],
    ['no percent', 'POST', '/services/shop/weight', {}, 400, /body\.percent: Invalid input/],
    [
      'percent as text',
      'POST',
      '/services/shop/weight',
      { percent: '25' },
      400,
      /expected number, received string/,
    ],
    ['negative step', 'POST', '/services/shop/promote', { fromStep: -1 }, 400, /body\.fromStep: Too small/],
    [
      'bad version',
      'POST',
      '/services/shop/rollback',
      { label: 'a/b' },
      400,
      /body\.label: is not a version$/,
    ],
    ['bad digest', 'HEAD', '/artifacts/xyz', undefined, 400, /^$/],
    ['two names', 'PUT', '/services/other', { spec: SPEC }, 400, /names the service other and the body shop/],
    ['no spec', 'PUT', '/services/shop', {}, 400, /body\.spec: Invalid input/],
    [
      'bad digest in a deploy',
      'POST',
      '/services/shop/deploy',
      { ...DEPLOY, artifactDigest: 'x' },
      400,
      /sha256/,
    ],
  ];
  for (const [what, method, path, body, status, says] of invalid) {
    test(`not valid: ${what}`, async () => {
      const got = await api.ask('admin', method, path, { body });

      assert.equal(got.status, status);
      assert.match(method === 'HEAD' ? '' : got.body.detail, says);
      assert.deepEqual(api.fake.calls, []);
    });
  }

  const specs: readonly [string, object, RegExp][] = [
    ['an unknown key', { ...SPEC, extra: 1 }, /Unrecognized key: "extra"/],
    ['root', { ...SPEC, release: { ...SPEC.release, user: 'root' } }, /spec\.release\.user: is root/],
    [
      'neither run nor targets',
      { ...SPEC, release: { ...SPEC.release, run: null } },
      /one of run and targets/,
    ],
    ['run and targets', { ...SPEC, targets: TARGETS }, /one of run and targets/],
    [
      'targets and current',
      { ...SPEC, release: { ...SPEC.release, run: null }, targets: TARGETS, current: TARGETS.blue[0] },
      /both targets and current/,
    ],
    [
      'a prefix that splits a header',
      { ...SPEC, current: { ...TARGETS.blue[0], pathPrefix: '/a\r\nX: 1' } },
      /spec\.current\.pathPrefix: is not a path/,
    ],
    [
      'a prefix that leads up',
      { ...SPEC, current: { ...TARGETS.blue[0], pathPrefix: '/a/..' } },
      /is not a path/,
    ],
    ['a host that is none', { ...SPEC, current: { ...TARGETS.blue[0], host: 'a b' } }, /is not a host/],
    [
      'a log of cookies',
      withDoor({ proxy: { kind: 'builtin', accessLog: { ...LOG, headers: ['cookie'] } } }),
      /is a header that holds a secret/,
    ],
    [
      'a log of an override',
      withDoor({
        proxy: { kind: 'builtin', accessLog: { ...LOG, headers: ['x-version'] } },
        override: { header: 'X-Version', allow: { kind: 'secret', from: 'file', name: 'version' } },
      }),
      /logs the header of its override/,
    ],
    [
      'hosts that lead nowhere',
      withDoor({ host: '*.a.test', proxy: { kind: 'builtin', redirectHosts: ['b.test'] } }),
      /hosts that its proxy cannot serve/,
    ],
    [
      'certificates for nobody',
      withDoor({
        host: null,
        proxy: {
          kind: 'builtin',
          acme: { email: null, directory: 'https://ca.test/', authority: null },
          redirectFrom: 80,
        },
      }),
      /hosts that its proxy cannot serve/,
    ],
    [
      'an authority without TLS',
      withDoor({
        host: 'a.test',
        proxy: {
          kind: 'builtin',
          acme: { email: null, directory: 'http://ca.test/', authority: null },
          redirectFrom: 80,
        },
      }),
      /is not the address of a directory/,
    ],
    [
      'patience without a measure',
      withDoor({ proxy: { kind: 'builtin', timeouts: { ...USUAL_TIMEOUTS, connectMs: 1 } } }),
      /connectMs/,
    ],
    [
      'a page from anywhere',
      withDoor({ proxy: { kind: 'builtin', errorPages: { default: ['/etc/../shadow.html'] } } }),
      /is not an absolute path that ends in/,
    ],
    [
      'a longest ejection that is shorter than the first',
      withDoor({ proxy: { kind: 'builtin', outliers: { ...USUAL_OUTLIERS, maxMs: 1000 } } }),
      /is shorter at the longest/,
    ],
    [
      'a path that is none to strip',
      withDoor({ path: '/', proxy: { kind: 'builtin', stripPath: true } }),
      /strips the path/,
    ],
    [
      'a condition on what proxies write',
      withDoor({
        proxy: {
          kind: 'builtin',
          when: [{ on: 'header', name: 'x-forwarded-for', value: { kind: 'present' } }],
        },
      }),
      /names what no request can be told by/,
    ],
    [
      'a host that leads to itself',
      withDoor({ host: 'a.test', proxy: { kind: 'builtin', redirectHosts: ['a.test'] } }),
      /hosts that its proxy cannot serve/,
    ],
    ['a NUL', { ...SPEC, release: { ...SPEC.release, run: 'a\0b' } }, /run: holds a NUL character/],
    [
      'PORT in env',
      { ...SPEC, release: { ...SPEC.release, env: { PORT: { kind: 'plain', value: '1' } } } },
      /is Bascule’s/,
    ],
    [
      'more replicas than ports',
      { ...SPEC, scale: { replicas: 3, maxReplicas: 2 } },
      /more replicas than maxReplicas/,
    ],
    [
      'steps that fall',
      { ...SPEC, policy: { ...SPEC.policy, stepsPercent: [50, 10, 100] } },
      /does not grow/,
    ],
    [
      'steps without an end',
      { ...SPEC, policy: { ...SPEC.policy, stepsPercent: [50] } },
      /does not end with 100/,
    ],
    ['a path upwards', { ...SPEC, door: { ...SPEC.door, path: '/a/../b' } }, /door\.path: is not a path/],
    [
      'a name as address',
      { ...SPEC, door: { ...SPEC.door, listen: { address: 'localhost', port: 80 } } },
      /listen\.address/,
    ],
  ];
  for (const [what, spec, says] of specs) {
    test(`a service is checked again by the server: ${what}`, async () => {
      const got = await api.ask('admin', 'PUT', '/services/shop', { body: { spec } });

      assert.equal(got.status, 400);
      assert.match(got.body.detail, says);
      assert.deepEqual(api.fake.calls, []);
    });
  }

  test('a body that is not JSON, empty, of another type or too large is refused', async () => {
    const cases: [Record<string, string>, Buffer, number, string][] = [
      [{ 'content-type': 'application/json' }, Buffer.from('{'), 400, 'REQUEST_INVALID'],
      [{ 'content-type': 'application/json' }, Buffer.alloc(0), 400, 'REQUEST_INVALID'],
      [{ 'content-type': 'text/html' }, Buffer.from('<p>'), 415, 'BODY_TYPE_UNKNOWN'],
      [{ 'content-type': 'application/json' }, Buffer.alloc(1_100_000, 32), 413, 'BODY_TOO_LARGE'],
    ];
    for (const [headers, bytes, status, code] of cases) {
      const got = await api.ask('admin', 'POST', '/services/shop/pause', { bytes, headers });
      assert.deepEqual([got.status, got.body.code], [status, code]);
    }
    assert.deepEqual(api.fake.calls, []);
  });

  test('logs come as a JSON object a line', async () => {
    api.fake.logLines.push({ replica: 0, releaseId: 'shop/v42', text: 'hello' });
    const got = await api.ask('viewer', 'GET', '/services/shop/logs?tail=10');

    assert.equal(got.headers['content-type'], 'application/x-ndjson; charset=utf-8');
    assert.equal(got.body, '{"schema":1,"replica":0,"releaseId":"shop/v42","text":"hello"}\n');
    assert.equal((await api.ask('viewer', 'GET', '/services/none/logs')).status, 404);
  });

  test('metrics are text for Prometheus', async () => {
    const got = await api.ask('viewer', 'GET', '/metrics');

    assert.equal(got.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(got.body, /^# TYPE bascule_up gauge/);
  });

  test('reading never acts', async () => {
    api.fake.show(IDLE);
    api.fake.rollout(ROLLED_BACK);
    for (const event of STORY) api.fake.record(event);
    for (const path of [
      '/info',
      '/services',
      '/services/shop',
      '/history',
      '/rollouts/r-0193/why',
      '/metrics',
    ]) {
      await api.ask('admin', 'GET', path);
    }

    assert.deepEqual(api.fake.calls, []);
  });
});
