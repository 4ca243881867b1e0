import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import events from 'node:events';
import { existsSync } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { systemClock } from '../../lib/clock.ts';
import type { Release } from '../../release/release.ts';
import type { ReleaseSpec } from '../../release/service.ts';
import { until } from '../conformance.ts';
import { hasEnvironment, listPids } from '../proc.ts';
import type { ReleaseStore } from '../store.ts';
import { DEFAULT_LIMITS, type StoreLimits } from './limits.ts';
import { releaseStore } from './release-store.ts';

type Entries = Parameters<ReturnType<typeof pack>['entry']>[0];

async function tar(...entries: readonly (readonly [Entries, string])[]): Promise<Buffer> {
  const packing = pack();
  for (const [header, content] of entries) packing.entry(header, content);
  packing.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packing) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const simple = tar([{ name: 'app.txt' }, 'hello'], [{ name: 'bin/run.sh', mode: 0o4755 }, '#!/bin/sh\n']);

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function* inPieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function openStore(
  t: TestContext,
  limits: Partial<StoreLimits> = {},
  allowedUsers: readonly string[] = [],
): Promise<{ store: ReleaseStore; stateDir: string; again: () => Promise<ReleaseStore> }> {
  const stateDir = await mkdtemp(join(tmpdir(), 'store-'));
  await chmod(stateDir, 0o711);
  t.after(() => rm(stateDir, { recursive: true, force: true }));
  const again = (): Promise<ReleaseStore> =>
    releaseStore({
      stateDir,
      limits: { ...DEFAULT_LIMITS, ...limits },
      allowedUsers,
      path: process.env['PATH']!,
      clock: systemClock,
    });
  return { store: await again(), stateDir, again };
}

function releaseOf(artifact: Uint8Array, spec: Partial<ReleaseSpec> = {}, label = 'v1'): Release {
  return {
    id: `shop/${label}`,
    service: 'shop',
    label,
    artifactDigest: digestOf(artifact),
    configDigest: 'c'.repeat(64),
    environmentDigest: 'e'.repeat(64),
    spec: {
      run: 'true',
      build: null,
      env: {},
      user: null,
      health: { path: '/', intervalMs: 1000, timeoutMs: 1000, rise: 3, fall: 3 },
      readyWithinMs: 1000,
      stopGraceMs: 1000,
      ...spec,
    },
    createdAtMs: 0,
    createdBy: 'test',
  };
}

function failsWith(code: string, message = /./): (error: Error & { code?: string }) => boolean {
  return (error) => {
    assert.equal(error.code, code, error.stack);
    assert.match(error.message, message);
    return true;
  };
}

test('an artifact is kept, unpacked once and found again by the next process', async (t) => {
  const { store, again } = await openStore(t);
  const artifact = await simple;
  await store.put(inPieces(artifact), digestOf(artifact));

  const directory = await store.prepare(releaseOf(artifact));

  assert.equal(await readFile(join(directory, 'app.txt'), 'utf8'), 'hello');
  assert.equal((await lstat(join(directory, 'bin/run.sh'))).mode & 0o7777, 0o755);
  await writeFile(join(directory, 'made-later'), '');
  assert.equal(await (await again()).prepare(releaseOf(artifact)), directory);
  assert.ok((await readdir(directory)).includes('made-later'), 'it was unpacked again');
});

test('a gzipped artifact is unpacked too, with links and long names', async (t) => {
  const { store } = await openStore(t);
  const long = `${'d'.repeat(120)}/${'f'.repeat(120)}.txt`;
  const artifact = gzipSync(
    await tar(
      [{ name: './', type: 'directory' }, ''],
      [{ name: long }, 'x'.repeat(100_000)],
      [{ name: 'to', type: 'symlink', linkname: long }, ''],
      [{ name: 'same', type: 'link', linkname: long }, ''],
      [{ name: 'empty', type: 'directory' }, ''],
    ),
  );
  await store.put(inPieces(artifact, 7), digestOf(artifact));

  const directory = await store.prepare(releaseOf(artifact));

  for (const name of [long, 'to', 'same']) {
    assert.equal((await readFile(join(directory, name), 'utf8')).length, 100_000);
  }
  assert.deepEqual(await readdir(join(directory, 'empty')), []);
});

