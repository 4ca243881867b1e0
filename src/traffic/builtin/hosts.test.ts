import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, after, before, describe, test } from 'node:test';
import type { BuiltinProxy } from '../../release/service.ts';
import { type Stage, freePort, openStage, send } from '../conformance.ts';
import type { Door } from '../router.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';
import { makeCertificate, secureSend } from './tls-fixture.ts';

type Place = { readonly host: string | null; readonly path?: string; readonly port: number };

function asker(port: number): (host: string, path?: string) => Promise<string | number> {
  return async (host, path = '/') => {
    const { status, body } = await send({ port, path, headers: { host } });
    return status === 200 ? body : status;
  };
}

function name({ door }: Stage): string {
  return door.service;
}

describe('hosts of the built-in proxy', () => {
  let bench: BuiltinBench;

  before(async () => {
    bench = await openBuiltin();
  });
  after(async () => bench.close());

  /** A service whose applications answer with its name. */
  async function serve(t: TestContext, { host, path = '/', port }: Place, proxy: Partial<BuiltinProxy> = {}) {
    const stage = await openStage(bench.router, {}, null, { kind: 'builtin', ...proxy });
    const { address } = stage.door.spec.listen;
    const spec: Door['spec'] = { ...stage.door.spec, host, path, listen: { address, port } };
    await bench.router.install({ ...stage.door, spec });
    t.after(stage.close);
    await stage.route({ serve: 'blue' });
    for (const each of stage.applications.blue)
      for (const known of ['/', '/app', '/app/x', '/other'])
        each.on.set(known, (_req, res) => res.end(stage.door.service));
    return { ...stage, door: { ...stage.door, spec } };
  }

  test('exact goes before wildcard, that before any, and the longest path within each', async (t) => {
    const port = await freePort();
    const exact = name(await serve(t, { host: 'shop.example.test', path: '/app', port }));
    const wild = name(await serve(t, { host: '*.example.test', port }));
    const wildApp = name(await serve(t, { host: '*.example.test', path: '/app', port }));
    const any = name(await serve(t, { host: null, port }));
    const ask = asker(port);

    for (const [host, path, whose] of [
      ['shop.example.test', '/app/x', exact],
      ['shop.example.test', '/other', wild],
      ['SHOP.Example.Test.', '/app', exact],
      ['cart.example.test', '/app', wildApp],
      ['cart.example.test:8080', '/', wild],
      ['a.b.example.test', '/', any],
      ['example.test', '/', any],
      ['.example.test', '/', any],
      ['xexample.test', '/', any],
      ['[::1]', '/', any],
      ['127.0.0.1', '/', any],
    ] as const) {
      assert.equal(await ask(host, path), whose, `${host}${path}`);
    }
  });

  test('without a service for any host, what no wildcard covers is 404, and the same wildcard twice is refused', async (t) => {
    const port = await freePort();
    const { door } = await serve(t, { host: '*.example.test', port });
    const ask = asker(port);

    assert.deepEqual(
      await Promise.all(
        ['a.example.test', 'example.test', 'a.b.example.test', 'test'].map((each) => ask(each)),
      ),
      [door.service, 404, 404, 404],
    );
    await assert.rejects(bench.router.install({ ...door, service: 'second' }), {
      code: 'TRAFFIC_DOOR_TAKEN',
    });
  });

  test('other names are sent on with method, path, query and port, and reach nobody', async (t) => {
    const port = await freePort();
    const proxy = { redirectHosts: ['www.shop.test', 'old.test'] };
    const { applications, door } = await serve(t, { host: 'shop.test', path: '/app', port }, proxy);
    const ask = (host: string, path: string, headers: Record<string, string> = {}) =>
      send({ port, path, method: 'POST', body: 'x', headers: { host, ...headers } });

    const moved = await ask('WWW.shop.test:8443', '/app/x?a=%20b&c');
    const plain = await ask('old.test', '/app');
    const elsewhere = await ask('old.test', '/appointment');
    const untrusted = await ask('old.test', '/app', { 'x-forwarded-proto': 'https' });
    assert.deepEqual(
      [moved, plain, untrusted].map(({ status, headers }) => [status, headers.location]),
      [
        [308, 'http://shop.test:8443/app/x?a=%20b&c'],
        [308, 'http://shop.test/app'],
        [308, 'http://shop.test/app'],
      ],
    );
    assert.equal(elsewhere.status, 404);
    assert.deepEqual(
      applications.blue.flatMap((each) => each.asked),
      [],
    );

    await bench.router.install({ ...door, spec: { ...door.spec, trustForwarded: true } });
    const trusted = await ask('old.test', '/app', { 'x-forwarded-proto': 'https' });
    assert.equal(trusted.headers.location, 'https://shop.test/app');
    const other = {
      ...door,
      service: 'other',
      spec: { ...door.spec, host: 'old.test', proxy: { kind: 'builtin' as const } },
    };
    await assert.rejects(bench.router.install(other), {
      code: 'TRAFFIC_DOOR_TAKEN',
      message: /old\.test\/app on/,
    });
  });

  test('from the port for plain HTTP other names lead to https and the own name at once', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'bascule-hosts-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const [port, redirectFrom] = [await freePort(), await freePort()];
    const tls = [makeCertificate(folder, 'shop', ['shop.test', 'www.shop.test'])];
    await serve(t, { host: 'shop.test', port }, { tls, redirectFrom, redirectHosts: ['www.shop.test'] });

    const first = await send({ port: redirectFrom, path: '/a', headers: { host: 'www.shop.test' } });
    const second = await secureSend(port, { path: '/a', headers: { host: `www.shop.test:${port}` } });

    assert.equal(first.headers.location, `https://shop.test:${port}/a`);
    assert.deepEqual([second.status, second.headers.location], [308, `https://shop.test:${port}/a`]);
  });
});
