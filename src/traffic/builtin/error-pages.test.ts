import assert from 'node:assert/strict';
import { type TestContext, after, before, describe, test } from 'node:test';
import { type Stage, openStage, send } from '../conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';

const BROWSER = { accept: 'text/html,*/*;q=0.8' };
const PAGES = {
  503: { html: '<p>Wir sind gleich zurück ${text}', json: '{"busy":true}' },
  default: { html: '<p>sorry', txt: 'sorry\n' },
};

describe('pages of one’s own in the built-in proxy', () => {
  let bench: BuiltinBench;

  before(async () => {
    bench = await openBuiltin();
  });
  after(async () => bench.close());

  async function setUp(t: TestContext): Promise<Stage> {
    const stage = await openStage(bench.router, { errorPages: PAGES }, undefined, {
      kind: 'builtin',
      deny: ['10.0.0.0/8'],
    });
    t.after(stage.close);
    return stage;
  }

  test('they stand in for what the proxy says by itself, as they are, and are not stored', async (t) => {
    const { port } = await setUp(t);

    const page = await send({ port, path: '/', headers: BROWSER });
    const forPrograms = await send({ port, path: '/', headers: { accept: '*/*' } });

    assert.equal(page.status, 503);
    assert.equal(Buffer.from(page.body, 'latin1').toString().includes('${text}'), true);
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(page.headers['cache-control'], 'no-store');
    assert.match(String(page.headers['retry-after']), /^\d+$/);
    assert.equal(forPrograms.body, '{"busy":true}');
    assert.equal(forPrograms.headers['content-type'], 'application/json');
  });

  test('a status without one gets the default, whoever says it', async (t) => {
    const stage = await setUp(t);
    await bench.router.install({
      ...stage.door,
      spec: { ...stage.door.spec, maxBodyBytes: 10, trustForwarded: true },
    });
    await stage.route({ serve: 'blue' });
    for (const each of stage.applications.blue) each.on.set('/cut', (req) => req.socket.destroy());
    const { port } = stage;

    const large = await send({
      port,
      path: '/',
      method: 'POST',
      headers: { ...BROWSER, 'content-length': '11' },
      body: '0123456789a',
    });
    const denied = await send({ port, path: '/', headers: { ...BROWSER, 'x-forwarded-for': '10.1.1.1' } });
    const broken = await send({ port, path: '/cut' });

    assert.deepEqual([large.status, large.body], [413, '<p>sorry']);
    assert.deepEqual([denied.status, denied.body], [403, '<p>sorry']);
    assert.deepEqual([broken.status, broken.body], [502, 'sorry\n']);
  });

  test('what the application says stays its own', async (t) => {
    const stage = await setUp(t);
    await stage.route({ serve: 'blue' });
    for (const each of stage.applications.blue)
      each.on.set('/bad', (_req, res) => res.writeHead(503).end('mine'));

    assert.equal((await send({ port: stage.port, path: '/bad', headers: BROWSER })).body, 'mine');
  });

  test('HEAD gets the head of the page', async (t) => {
    const { port } = await setUp(t);

    const answer = await send({ port, path: '/', method: 'HEAD', headers: { accept: 'application/json' } });

    assert.deepEqual([answer.status, answer.body, answer.headers['content-length']], [503, '', '13']);
  });

  test('they are there after a restart of the proxy, and gone with the door that has none', async (t) => {
    const stage = await setUp(t);

    await bench.restart();
    await bench.router.observe(stage.door.service);

    assert.equal((await send({ port: stage.port, path: '/' })).body, '{"busy":true}');
    const { errorPages: _, ...without } = stage.door;
    await bench.router.install(without);
    assert.match((await send({ port: stage.port, path: '/' })).body, /^503 not in service yet/);
  });
});