test('nothing is kept of an artifact that is refused', async (t) => {
  const limits = { packedBytes: 200_000, unpackedBytes: 300_000, entries: 20 };
  const { store, stateDir } = await openStore(t, limits);
  const good = await simple;
  const bomb = gzipSync(await tar([{ name: 'zeros' }, '\0'.repeat(5_000_000)]));
  const many = await tar(...Array.from({ length: 21 }, (_, n) => [{ name: `f${n}` }, ''] as const));
  const evil = await tar([{ name: '../evil' }, 'x']);
  const cases: readonly (readonly [Uint8Array, string, string, RegExp])[] = [
    [good, 'f'.repeat(64), 'ARTIFACT_DIGEST_MISMATCH', /sha256 is/],
    [Buffer.alloc(200_001), '', 'ARTIFACT_TOO_LARGE', /200000 bytes/],
    [bomb, '', 'ARTIFACT_TOO_LARGE', /300000 bytes unpacked/],
    [many, '', 'ARTIFACT_TOO_LARGE', /20 entries/],
    [evil, '', 'ARTIFACT_UNSAFE', /\.\.\/evil/],
    [Buffer.from('no archive at all'.repeat(100)), '', 'ARTIFACT_UNSAFE', /cannot be read/],
    [good.subarray(0, 700), '', 'ARTIFACT_UNSAFE', /cannot be read/],
    [gzipSync(good).subarray(0, 60), '', 'ARTIFACT_UNSAFE', /cannot be read/],
  ];
  for (const [bytes, digest, code, message] of cases) {
    const announced = digest === '' ? digestOf(bytes) : digest;

    await assert.rejects(store.put(inPieces(bytes), announced), failsWith(code, message));
    assert.equal(await store.has(announced), false);
  }

  assert.deepEqual(await readdir(join(stateDir, 'artifacts')), []);
});

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(100);
  throw new Error('connection reset');
}

test('a broken transfer leaves nothing', async (t) => {
  const { store, stateDir } = await openStore(t);

  await assert.rejects(store.put(broken(), 'a'.repeat(64)), /connection reset/);

  assert.deepEqual(await readdir(join(stateDir, 'artifacts')), []);
});

test('parts of transfers that were killed go at the next opening', async (t) => {
  const { stateDir, again } = await openStore(t);
  await writeFile(join(stateDir, 'artifacts', 'old.part'), 'x');

  await again();

  assert.deepEqual(await readdir(join(stateDir, 'artifacts')), []);
});

test('a disk with less than the reserve is refused before anything is written', async (t) => {
  const { store, stateDir, again } = await openStore(t, { reserveBytes: Number.MAX_SAFE_INTEGER });
  const artifact = await simple;

  await assert.rejects(
    store.put(inPieces(artifact), digestOf(artifact)),
    failsWith('WORKLOAD_DISK_FULL', /MiB/),
  );

  assert.deepEqual(await readdir(join(stateDir, 'artifacts')), []);
  assert.ok((await (await again()).space()).freeBytes > 0);
});

test('preparing needs room for the unpacked files', async (t) => {
  const { stateDir, store } = await openStore(t);
  const artifact = await simple;
  await store.put(inPieces(artifact), digestOf(artifact));
  const limits = { ...DEFAULT_LIMITS, reserveBytes: Number.MAX_SAFE_INTEGER };
  const tight = await releaseStore({ stateDir, limits, allowedUsers: [], path: '', clock: systemClock });

  await assert.rejects(tight.prepare(releaseOf(artifact)), failsWith('WORKLOAD_DISK_FULL'));

  assert.deepEqual(await readdir(join(stateDir, 'releases/shop')).catch(() => []), []);
});

test('a release without its artifact says so', async (t) => {
  const { store } = await openStore(t);

  await assert.rejects(store.prepare(releaseOf(Buffer.from('x'))), failsWith('ARTIFACT_MISSING', /shop\/v1/));
});

