import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import type { SlotName } from '../../release/slot.ts';
import type { ReplicaSecond } from '../counts.ts';
import { CLASS, type ClassIndex } from '../tally.ts';
import { AccessLog, type AccessLogOptions } from './access-log.ts';
import type { LogRecord } from './record.ts';

const START = 1_700_000_000;

type Bench = {
  readonly path: string;
  /** In seconds after START. */
  now: number;
  /** How far the wall clock is ahead. */
  aheadMs: number;
  readonly open: (change?: Partial<AccessLogOptions>) => AccessLog;
  readonly reopened: () => number;
};

function bench(t?: TestContext): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-log-'));
  t?.after(() => rmSync(directory, { recursive: true }));
  let opened = 0;
  let reopened = 0;
  const path = join(directory, 'shop.log');
  writeFileSync(path, '');
  const self: Bench = {
    path,
    now: 100,
    aheadMs: 0,
    reopened: () => reopened,
    open: (change = {}) => {
      opened += 1;
      return new AccessLog({
        path,
        maxBytes: 1e9,
        parse,
        epoch: opened.toString(16),
        closeAfterMs: 1500,
        nowMs: () => (START + self.now) * 1000,
        wallMs: () => (START + self.now) * 1000 + self.aheadMs,
        reopen: async () => {
          reopened += 1;
          writeFileSync(path, '');
        },
        ...change,
      });
    },
  };
  return self;
}

/** `ok 12 blue 0 7 user`: class, second, slot, replica, latency, identity. */
function parse(line: string): LogRecord | null {
  const found = /^(\w+) (-?\d+) (blue|green) (\d+) (\d+) ?(\S*)$/.exec(line);
  if (found === null) return null;
  const classIndex: ClassIndex = CLASS[found[1] as keyof typeof CLASS];
  const attempt = {
    slot: found[3] as SlotName,
    replica: Number(found[4]),
    classIndex,
    latencyMs: Number(found[5]),
  };
  return {
    second: START + Number(found[2]),
    attempts: [attempt],
    identity: found[6] || null,
    isPreview: false,
  };
}

function ok(second: number, count = 1): string {
  return `ok ${second} blue 0 7\n`.repeat(count);
}

/** Calls until nothing new comes; counts per second. */
function drain(
  log: AccessLog,
  cursor: string,
): { readonly counts: Map<number, number>; readonly cursor: string } {
  const counts = new Map<number, number>();
  for (let at = cursor; ;) {
    const batch = log.batch(at);
    tell(counts, batch.replicas);
    if (batch.cursor === at) return { counts, cursor: at };
    at = batch.cursor;
  }
}

function tell(counts: Map<number, number>, replicas: readonly ReplicaSecond[]): void {
  for (const { second, attempts } of replicas)
    counts.set(second - START, (counts.get(second - START) ?? 0) + attempts);
}

test('a second is not delivered before it is over and the proxy has flushed', (t) => {
  const it = bench(t);
  const log = it.open();
  const { cursor } = log.batch(null);
  appendFileSync(it.path, ok(100, 2));

  it.now = 102.4;
  assert.deepEqual(log.batch(cursor).replicas, []);
  it.now = 102.6;
  assert.equal(log.batch(cursor).replicas[0]!.attempts, 2);
});

test('a second is delivered whole, whenever its lines came', (t) => {
  const it = bench(t);
  const log = it.open();
  const { cursor } = log.batch(null);
  appendFileSync(it.path, ok(100, 2));
  log.batch(cursor);
  it.now = 101.4;
  appendFileSync(it.path, ok(101) + ok(100));
  log.batch(cursor);
  it.now = 103.6;

  const batch = log.batch(cursor);

  assert.equal(batch.upToSecond, START + 101);
  assert.deepEqual(
    batch.replicas.map(({ second, attempts }) => [second - START, attempts]),
    [
      [100, 3],
      [101, 1],
    ],
  );
});

test('what comes too late is counted in the oldest open second', (t) => {
  const it = bench(t);
  const log = it.open();
  const first = log.batch(null);
  it.now = 110;
  const second = log.batch(first.cursor);
  appendFileSync(it.path, ok(101));
  it.now = 120;

  const late = log.batch(second.cursor);

  assert.deepEqual(
    late.replicas.map((each) => each.second),
    [second.upToSecond + 1],
  );
});

test('asking again brings the same; another reader goes on where the cursor says', (t) => {
  const it = bench(t);
  const log = it.open();
  const { cursor } = log.batch(null);
  appendFileSync(it.path, ok(100, 3) + ok(101, 2) + ok(102));
  it.now = 103.6;
  const once = log.batch(cursor);

  assert.deepEqual(log.batch(cursor), once);
  it.now = 105.6;
  const other = it.open();
  assert.deepEqual(drain(other, once.cursor).counts, new Map([[102, 1]]));
  assert.deepEqual(
    drain(it.open(), cursor).counts,
    new Map([
      [100, 3],
      [101, 2],
      [102, 1],
    ]),
  );
});

