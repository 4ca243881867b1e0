import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteJournal } from '../src/journal/sqlite/open.ts';
import { encodeRow } from '../src/traffic/counts-codec.ts';
import { openSqliteSamples } from '../src/journal/sqlite/samples.ts';
import { systemClock } from '../src/lib/clock.ts';
import { systemRandom } from '../src/lib/random.ts';
import { SLOT_NAMES } from '../src/release/slot.ts';
import { latencyBucket, type ReplicaSecond } from '../src/traffic/counts.ts';

// Commits a second, what opening costs, and bytes and time per row of samples. `node bench/journal.ts`, some 10 s.
const COMMITS = 3000;
const DAY_SECONDS = 86_400;
const dir = mkdtempSync(join(tmpdir(), 'bascule-bench-'));
try {
  benchJournal();
  await benchSamples();
} finally {
  rmSync(dir, { recursive: true });
}

function benchJournal(): void {
  const options = {
    dir,
    keyFile: join(dir, 'keys', 'journal.key'),
    maxBytes: null,
    maxEvidenceBytes: 1e9,
    clock: systemClock,
    random: systemRandom,
  };
  const journal = openSqliteJournal(options);
  const tookMs: number[] = [];
  const startMs = performance.now();
  for (let n = 0; n < COMMITS; n++) {
    const beforeMs = performance.now();
    journal.commit({
      aggregate: 'shop',
      expectedRevision: n,
      atMs: Date.now(),
      actor: 'bascule',
      rollout: 'shop/1',
      kind: 'stepped',
      event: { filler: 'e'.repeat(400) },
      state: { filler: 's'.repeat(3000) },
      commands: [{ id: `c${n}`, command: { kind: 'apply', route: 'r'.repeat(300) } }],
      finished: [`c${n - 1}`],
      documents: [{ kind: 'rollout', key: 'shop/1', aggregate: 'shop', value: { filler: 'd'.repeat(500) } }],
    });
    tookMs.push(performance.now() - beforeMs);
  }
  const seconds = (performance.now() - startMs) / 1000;
  tookMs.sort((one, other) => one - other);
  const at = (fraction: number): string => `${tookMs[Math.floor(COMMITS * fraction)]!.toFixed(2)} ms`;
  print('journal commits per second', Math.round(COMMITS / seconds));
  print('journal commit p50, p99', `${at(0.5)}, ${at(0.99)}`);
  print('journal verify', `${timed(() => journal.verify())} ms for ${COMMITS} events`);
  journal.close();
  print('journal open', `${timed(() => openSqliteJournal(options).close())} ms`);
  print('journal bytes per event', Math.round(statSync(join(dir, 'journal.db')).size / COMMITS));
}

async function benchSamples(): Promise<void> {
  const store = await openSqliteSamples({
    dir,
    maxBytes: null,
    maxQueuedBytes: 64_000_000,
    clock: systemClock,
    report: (error) => {
      throw error;
    },
  });
  const sample = secondOf(1, 100);
  const bytes = encodeRow({ second: 1, replicas: sample, identities: [] }).length;
  print('row of 2 slots at 100 requests/s each', `${bytes} bytes, as JSON ${JSON.stringify(sample).length}`);
  let appendMs = 0;
  for (let second = 1; second <= DAY_SECONDS; second++) {
    const replicas = secondOf(second, 100);
    const beforeMs = performance.now();
    store.append({ service: 'shop', cursor: String(second), upToSecond: second, replicas, identities: [] });
    appendMs += performance.now() - beforeMs;
    if (second % 5000 === 0) await store.flush();
  }
  await store.flush();
  print(
    'append on the main thread',
    `${((appendMs / DAY_SECONDS) * 1000).toFixed(0)} µs a second of a service`,
  );
  print(
    'file per stored second',
    `${Math.round(statSync(join(dir, 'samples.db')).size / DAY_SECONDS)} bytes`,
  );
  const beforeMs = performance.now();
  const { replicas } = await store.read({ service: 'shop', fromSecond: 0, toSecond: DAY_SECONDS });
  print(
    'read of a day in seconds',
    `${Math.round(performance.now() - beforeMs)} ms, ${replicas.length} rows`,
  );
  const compactMs = performance.now();
  await store.compact({
    secondsBefore: DAY_SECONDS,
    minutesBefore: 0,
    maxBytes: 1e9,
    maxEvidenceBytes: 1e9,
    keep: [],
  });
  print('compaction of a day into minutes', `${Math.round(performance.now() - compactMs)} ms`);
  print('file then', `${statSync(join(dir, 'samples.db')).size} bytes`);
  await store.close();
}

/** Both slots, latencies spread over a log-normal range around 20 ms. */
function secondOf(second: number, requests: number): readonly ReplicaSecond[] {
  return SLOT_NAMES.map((slot) => {
    const counts = new Map<number, number>();
    for (let n = 0; n < requests; n++) {
      const spread = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
      const bucket = latencyBucket(20 * Math.exp(0.5 * spread));
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
    }
    return {
      second,
      slot,
      replica: 0,
      attempts: requests,
      requests,
      classes: {
        ok: requests,
        clientError: 0,
        serverError: 0,
        connectFailure: 0,
        timeout: 0,
        clientAbort: 0,
      },
      latency: [...counts].toSorted((one, other) => one[0] - other[0]),
    };
  });
}

function timed(work: () => unknown): string {
  const startMs = performance.now();
  work();
  return (performance.now() - startMs).toFixed(1);
}

function print(what: string, value: string | number): void {
  console.log(`${what.padEnd(40)} ${value}`);
}
