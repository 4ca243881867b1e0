import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { Clock } from '../../lib/clock.ts';
import { systemClock } from '../../lib/clock.ts';
import { OperatingError } from '../../lib/errors.ts';
import { batch, fill, replica, sampleStoreConformance, T0 } from '../samples-conformance.ts';
import { openSqliteSamples, type SqliteSamples, type SqliteSamplesOptions } from './samples.ts';

const ROOT = join(import.meta.dirname, '../../..');
const SLOW = { timeout: 60_000 };
const FOREVER = { service: 'shop', fromSecond: 0, toSecond: 2_000_000_000 };

sampleStoreConformance('samples in SQLite', () => {
  const dir = mkdtempSync(join(tmpdir(), 'bascule-samples-'));
  return {
    open: () => openSqliteSamples(optionsOf(dir, {})),
    remove: () => rmSync(dir, { recursive: true }),
  };
});

describe('the file of samples', () => {
  test('everything is there again after closing and opening, cursors of silence included', async (t) => {
    const dir = newDir(t);
    const store = await openIn(t, dir);
    store.append(batch(T0, [replica(T0, 'blue', 0)], []));
    store.append(batch(T0 + 9, [], []));
    await store.close();

    const again = await openIn(t, dir);

    const { replicas, upToSecond } = await again.read(FOREVER);
    assert.deepEqual([replicas, upToSecond], [[replica(T0, 'blue', 0)], T0 + 9]);
    assert.equal(await again.cursor('shop'), `cursor-${T0 + 9}`);
    await again.close();
    assert.equal(statSync(join(dir, 'samples.db')).mode & 0o777, 0o600);
  });

  test('what was appended is written within a second or so, unasked', SLOW, async (t) => {
    const dir = newDir(t);
    const store = await openIn(t, dir);
    const log = join(dir, 'samples.db-wal');
    const sizeBefore = statSync(log).size;
    store.append(batch(T0, [replica(T0, 'blue', 0)], []));
    const startMs = performance.now();
    while (statSync(log).size === sizeBefore && performance.now() - startMs < 10_000) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }

    assert.notEqual(statSync(log).size, sizeBefore);
  });

  test('kill -9 leaves samples and cursor that fit together', SLOW, async (t) => {
    const dir = newDir(t);
    let former = 0;
    for (let round = 0; round < 3; round++) {
      const flushed = await sampleUntilKilled(dir, 1 + Math.floor(Math.random() * 60));

      const store = await openIn(t, dir);
      const cursor = Number(await store.cursor('shop'));
      const { replicas, upToSecond } = await store.read(FOREVER);
      await store.close();

      assert.ok(flushed > former && cursor >= flushed, `${flushed} flushed, cursor ${cursor}`);
      assert.equal(upToSecond, cursor);
      assert.equal(replicas.length, 2 * cursor);
      assert.ok(
        replicas.every((one, n) => one.second === 1 + Math.floor(n / 2) && one.attempts === one.second),
      );
      assert.deepEqual(inspect(dir, 'PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
      former = cursor;
    }
    t.diagnostic(`3 kills, ${former} seconds`);
  });

  const foreign: Readonly<Record<string, (file: string) => void>> = {
    'is no database': (file) => writeFileSync(file, 'not a database\n'.repeat(100)),
    "is another program's": (file) => alter(file, 'CREATE TABLE songs (title TEXT)'),
    'is from a newer Bascule': (file) =>
      alter(file, 'PRAGMA application_id = 1114861936; PRAGMA user_version = 9; CREATE TABLE t (a)'),
  };
  for (const [name, make] of Object.entries(foreign)) {
    test(`a file that ${name} is refused with what to do`, async (t) => {
      const dir = newDir(t);
      make(join(dir, 'samples.db'));

      await assert.rejects(openIn(t, dir), isCode('SAMPLES_UNREADABLE', /ove it away/));
    });
  }

  test('a file in use is refused', async (t) => {
    const dir = newDir(t);
    const store = await openIn(t, dir);

    await assert.rejects(openIn(t, dir), isCode('SAMPLES_UNREADABLE', /locked/));
    await store.close();
  });

  test('the byte cap also shrinks the file', async (t) => {
    const dir = newDir(t);
    const store = await openIn(t, dir);
    for (let n = 0; n < 10; n++) fill(store, `service-${n}`, 3600);
    await store.flush();
    const before = statSync(join(dir, 'samples.db')).size;
    await store.compact({
      secondsBefore: 0,
      minutesBefore: 0,
      maxBytes: 300_000,
      maxEvidenceBytes: 1e9,
      keep: [],
    });
    const after = statSync(join(dir, 'samples.db')).size;
    const { replicas } = await store.read({ ...FOREVER, service: 'service-7' });
    await store.close();

    assert.ok(before > 1_000_000, `${before} bytes before`);
    assert.ok(after <= 300_000, `${after} bytes after`);
    assert.equal(replicas.at(-1)?.second, T0 + 3599);
  });
});

describe('trouble with samples', () => {
  test(
    'a full disk is reported, reading goes on, and what waits is written once there is room',
    SLOW,
    async (t) => {
      const reports: string[] = [];
      const store = await openIn(t, newDir(t), {
        maxBytes: 100_000,
        report: (error) => reports.push(error.code),
      });
      fill(store, 'shop', 100);
      await store.flush();
      fill(store, 'cart', 3000);

      await assert.rejects(store.flush(), isCode('SAMPLES_FULL', /free some disk space/));
      assert.equal((await store.read(FOREVER)).replicas.length, 100);
      assert.deepEqual(reports, ['SAMPLES_FULL']);
      assert.equal(store.dropped(), 0);
      await assert.rejects(store.close(), isCode('SAMPLES_FULL', /./));
    },
  );

  test('after a compaction made room, a full store takes samples again', SLOW, async (t) => {
    const store = await openIn(t, newDir(t), { maxBytes: 150_000, report: () => {} });
    fill(store, 'shop', 2000);
    await store.flush();
    fill(store, 'cart', 2000);
    await assert.rejects(store.flush(), isCode('SAMPLES_FULL', /./));

    await store.compact({
      secondsBefore: T0 + 9000,
      minutesBefore: 0,
      maxBytes: 140_000,
      maxEvidenceBytes: 1e9,
      keep: [],
    });
    await store.flush();

    assert.equal((await store.read({ ...FOREVER, service: 'cart' })).replicas.length, 2000);
    await store.close();
  });

  test('when too much waits, the oldest is dropped and counted', async (t) => {
    const store = await openIn(t, newDir(t), { maxQueuedBytes: 10_000 });
    fill(store, 'shop', 1000);
    const { replicas } = await store.read(FOREVER);
    const cursor = await store.cursor('shop');
    await store.close();

    assert.ok(store.dropped() > 900, `${store.dropped()} dropped`);
    assert.equal(replicas.length + store.dropped(), 1000);
    assert.equal(replicas.at(-1)?.second, T0 + 999);
    assert.equal(cursor, `cursor-${T0 + 999}`);
  });
});

test('an idle hour costs no row, and a cursor every five minutes', async (t) => {
  const dir = newDir(t);
  let nowMs = 0;
  const store = await openIn(t, dir, {
    clock: { nowMs: () => nowMs, steadyMs: () => nowMs, monotonicMs: () => nowMs },
  });
  const log = join(dir, 'samples.db-wal');
  const writes: number[] = [];
  let logSize = statSync(log).size;
  for (let second = 1; second <= 3600; second++) {
    nowMs += 1000;
    store.append(batch(T0 + second, [], []));
    // Reading writes what is due at once; otherwise the writing would come a real second later.
    await store.cursor('shop');
    if (statSync(log).size !== logSize) writes.push(second);
    logSize = statSync(log).size;
  }
  await store.close();

  assert.equal(writes.length, 12);
  assert.deepEqual(inspect(dir, 'SELECT count(*) AS rows FROM seconds'), [{ rows: 0 }]);
  assert.deepEqual(inspect(dir, 'SELECT count(*) AS rows FROM minutes'), [{ rows: 0 }]);
  assert.deepEqual(inspect(dir, 'SELECT count(*) AS rows FROM services'), [{ rows: 1 }]);
});

test('the thread is also found from compiled JavaScript', SLOW, async (t) => {
  const dir = newDir(t);
  const run = promisify(execFile);
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const out = join(dir, 'dist');
  writeFileSync(join(dir, 'package.json'), '{"type": "module"}');
  writeFileSync(
    join(dir, 'tsconfig.json'),
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.build.json'),
      compilerOptions: {
        outDir: out,
        rootDir: join(ROOT, 'src'),
        typeRoots: [join(ROOT, 'node_modules/@types')],
      },
      include: [join(ROOT, 'src/journal/sqlite')],
      exclude: [join(ROOT, 'src/**/*.test.ts')],
    }),
  );
  await run(process.execPath, [tsc, '-p', dir]);
  const script = `
    const { openSqliteSamples } = await import(${JSON.stringify(join(out, 'journal/sqlite/samples.js'))});
    const clock = { nowMs: Date.now, monotonicMs: () => performance.now() };
    const report = (error) => { throw error; };
    const store = await openSqliteSamples({ dir: ${JSON.stringify(dir)}, maxBytes: null, maxQueuedBytes: 1e6, clock, report });
    store.append({ service: 'shop', cursor: 'c1', upToSecond: 1, replicas: [], identities: [] });
    console.log(await store.cursor('shop'));
    await store.close();`;

  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);

  assert.equal(stdout, 'c1\n');
});

