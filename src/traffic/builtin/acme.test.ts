import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Stage, freePort, openStage, send } from '../conformance.ts';
import type { CertificateObservation, Door } from '../router.ts';
import { NO_PEBBLE, type Pebble, startPebble, writeOwn } from './acme/pebble-fixture.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';
import { secureSend, shake } from './tls-fixture.ts';

/** Several rounds between processes; only a failure waits so long. */
const PATIENCE_MS = 60_000;

function isThere({ problem }: CertificateObservation): boolean {
  return problem === null;
}

describe('certificates that the proxy asks for', { skip: NO_PEBBLE }, () => {
  let bench: BuiltinBench;
  let pebble: Pebble;
  let redirectFrom: number;
  let shop: Stage;
  let other: Stage;

  before(async () => {
    redirectFrom = await freePort();
    pebble = await startPebble(redirectFrom);
    bench = await openBuiltin(2);
    shop = await serve({ host: 'shop.test', others: ['www.shop.test'] });
    // Nobody listens there.
    other = await serve({ host: 'kept.test', directory: `https://127.0.0.1:${await freePort()}/dir` });
  });
  after(async () => {
    await shop?.close();
    await other?.close();
    await bench?.close();
    await pebble?.stop();
  });

  type Place = { readonly host: string; readonly others?: readonly string[]; readonly directory?: string };

  async function serve(place: Place): Promise<Stage> {
    const stage = await openStage(bench.router, {}, null);
    const door = doorAt(stage.door, place);
    await bench.router.install(door);
    await stage.route({ serve: 'blue' });
    return { ...stage, door };
  }

  function doorAt(door: Door, { host, others, directory = pebble.directory }: Place): Door {
    const acme = { email: 'ops@shop.test', directory, authority: pebble.authority };
    const redirectHosts = others === undefined ? {} : { redirectHosts: others };
    const proxy = { kind: 'builtin', acme, redirectFrom, ...redirectHosts } as const;
    return { ...door, spec: { ...door.spec, host, proxy } };
  }

  /** Of the only one, when it is as wanted. */
  async function certificate(
    { door }: Stage,
    is: (seen: CertificateObservation) => boolean,
  ): Promise<CertificateObservation> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const seen = (await bench.router.observe(door.service)).certificates![0]!;
      if (is(seen)) return seen;
      assert.ok(performance.now() < deadlineMs, JSON.stringify(seen));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  test('come through the door itself, for all of its names, and are served by every worker', async () => {
    const { names, isAskedFor } = await certificate(shop, isThere);

    assert.deepEqual([[...names].sort(), isAskedFor], [['shop.test', 'www.shop.test'], true]);
    const issuers = new Set<string>();
    for (let i = 0; i < 8; i += 1) {
      const socket = await shake(shop.port, { servername: 'www.shop.test' });
      issuers.add(String(socket.getPeerCertificate().issuer.CN));
      socket.destroy();
    }
    assert.equal(issuers.size, 1);
    assert.match([...issuers][0]!, /^Pebble Intermediate/);
    const answer = await secureSend(shop.port, { servername: 'shop.test', headers: { host: 'shop.test' } });
    assert.deepEqual([answer.status, answer.body.startsWith('blue')], [200, true]);
  });

  test('are in files that only the proxy can read, key and chain together', async () => {
    const { file } = await certificate(shop, isThere);

    const folder = join(bench.stateDir, 'acme');
    const names = readdirSync(folder).filter((name) => !name.endsWith('.tmp'));
    assert.deepEqual(
      names.map((name) => (statSync(join(folder, name)).mode & 0o777).toString(8)),
      names.map(() => '600'),
    );
    assert.ok(names.some((name) => name.startsWith('account.')));
    assert.match(readFileSync(file, 'latin1'), /BEGIN PRIVATE KEY[^]*BEGIN CERTIFICATE[^]*BEGIN CERTIFICATE/);
  });

  test('outlive the proxy, and are not asked for again', async () => {
    const { file } = await certificate(shop, isThere);
    const before = readFileSync(file, 'latin1');

    await bench.restart();

    await certificate(shop, isThere);
    (await shake(shop.port, { servername: 'shop.test' })).destroy();
    assert.equal(readFileSync(file, 'latin1'), before);
  });

  test('are renewed when it is time, while the one before serves', async () => {
    const { file } = await certificate(shop, isThere);
    writeOwn(file, ['another.test'], 30);
    await certificate(shop, ({ names }) => names.includes('another.test'));
    (await shake(shop.port, { servername: 'another.test' })).destroy();

    const seen = await certificate(shop, ({ names }) => names.includes('shop.test'));

    assert.equal(seen.problem, null);
  });

  test('an authority that gives none is told of with its reason, and what is in use stays', async () => {
    const { directory } = (other.door.spec.proxy as { acme: { directory: string } }).acme;
    const { file } = await certificate(other, ({ problem }) => problem?.includes(' gave none for ') === true);
    writeOwn(file, ['kept.test'], 30);
    await certificate(other, isThere);
    await bench.router.install(
      doorAt(other.door, { host: 'kept.test', others: ['www.kept.test'], directory }),
    );

    const seen = await certificate(other, ({ problem }) => problem?.includes(' gave none for ') === true);

    assert.match(
      seen.problem!,
      /gave none for kept\.test, www\.kept\.test \(it cannot be reached: connection refused\); it is asked again at \d{4}-/,
    );
    assert.deepEqual(seen.names, ['kept.test']);
    const socket = await shake(other.port, { servername: 'kept.test' });
    assert.equal(socket.getPeerCertificate().subjectaltname, 'DNS:kept.test');
    socket.destroy();
  });

  test('what no authority asks for is sent on to HTTPS as ever', async () => {
    for (const path of ['/', '/.well-known/acme-challenge/', '/.well-known/acme-challenge/unknown']) {
      const { status, headers } = await send({ port: redirectFrom, path, headers: { host: 'shop.test' } });
      assert.deepEqual([status, headers.location?.startsWith('https://shop.test')], [308, true], path);
    }
  });
});