test('a line that is being written is read when it is whole, and garbage is counted', (t) => {
  const it = bench(t);
  const log = it.open();
  const { cursor } = log.batch(null);
  appendFileSync(it.path, `what is this\n${'x'.repeat(70_000)}\nok 100 bl`);
  log.batch(cursor);
  appendFileSync(it.path, 'ue 0 7\n');
  it.now = 103;

  assert.deepEqual(drain(log, cursor).counts, new Map([[100, 1]]));
  assert.equal(log.garbage, 2);
});

test('a file that is too large is put aside, read to its end and deleted', (t) => {
  const it = bench(t);
  const log = it.open({ maxBytes: 100 });
  const { cursor } = log.batch(null);
  appendFileSync(it.path, ok(100, 10));
  log.batch(cursor);

  assert.equal(it.reopened(), 1);
  appendFileSync(`${it.path}.1`, ok(100, 2));
  appendFileSync(it.path, ok(100));
  it.now = 103;
  assert.deepEqual(drain(log, cursor).counts, new Map([[100, 13]]));
  it.now = 140;
  drain(log, cursor);
  assert.deepEqual(readdirSync(join(it.path, '..')), ['shop.log']);
});

test('a log that somebody else renames is read on, and not deleted', (t) => {
  const it = bench(t);
  const log = it.open();
  const { cursor } = log.batch(null);
  appendFileSync(it.path, ok(100));
  log.batch(cursor);
  renameSync(it.path, `${it.path}-2026`);
  appendFileSync(`${it.path}-2026`, ok(100));
  writeFileSync(it.path, ok(101));
  it.now = 103.6;

  assert.deepEqual(
    drain(log, cursor).counts,
    new Map([
      [100, 2],
      [101, 1],
    ]),
  );
  it.now = 150;
  drain(log, cursor);
  assert.deepEqual(readdirSync(join(it.path, '..')).length, 2);
});

test('a log that is gone shows as lost seconds', (t) => {
  const it = bench(t);
  const log = it.open();
  const { cursor } = log.batch(null);
  renameSync(it.path, `${it.path}-elsewhere`);
  writeFileSync(it.path, '');
  it.now = 110;

  const batch = it.open().batch(cursor);

  assert.deepEqual(batch.lost, {
    fromSecond: START + 98,
    toSecond: batch.upToSecond,
    why: 'its log was gone',
  });
});

test('an identity counts once per rollout, its news in the second of the line', (t) => {
  const it = bench(t);
  const log = it.open();
  const { cursor } = log.batch(null);
  log.follow('r-1', 'aa');
  appendFileSync(
    it.path,
    'ok 100 blue 0 7 ann\nserverError 101 green 0 7 bob\nserverError 101 green 0 7 bob\nok 101 blue 0 7 ann\n',
  );
  it.now = 103.6;

  const { identities } = log.batch(cursor);

  assert.deepEqual(
    identities.map(({ second, slot, active, failed }) => [second - START, slot, active, failed]),
    [
      [100, 'blue', 1, 0],
      [101, 'green', 1, 1],
    ],
  );
});

test('whoever was counted before a kill is not counted again after it, and nobody is forgotten', (t) => {
  const it = bench(t);
  const log = it.open();
  const { cursor } = log.batch(null);
  log.follow('r-1', 'aa');
  appendFileSync(it.path, 'serverError 100 green 0 7 bob\nserverError 101 green 0 7 cy\n');
  it.now = 102.6;
  const first = log.batch(cursor);
  it.now = 103.6;
  // Read and noted, but its batch is never committed.
  log.batch(first.cursor);
  appendFileSync(it.path, 'serverError 104 green 0 7 bob\nserverError 104 green 0 7 dee\n');
  it.now = 107;

  const other = it.open();
  other.follow('r-1', 'aa');
  const { identities } = other.batch(first.cursor);

  assert.deepEqual(
    [...first.identities, ...identities].map(({ second, assigned, failed }) => [
      second - START,
      assigned,
      failed,
    ]),
    [
      [100, 1, 1],
      [101, 1, 1],
      [104, 1, 1],
    ],
  );
});

test('a cursor of another kind is refused', (t) => {
  assert.throws(() => bench(t).open().batch('0a1b.7'), { code: 'TRAFFIC_CURSOR_INVALID' });
});

