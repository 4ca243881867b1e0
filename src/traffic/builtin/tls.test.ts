import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { TlsFiles } from '../../release/service.ts';
import { type Stage, freePort, openStage, send, waitFor } from '../conformance.ts';
import type { Door } from '../router.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';
import { makeCertificate, secureSend, shake } from './tls-fixture.ts';

describe('HTTPS from files', () => {
  let bench: BuiltinBench;
  let folder: string;
  let shop: TlsFiles;
  let wild: TlsFiles;
  let stage: Stage;
  let redirectFrom: number;

  before(async () => {
    bench = await openBuiltin(2);
    folder = mkdtempSync(join(tmpdir(), 'bascule-tls-'));
    shop = makeCertificate(folder, 'shop', ['shop.test', '127.0.0.1']);
    wild = makeCertificate(folder, 'wild', ['*.wild.test']);
    redirectFrom = await freePort();
    stage = await openStage(bench.router, {}, undefined, {
      kind: 'builtin',
      tls: [shop, wild],
      redirectFrom,
    });
    await stage.route({ serve: 'blue' });
    for (const application of stage.applications.blue)
      application.on.set('/reflect', (req, res) => res.end(JSON.stringify(req.headers)));
  });
  after(async () => {
    await stage.close();
    await bench.close();
    rmSync(folder, { recursive: true });
  });

  /** Whom the certificate that is shown for this name is for. */
  async function shown(servername: string, port = stage.port): Promise<string> {
    const socket = await shake(port, { servername });
    const { subjectaltname, serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return `${subjectaltname} ${serialNumber}`;
  }

  function withProxy(proxy: Door['spec']['proxy'], more: Partial<Door> = {}): Door {
    return { ...stage.door, ...more, spec: { ...stage.door.spec, proxy } };
  }

  test('a request is served, and the application learns that it came over https', async () => {
    const answer = await secureSend(stage.port, { path: '/reflect', headers: { host: 'shop.test' } });
    const headers = JSON.parse(answer.body) as Record<string, string>;

    assert.equal(answer.status, 200);
    assert.equal(headers['x-forwarded-proto'], 'https');
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.match(String(answer.headers['set-cookie']), /; Secure$/);
  });

  test('the certificate goes by the name: exact, wildcard for one label, else the first', async () => {
    assert.match(await shown('shop.test'), /DNS:shop\.test/);
    assert.match(await shown('SHOP.test'), /DNS:shop\.test/);
    assert.match(await shown('a.wild.test'), /DNS:\*\.wild\.test/);
    assert.match(await shown('a.b.wild.test'), /DNS:shop\.test/);
    assert.match(await shown('wild.test'), /DNS:shop\.test/);
    assert.match(await shown(''), /DNS:shop\.test/);
  });

  test('TLS 1.2 and 1.3 are spoken, 1.1 and ciphers without forward secrecy are not', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await shake(stage.port, { minVersion: version, maxVersion: version });
      assert.equal(socket.getProtocol(), version);
      socket.destroy();
    }
    await assert.rejects(
      shake(stage.port, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }),
    );
    await assert.rejects(shake(stage.port, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' }));
  });

  test('a session is resumed, by whichever worker', async () => {
    const first = await shake(stage.port, { maxVersion: 'TLSv1.2' });
    const session = first.getSession()!;
    first.destroy();

    const resumed = [];
    for (let i = 0; i < 8; i += 1) {
      const socket = await shake(stage.port, { maxVersion: 'TLSv1.2', session });
      resumed.push(socket.isSessionReused());
      socket.destroy();
    }

    assert.ok(resumed.every(Boolean), String(resumed));
  });

  test('plain HTTP on the redirect port is sent on, query, method and all', async () => {
    const answer = await send({
      port: redirectFrom,
      method: 'POST',
      path: '/cart?a=%20b',
      headers: { host: 'Shop.Test:81' },
    });

    assert.equal(answer.status, 308);
    assert.equal(answer.headers.location, `https://shop.test:${stage.port}/cart?a=%20b`);
  });

  test('plain HTTP on the port of HTTPS gets nothing, and the port goes on', async () => {
    await assert.rejects(send({ port: stage.port, path: '/' }));

    assert.equal((await secureSend(stage.port)).status, 200);
  });

  test('an absolute target must be https', async () => {
    for (const [scheme, status] of [
      ['https', 200],
      ['http', 400],
    ] as const) {
      const path = `${scheme}://shop.test/x`;
      assert.equal((await secureSend(stage.port, { path, headers: { host: 'shop.test' } })).status, status);
    }
  });

  test('new files are shown to who comes next, and connections that stand are not touched', async () => {
    const files = makeCertificate(folder, 'renewed', ['renewed.test']);
    const renewed = await openStage(bench.router, {}, undefined, { kind: 'builtin', tls: [files] });
    await renewed.route({ serve: 'blue' });
    const before = await shown('renewed.test', renewed.port);
    const standing = await shake(renewed.port, { servername: 'renewed.test' });
    const agent = new Agent({ keepAlive: true });

    makeCertificate(folder, 'renewed', ['renewed.test']);
    // Every worker shows it: twenty handshakes in a row.
    await waitFor(
      async () => Promise.all(Array.from({ length: 20 }, () => shown('renewed.test', renewed.port))),
      (seen) => seen.every((each) => each !== before),
    );
    standing.write('GET / HTTP/1.1\r\nHost: renewed.test\r\nConnection: close\r\n\r\n');
    const [head] = (await once(standing, 'data')) as [Buffer];

    assert.match(head.toString(), /^HTTP\/1\.1 200 /);
    agent.destroy();
    await renewed.close();
  });

  test('broken files leave the former in use, and are told until they are mended', async () => {
    const files = makeCertificate(folder, 'broken', ['broken.test']);
    const broken = await openStage(bench.router, {}, undefined, { kind: 'builtin', tls: [files] });
    await broken.route({ serve: 'blue' });
    const before = await shown('broken.test', broken.port);

    copyFileSync(shop.key, files.key);
    const [told] = (await broken.observed((seen) => seen.certificates?.[0]?.problem !== null)).certificates!;
    assert.match(told!.problem!, /broken\.key does not belong to .*broken\.pem/);
    assert.deepEqual(told!.names, ['broken.test']);
    assert.equal(await shown('broken.test', broken.port), before);
    assert.equal((await secureSend(broken.port)).status, 200);
    await bench.router.install({ ...broken.door, spec: { ...broken.door.spec, drainMs: 1234 } });

    makeCertificate(folder, 'broken', ['broken.test', 'also.test']);
    const mended = await broken.observed((seen) => seen.certificates?.[0]?.problem === null);
    assert.deepEqual(mended.certificates![0]!.names, ['broken.test', 'also.test']);
    await broken.close();
  });

  test('a door with unusable files is refused with the reason, and what served still serves', async () => {
    const bad = join(folder, 'bad.pem');
    writeFileSync(bad, 'not a certificate');
    const refusals: readonly (readonly [TlsFiles, RegExp])[] = [
      [{ ...shop, certificate: join(folder, 'absent.pem') }, /absent\.pem cannot be read .*no such file/],
      [{ ...shop, certificate: bad }, /bad\.pem holds no certificate/],
      [{ ...shop, key: folder }, /cannot be read/],
      [{ ...shop, key: bad }, /bad\.pem holds no private key/],
      [{ ...shop, key: wild.key }, /wild\.key does not belong to .*shop\.pem/],
    ];
    for (const [files, message] of refusals) {
      await assert.rejects(bench.router.install(withProxy({ kind: 'builtin', tls: [shop, files] })), {
        code: 'TRAFFIC_CERTIFICATE_UNUSABLE',
        message,
      });
    }
    assert.equal((await secureSend(stage.port)).status, 200);
  });

  test('services share a listener, each with its own certificate; one without TLS is refused', async () => {
    const files = makeCertificate(folder, 'other', ['other.test']);
    const other = withProxy({ kind: 'builtin', tls: [files] }, { service: 'other' });
    const door = { ...other, spec: { ...other.spec, host: 'other.test' } };
    await bench.router.install(door);
    assert.match(await shown('other.test'), /DNS:other\.test/);
    assert.match(await shown('shop.test'), /DNS:shop\.test/);

    const plain = {
      ...door,
      service: 'plain',
      spec: { ...door.spec, host: 'plain.test', proxy: { kind: 'builtin' as const } },
    };
    await assert.rejects(bench.router.install(plain), {
      code: 'TRAFFIC_DOOR_UNFIT',
      message: /all TLS or none/,
    });
    const onRedirect = {
      ...plain,
      spec: { ...plain.spec, listen: { ...plain.spec.listen, port: redirectFrom } },
    };
    await assert.rejects(bench.router.install(onRedirect), {
      code: 'TRAFFIC_DOOR_UNFIT',
      message: /redirects to/,
    });

    await bench.router.remove('other');
    assert.match(await shown('other.test'), /DNS:shop\.test/);
  });

  test('a door changes to TLS and back on its port, and no caller is refused', async () => {
    const changing = await openStage(bench.router, {});
    await changing.route({ serve: 'blue' });
    let refused = 0;
    const over = new AbortController();
    const callers = (async () => {
      while (!over.signal.aborted) {
        const plain = await send({ port: changing.port, path: '/' }).catch(
          (error: NodeJS.ErrnoException) => error,
        );
        if (plain instanceof Error && plain.code === 'ECONNREFUSED') refused += 1;
      }
    })();

    for (let i = 0; i < 5; i += 1) {
      await bench.router.install({
        ...changing.door,
        spec: { ...changing.door.spec, proxy: { kind: 'builtin', tls: [shop] } },
      });
      assert.equal((await secureSend(changing.port)).status, 200);
      await bench.router.install(changing.door);
      assert.equal((await send({ port: changing.port, path: '/' })).status, 200);
    }
    over.abort();
    await callers;

    assert.equal(refused, 0);
    await changing.close();
  });

  test('after a restart of the proxy it is there again, and files that are gone keep nobody else from being served', async () => {
    const files = makeCertificate(folder, 'gone', ['gone.test']);
    const gone = await openStage(bench.router, {}, undefined, { kind: 'builtin', tls: [files] });
    await gone.route({ serve: 'blue' });
    renameSync(files.key, `${files.key}.away`);

    await bench.restart();

    await waitFor(
      () => secureSend(stage.port).catch(() => null),
      (answer) => answer?.status === 200,
    );
    await assert.rejects(secureSend(gone.port));
    const [told] = (await gone.observed((seen) => seen.certificates !== undefined)).certificates!;
    assert.match(told!.problem!, /gone\.key cannot be read/);
    renameSync(`${files.key}.away`, files.key);
    await waitFor(
      () => secureSend(gone.port).catch(() => null),
      (answer) => answer?.status === 200,
    );
    await gone.close();
  });
});