test('build runs once in the final directory, with plain values and a clean environment', async (t) => {
  const { store } = await openStore(t);
  const artifact = await simple;
  await store.put(inPieces(artifact), digestOf(artifact));
  const release = releaseOf(artifact, {
    build:
      'echo "$PWD $FLAVOUR $BASCULE_SERVICE $BASCULE_VERSION [$SECRET] [$NODE_OPTIONS] [$PORT]" >> built',
    env: { FLAVOUR: { kind: 'plain', value: "o'range" }, SECRET: { kind: 'secret', from: 'env', name: 'X' } },
  });

  const [first, second] = await Promise.all([store.prepare(release), store.prepare(release)]);
  await store.prepare(release);

  assert.equal(first, second);
  assert.equal(await readFile(join(first, 'built'), 'utf8'), `${first} o'range shop v1 [] [] []\n`);
});

test('a build that fails says how, with its last lines, and leaves no directory', async (t) => {
  const { store, stateDir } = await openStore(t);
  const artifact = await simple;
  await store.put(inPieces(artifact), digestOf(artifact));
  const release = releaseOf(artifact, { build: 'seq 1 50; echo no compiler >&2; exit 3' });

  await assert.rejects(
    store.prepare(release),
    failsWith('BUILD_FAILED', /exit code 3[^]*\n50\nno compiler$/),
  );

  assert.deepEqual(await readdir(join(stateDir, 'releases/shop')), []);
  assert.match(await readFile(join(stateDir, 'builds/shop/v1.log'), 'utf8'), /^1\n2\n/);
});

test('a build that is not done in time is ended with all that it started', async (t) => {
  const { store } = await openStore(t, { buildMs: 300 });
  const artifact = await simple;
  await store.put(inPieces(artifact), digestOf(artifact));
  const release = releaseOf(artifact, { build: 'sleep 1000 & sleep 1000' }, `slow-${process.pid}`);

  await assert.rejects(store.prepare(release), failsWith('BUILD_FAILED', /not done after 0\.3s/));

  assert.deepEqual(
    listPids().filter((pid) => hasEnvironment(pid, { BASCULE_VERSION: release.label })),
    [],
  );
});

test('a directory without its marker is made anew', async (t) => {
  const { store, stateDir } = await openStore(t);
  const artifact = await simple;
  await store.put(inPieces(artifact), digestOf(artifact));
  await mkdir(join(stateDir, 'releases/shop/v1/files/half'), { recursive: true });

  const directory = await store.prepare(releaseOf(artifact));

  assert.deepEqual((await readdir(directory)).sort(), ['app.txt', 'bin']);
});

test('a build runs as the allowed user, who owns the files', async (t) => {
  if (process.geteuid!() !== 0) return t.skip('needs root, to become another user');
  const { store } = await openStore(t, {}, ['nobody']);
  const artifact = await simple;
  await store.put(inPieces(artifact), digestOf(artifact));
  const release = releaseOf(artifact, { user: 'nobody', build: 'id -un > who; cat app.txt >> who' });

  const directory = await store.prepare(release);

  assert.equal(await readFile(join(directory, 'who'), 'utf8'), 'nobody\nhello');
});

