import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { OperatingError } from '../lib/errors.ts';
import { SPEC } from '../rollout/fixtures.ts';
import { testApi, type TestApi } from './api-fixture.ts';
import { IDLE, PROGRESSING, ROLLED_BACK, STORY } from './fake-views.ts';
import { allRoutes } from './all-routes.ts';

const BYTES = Buffer.from('an artifact');
const DIGEST = createHash('sha256').update(BYTES).digest('hex');

type Document = {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, z.core.JSONSchema.JSONSchema>> };
};

/** A check made from the document as it was served, so that what is published is what holds. */
function checkerFor(document: Document, name: string): z.ZodType {
  const text = JSON.stringify(document.components.schemas).replaceAll('#/components/schemas/', '#/$defs/');
  const $defs = JSON.parse(text) as Document['components']['schemas'];
  return z.fromJSONSchema({ ...$defs[name], $defs: { ...$defs } });
}

describe('openapi.json', () => {
  let api: TestApi;
  let document: Document;
  before(async () => {
    api = await testApi();
    document = (await api.ask('viewer', 'GET', '/openapi.json')).body;
    api.fake.artifacts.set(DIGEST, BYTES);
    api.fake.measureChecks = [{ measure: 'signups', source: 'prometheus', ok: true, says: 'v42: 12' }];
    for (const event of STORY) api.fake.record(event);
  });
  after(() => api.end());

  test('holds every route with its method, and nothing else', () => {
    const routes = allRoutes({ version: '0.1.0' });
    const expected = routes.map(
      (route) => `${route.method.toLowerCase()} /api/v1${route.path.replaceAll(/:(\w+)/g, '{$1}')}`,
    );
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );

    assert.equal(document.openapi, '3.1.1');
    assert.deepEqual(described.sort(), expected.sort());
    assert.ok(described.length >= 20, `${described.length} routes`);
  });

  test('points only to what it holds', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!);

    assert.ok(refs.length > 50);
    for (const ref of refs) {
      const name = ref.replace('#/components/schemas/', '');
      assert.ok(Object.hasOwn(document.components.schemas, name), ref);
    }
  });

  test('each operation has a name of its own', () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((operation) => operation.operationId),
    );

    assert.deepEqual(ids, [...new Set(ids)]);
  });

  test('real answers are as described, strictly', async () => {
    const deploy = { spec: SPEC, label: 'v43', artifactDigest: DIGEST };
    const asked: [string, string, unknown][] = [
      ['GET', '/info', undefined],
      ['GET', '/services', undefined],
      ['GET', '/services/shop', undefined],
      ['GET', '/services/shop/history', undefined],
      ['GET', '/services/shop/releases', undefined],
      ['GET', '/history', undefined],
      ['GET', '/rollouts/r-0193', undefined],
      ['GET', '/rollouts/r-0193/why', undefined],
      ['GET', '/rollouts/r-0193/judge?rules=recorded', undefined],
      ['GET', '/rollouts/r-0193/judge?set=error-rate%3D2pp', undefined],
      ['GET', '/services/shop/judge?from=0&to=9999999999999', undefined],
      ['POST', '/services/shop/plan', deploy],
      ['POST', '/services/shop/deploy', deploy],
      ['POST', '/services/shop/releases/v42/deploy', {}],
      ['PUT', '/services/shop', { spec: SPEC }],
      ['POST', '/services/shop/pause', undefined],
      ['POST', '/services/shop/resume', undefined],
      ['POST', '/services/shop/promote', {}],
      ['POST', '/services/shop/weight', { percent: 10 }],
      ['POST', '/services/shop/abort', {}],
      ['POST', '/services/shop/rollback', {}],
      ['POST', '/services/shop/measures', { version: 'v43', measures: { signups: 3 } }],
      ['POST', '/services/shop/measures/check', { spec: SPEC }],
      ['POST', '/rollouts/r-0193/retry', undefined],
      ['DELETE', '/services/shop', undefined],
    ];
    const seen = new Set<string>();
    for (const view of [{ ...IDLE, last: ROLLED_BACK }, IDLE, PROGRESSING]) {
      for (const [method, path, body] of asked) {
        api.fake.show(view);
        const got = await api.ask('admin', method, path, { body });
        const route = allRoutes({ version: '' }).find(
          (one) =>
            one.method === method &&
            new RegExp(`^${one.path.replaceAll(/:\w+/g, '[^/]+')}$`).test(path.split('?')[0]!),
        );
        assert.ok(route !== undefined && route.answer instanceof z.ZodType, path);
        const answer = got.status === 200 ? route.answer : null;
        if (answer === null) continue;
        const strict = answer.safeParse(got.body);
        assert.ok(strict.success, `${method} ${path}: ${strict.error?.message}`);
        const name = String(answer.meta()?.id);
        const published = checkerFor(document, name).safeParse(got.body);
        assert.ok(published.success, `${name} as published: ${published.error?.message}`);
        seen.add(`${method} ${path}`);
      }
    }
    assert.equal(seen.size, asked.length);
  });

  test('the published check is able to fail', () => {
    const checker = checkerFor(document, 'ServiceAnswer');

    assert.ok(checker.safeParse({ schema: 1, service: IDLE }).success);
    assert.ok(!checker.safeParse({ schema: 1, service: { ...IDLE, users: 7 } }).success);
    assert.ok(!checker.safeParse({ schema: 2, service: IDLE }).success);
  });

  test('problems are as described', async () => {
    api.fake.refusal = new OperatingError('ROLLOUT_UNDER_WAY', 'no', { retryable: false });
    const { body } = await api.ask('admin', 'POST', '/services/shop/pause');

    assert.ok(checkerFor(document, 'Problem').safeParse(body).success);
  });

  test('a body with a key too many is refused by the published schema as by the server', () => {
    const checker = checkerFor(document, 'WeightBody');

    assert.ok(checker.safeParse({ percent: 10 }).success);
    assert.ok(!checker.safeParse({ percent: 10, more: 1 }).success);
  });
});
