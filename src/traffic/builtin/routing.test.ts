import assert from 'node:assert/strict';
import { type TestContext, after, before, describe, test } from 'node:test';
import type { RequestMatch } from '../../release/request-match.ts';
import type { BuiltinProxy } from '../../release/service.ts';
import { type Stage, freePort, openStage, send, slotOf, splitTo } from '../conformance.ts';
import type { Door } from '../router.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';

const BETA: RequestMatch = { on: 'cookie', name: 'beta', value: { kind: 'is', text: 'always' } };
const STABLE = 'bascule_id=0123456789abcdef0123456789abcdef';

let bench: BuiltinBench;

before(async () => {
  bench = await openBuiltin(1);
});
after(async () => bench?.close());

type Place = { readonly port?: number; readonly path?: string; readonly trustForwarded?: boolean };

async function serve(
  t: TestContext,
  proxy: Partial<BuiltinProxy>,
  { port, path = '/', trustForwarded = false }: Place = {},
): Promise<Stage> {
  const stage = await openStage(bench.router, {}, null, { kind: 'builtin', ...proxy });
  t.after(stage.close);
  const listen = { ...stage.door.spec.listen, port: port ?? stage.port };
  const spec: Door['spec'] = { ...stage.door.spec, path, listen, trustForwarded };
  await bench.router.install({ ...stage.door, spec });
  await stage.route({ serve: 'blue' });
  return { ...stage, port: listen.port, door: { ...stage.door, spec } };
}

function answering({ applications }: Stage, path: string, headers: Record<string, string | string[]>): void {
  for (const each of applications.blue)
    each.on.set(path, (req, res) => {
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
      res.end(`${req.url} ${String(req.headers['x-forwarded-prefix'] ?? 'none')}`);
    });
}

async function slotFor(stage: Stage, path: string, headers: Record<string, string> = {}): Promise<string> {
  const { status, body } = await stage.get(path, headers);
  return status === 200 ? slotOf(body) : String(status);
}

describe('strip-path', () => {
  test('takes the path off, says so, and leaves what others say of one behind', async (t) => {
    const stage = await serve(t, { stripPath: true }, { path: '/shop' });
    for (const path of ['/', '/x', '/shop']) answering(stage, path, {});
    const spoofed = { 'x-forwarded-prefix': '/evil' };

    const answers = await Promise.all(
      ['/shop', '/shop?a=/', '/shop/', '/shop/x?q=%2F', '/shop/shop'].map((path) => stage.get(path, spoofed)),
    );

    assert.deepEqual(
      answers.map(({ body }) => body),
      ['/ /shop', '/?a=/ /shop', '/ /shop', '/x?q=%2F /shop', '/shop /shop'],
    );
    assert.equal((await stage.get('/shopping')).status, 404);
  });

  test('puts redirects and cookies below the path again, and leaves what stands there already', async (t) => {
    const stage = await serve(t, { stripPath: true }, { path: '/shop' });
    const host = `127.0.0.1:${stage.port}`;
    const located = async (location: string): Promise<string | undefined> => {
      answering(stage, '/to', { location });
      return (await stage.get('/shop/to', { host })).headers.location;
    };

    for (const [said, wanted] of [
      ['/', '/shop/'],
      ['/login?next=/', '/shop/login?next=/'],
      ['/shopping', '/shop/shopping'],
      ['/shop', '/shop'],
      ['/shop/login', '/shop/login'],
      ['login', 'login'],
      [`http://${host}/a`, `http://${host}/shop/a`],
      [`http://${host}`, `http://${host}/shop`],
      ['http://elsewhere.test/a', 'http://elsewhere.test/a'],
      ['//elsewhere.test/a', '//elsewhere.test/a'],
      ['/\\elsewhere.test', '/shop/\\elsewhere.test'],
    ] as const) {
      assert.equal(await located(said), wanted, said);
    }
    answering(stage, '/set', {
      'set-cookie': [
        'a=1; Path=/',
        'b=2; path=/cart; Secure',
        'c=3',
        '__Host-d=4; Path=/',
        'e=5; Path=/shop',
      ],
    });
    const { headers } = await stage.get('/shop/set', { cookie: STABLE });
    assert.deepEqual(headers['set-cookie'], [
      'a=1; Path=/shop',
      'b=2; path=/shop/cart; Secure',
      'c=3',
      '__Host-d=4; Path=/',
      'e=5; Path=/shop',
    ]);
  });

  test('behind a trusted proxy its prefix stands before ours', async (t) => {
    const stage = await serve(t, { stripPath: true }, { path: '/shop', trustForwarded: true });
    answering(stage, '/x', {});

    const bodies = ['/outer/', 'not a path'].map(
      async (prefix) => (await stage.get('/shop/x', { 'x-forwarded-prefix': prefix })).body,
    );

    assert.deepEqual(await Promise.all(bodies), ['/x /outer/shop', '/x /shop']);
  });

  test('without it the application is asked as the client asked', async (t) => {
    const stage = await serve(t, {}, { path: '/shop' });
    answering(stage, '/shop/x', { location: '/login' });

    const { body, headers } = await stage.get('/shop/x');

    assert.deepEqual([body, headers.location], ['/shop/x none', '/login']);
  });
});