test('a user off the list, unknown, or root is refused', async (t) => {
  const { store } = await openStore(t, {}, ['root', 'no-such-user', '--help']);
  const artifact = await simple;
  await store.put(inPieces(artifact), digestOf(artifact));
  for (const [user, why] of [
    ['nobody', /not on the server's list/],
    ['root', /it is root/],
    ['no-such-user', /no such user/],
    ['--help', /no such user/],
  ] as const) {
    await assert.rejects(
      store.prepare(releaseOf(artifact, { user })),
      failsWith('WORKLOAD_USER_NOT_ALLOWED', why),
    );
  }
});

test('pruning takes exactly what is not kept', async (t) => {
  const { store, stateDir } = await openStore(t);
  const artifacts = await Promise.all(['1', '2', '3'].map((text) => tar([{ name: 'a' }, text])));
  const releases = artifacts.map((artifact, n) => releaseOf(artifact, {}, `release/v${n}`));
  for (const [n, artifact] of artifacts.entries()) {
    await store.put(inPieces(artifact), digestOf(artifact));
    await store.prepare(releases[n]!);
  }
  const old = new Date(Date.now() - 2 * DEFAULT_LIMITS.pruneAfterMs);
  for (const n of [0, 1]) await utimes(join(stateDir, 'artifacts', digestOf(artifacts[n]!)), old, old);
  await mkdir(join(stateDir, 'elsewhere/v9'), { recursive: true });
  await symlink(join(stateDir, 'elsewhere'), join(stateDir, 'releases/linked'));

  const gone = await store.prune([releases[0]!]);

  // The third artifact is young: its release may not be recorded yet.
  assert.deepEqual([...gone].sort(), [digestOf(artifacts[1]!), 'shop/release/v1', 'shop/release/v2'].sort());
  assert.deepEqual(await Promise.all(artifacts.map((artifact) => store.has(digestOf(artifact)))), [
    true,
    false,
    true,
  ]);
  assert.deepEqual(await readdir(join(stateDir, 'elsewhere')), ['v9']);
  assert.equal(await readFile(join(await store.prepare(releases[0]!), 'a'), 'utf8'), '1');
});

test('pruning leaves alone what is asked for while it goes on, however early or late', async (t) => {
  const { store } = await openStore(t);
  const artifact = await simple;
  await store.put(inPieces(artifact), digestOf(artifact));
  const releases = Array.from({ length: 12 }, (_, n) => releaseOf(artifact, {}, `v${n}`));
  for (const release of releases) await store.prepare(release);

  const pruning = store.prune([]);
  const asked: Promise<string>[] = [];
  for (const release of releases) {
    asked.push(store.prepare(release));
    await new Promise((resolve) => setImmediate(resolve));
  }

  await pruning;
  for (const directory of await Promise.all(asked))
    assert.equal(await readFile(join(directory, 'app.txt'), 'utf8'), 'hello');
});

test('pruning leaves alone what is being prepared', async (t) => {
  const { store } = await openStore(t, { pruneAfterMs: 0 });
  const artifact = await simple;
  await store.put(inPieces(artifact), digestOf(artifact));
  const preparing = store.prepare(releaseOf(artifact, { build: 'sleep 0.3; echo done > built' }));

  assert.deepEqual(await store.prune([]), []);

  assert.equal(await readFile(join(await preparing, 'built'), 'utf8'), 'done\n');
});

test(
  'a build that outlived a killed controller is ended, and the next one builds anew',
  { timeout: 30_000 },
  async (t) => {
    const { store, stateDir } = await openStore(t);
    const artifact = await simple;
    await store.put(inPieces(artifact), digestOf(artifact));
    const once = join(stateDir, 'once');
    const build = `if [ -e ${once} ]; then echo whole > built; else touch half ${once}; sleep 1000; fi`;
    const release = releaseOf(artifact, { build }, `killed-${process.pid}`);
    const builds = (): number[] =>
      listPids().filter((pid) => hasEnvironment(pid, { BASCULE_VERSION: release.label }));
    const builder = join(import.meta.dirname, 'fixtures/builder.ts');
    const controller = spawn(process.execPath, [builder, stateDir, JSON.stringify(release)], {
      stdio: 'inherit',
    });
    t.after(() => builds().forEach((pid) => process.kill(pid, 'SIGKILL')));
    await until(async () => existsSync(once));
    controller.kill('SIGKILL');
    await events.once(controller, 'exit');
    assert.ok(builds().length > 0, 'the build outlives its controller');

    const directory = await store.prepare(release);

    assert.deepEqual((await readdir(directory)).sort(), ['app.txt', 'bin', 'built']);
    assert.deepEqual(builds(), []);
  },
);

test('another release of the same label is made anew, also while the former one is being built', async (t) => {
  const { store } = await openStore(t);
  const [one, two] = [await tar([{ name: 'app.txt' }, 'one']), await tar([{ name: 'app.txt' }, 'two'])];
  for (const artifact of [one, two]) await store.put(inPieces(artifact), digestOf(artifact));

  const building = store.prepare(releaseOf(one, { build: 'sleep 0.3' }));
  const directory = await store.prepare(releaseOf(two));
  await building;

  assert.equal(await readFile(join(directory, 'app.txt'), 'utf8'), 'two');
  assert.equal(await readFile(join(await store.prepare(releaseOf(one)), 'app.txt'), 'utf8'), 'one');
});