test('whatever is written, rotated, killed and read again: each line is counted once', () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('write' as const), count: fc.nat(9), ago: fc.nat(1) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('late' as const),
        count: fc.nat(3),
        ago: fc.integer({ min: 4, max: 9 }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), tenths: fc.nat(25) }) },
    { weight: 4, arbitrary: fc.constant({ kind: 'read' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'kill' as const }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const it = bench();
      try {
        let log = it.open({ maxBytes: 200 });
        let { cursor } = log.batch(null);
        const counted = new Map<number, number>();
        let written = 0;
        for (const one of steps) {
          if (one.kind === 'write' || one.kind === 'late') {
            appendFileSync(it.path, ok(Math.max(99, Math.floor(it.now) - one.ago), one.count));
            written += one.count;
          } else if (one.kind === 'wait') it.now += one.tenths / 10;
          else {
            // Killed between reading and committing: what was read is not recorded.
            const batch = log.batch(cursor);
            if (one.kind === 'kill') log = it.open({ maxBytes: 200 });
            else {
              tell(counted, batch.replicas);
              ({ cursor } = batch);
            }
          }
        }
        it.now += 5;
        log = it.open({ maxBytes: 200 });
        tell(counted, [...drainAll(log, cursor)]);
        assert.equal(
          [...counted.values()].reduce((a, b) => a + b, 0),
          written,
        );
      } finally {
        rmSync(join(it.path, '..'), { recursive: true });
      }
    }),
    { numRuns: 150 },
  );
});

function* drainAll(log: AccessLog, cursor: string): Generator<ReplicaSecond> {
  for (let at = cursor; ;) {
    const batch = log.batch(at);
    yield* batch.replicas;
    if (batch.upToSecond === log.batch(batch.cursor).upToSecond) return;
    at = batch.cursor;
  }
}

test('a wall clock that jumps moves no line into another second, and the seconds around it are lost', (t) => {
  const it = bench(t);
  const log = it.open();
  let { cursor } = log.batch(null);
  for (const aheadMs of [3_600_000, -3_600_000]) {
    it.aheadMs = aheadMs;
    it.now += 1;
    const jumped = it.now;
    log.batch(cursor);
    // Later than what may be by either clock.
    it.now += 10;
    appendFileSync(it.path, `ok ${it.now + aheadMs / 1000} blue 0 7\n`);
    it.now += 4;
    const batch = log.batch(cursor);
    assert.deepEqual(
      batch.replicas.map(({ second, attempts }) => [second - START, attempts]),
      [[it.now - 4, 1]],
    );
    assert.ok(batch.lost !== null && batch.lost.fromSecond <= START + jumped);
    assert.ok(batch.lost.toSecond < START + it.now - 4);
    ({ cursor } = batch);
  }
});

function requests(seconds: readonly ReplicaSecond[] = []): number {
  return seconds.reduce((total, each) => total + each.requests, 0);
}

test('overrides, copies and what happened instead of an attempt are counted apart, and only where there are any', (t) => {
  const it = bench(t);
  const apart: Readonly<Record<string, Partial<LogRecord>>> = {
    user: {},
    override: { by: 'override' },
    copy: { by: 'mirror' },
    dropped: { by: 'mirror', attempts: [], instead: 'mirrorDropped' },
    refused: { attempts: [], instead: 'holdRefused' },
  };
  const log = it.open({ parse: (line) => ({ ...parse('ok 101 green 0 7 ann')!, ...apart[line] }) });
  log.follow('r-1', 'ab'.repeat(16));
  const { cursor } = log.batch(null);
  appendFileSync(it.path, 'user\noverride\noverride\ncopy\ndropped\ndropped\nrefused\n');
  it.now = 110;

  const batch = log.batch(cursor);

  assert.deepEqual(
    [batch.replicas, batch.overrides, batch.mirrored].map((seconds) => requests(seconds)),
    [1, 2, 1],
  );
  assert.deepEqual([batch.mirrorDropped, batch.holdRefused], [2, 1]);
  assert.equal(
    batch.identities.reduce((total, each) => total + each.active, 0),
    1,
  );
  const next = log.batch(batch.cursor);
  assert.deepEqual(
    ['overrides', 'mirrored', 'mirrorDropped', 'holdRefused'].filter((key) => key in next),
    [],
  );
});

test('requests of which a copy was sent count as users’ as well, and among those by the patience of copies', (t) => {
  const it = bench(t);
  const log = it.open({ parse: (line) => ({ ...parse(line)!, copiedWithinMs: 5000 }) });
  const { cursor } = log.batch(null);
  appendFileSync(it.path, 'ok 101 blue 0 7\nok 101 blue 0 5001\nok 101 blue 0 4999\n');
  it.now = 110;

  const { replicas, copied = [] } = log.batch(cursor);

  assert.deepEqual([requests(replicas), requests(copied)], [3, 3]);
  assert.deepEqual([replicas[0]!.classes.timeout, copied[0]!.classes.timeout], [0, 1]);
  assert.equal('copied' in log.batch(log.batch(cursor).cursor), false);
});