type Change = {
  readonly maxBytes?: number;
  readonly maxQueuedBytes?: number;
  readonly clock?: Clock;
  readonly report?: (error: OperatingError) => void;
};

/** Closed with the test, however that ends: a thread that is left keeps the process alive. */
async function openIn(t: TestContext, dir: string, change: Change = {}): Promise<SqliteSamples> {
  const store = await openSqliteSamples(optionsOf(dir, change));
  t.after(() => store.close().catch(() => undefined));
  return store;
}

function optionsOf(dir: string, change: Change): SqliteSamplesOptions {
  return {
    dir,
    maxBytes: null,
    maxQueuedBytes: 64_000_000,
    clock: systemClock,
    report: (error) => {
      throw error;
    },
    ...change,
  };
}

/** Kills after so many flushes. Returns the last second that was flushed. */
async function sampleUntilKilled(dir: string, flushes: number): Promise<number> {
  const fixture = join(ROOT, 'test/fixtures/sampling-child.ts');
  const child = spawn(process.execPath, [fixture, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    if (output.split('\n').length > flushes) child.kill('SIGKILL');
  });
  await once(child, 'close');
  assert.equal(child.signalCode, 'SIGKILL');
  return Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1));
}

function isCode(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof OperatingError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

function inspect(dir: string, sql: string): unknown[] {
  const database = new DatabaseSync(join(dir, 'samples.db'));
  const rows = database.prepare(sql).all();
  database.close();
  return rows.map((row) => ({ ...row }));
}

function alter(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

function newDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'bascule-samples-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}