describe('when', () => {
  test('the service with most conditions, all of which are met, has the request', async (t) => {
    const port = await freePort();
    const version: RequestMatch = { on: 'header', name: 'x-api', value: { kind: 'is', text: '2' } };
    const any = await serve(t, {}, { port });
    const two = await serve(t, { when: [version] }, { port });
    const both = await serve(t, { when: [version, BETA] }, { port });
    const preview = await serve(
      t,
      { when: [{ on: 'query', name: 'v', value: { kind: 'begins-with', text: 'next' } }] },
      { port },
    );
    for (const { door, applications } of [any, two, both, preview])
      for (const each of applications.blue) each.on.set('/', (_req, res) => res.end(door.service));
    const whose = async (path: string, headers: Record<string, string | string[]> = {}) =>
      (await send({ port, path, headers })).body;

    for (const [path, headers, wanted] of [
      ['/', {}, any],
      ['/', { 'x-api': '2' }, two],
      ['/', { 'X-API': ['1', '2'] }, two],
      ['/', { 'x-api': '20' }, any],
      ['/', { 'x-api': '2', cookie: 'a=1; beta=always' }, both],
      ['/', { 'x-api': '2', cookie: 'beta=alway' }, two],
      ['/', { 'x-api': '2', cookie: 'xbeta=always' }, two],
      ['/', { cookie: 'beta=always' }, any],
      ['/?a=1&v=next-3', {}, preview],
      ['/?v=prev', {}, any],
      ['/?xv=next', {}, any],
      ['/?q=v=next', {}, any],
    ] as const) {
      assert.equal(
        await whose(path, headers as Record<string, string>),
        wanted.door.service,
        `${path} ${JSON.stringify(headers)}`,
      );
    }
  });

  test('the same conditions at the same place belong to one service', async (t) => {
    const { door } = await serve(t, { when: [BETA] });

    await assert.rejects(bench.router.install({ ...door, service: 'second' }), {
      code: 'TRAFFIC_DOOR_TAKEN',
    });
  });
});

describe('candidate-for', () => {
  const CANDIDATE_FOR: readonly RequestMatch[] = [
    BETA,
    { on: 'header', name: 'x-beta', value: { kind: 'present' } },
    { on: 'query', name: 'beta', value: { kind: 'present' } },
  ];

  test('who meets one gets the candidate while it is offered, whatever the share, and is counted apart', async (t) => {
    const stage = await serve(t, { candidateFor: CANDIDATE_FOR });
    const { cursor } = await bench.router.traffic(stage.door.service, null);
    assert.equal(await slotFor(stage, '/', { cookie: 'beta=always' }), 'blue', 'nothing is offered');

    await stage.route({ serve: 'blue', matched: 'green', split: splitTo('green', 0.1) });

    assert.deepEqual(
      [
        await slotFor(stage, '/', { cookie: `${STABLE}; beta=always` }),
        await slotFor(stage, '/', { 'x-beta': 'whatever' }),
        await slotFor(stage, '/?beta'),
      ],
      ['green', 'green', 'green'],
    );
    const batch = await stage.batched(
      cursor,
      (seen) => (seen.overrides ?? []).length > 0 && seen.replicas.length > 0,
    );
    assert.ok(batch.overrides!.every(({ slot }) => slot === 'green'));
    assert.ok(batch.replicas.every(({ slot }) => slot === 'blue'));
    const { headers } = await stage.get('/', { 'x-beta': '1' });
    assert.equal(headers['set-cookie'], undefined);
  });

  test('where the candidate cannot serve, they are visitors like any other', async (t) => {
    const stage = await serve(t, { candidateFor: CANDIDATE_FOR });
    for (const each of stage.applications.green) each.healthy = false;

    await stage.route({ serve: 'blue', matched: 'green' });
    await stage.observed((seen) => seen.slots.green.replicas.every(({ healthy }) => !healthy));

    assert.equal(await slotFor(stage, '/', { 'x-beta': '1' }), 'blue');
  });
});
