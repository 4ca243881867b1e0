import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import { OperatingError } from '../../lib/errors.ts';
import type { IdentitySecond, ReplicaSecond } from '../../traffic/counts.ts';
import { decodeRow, encodeRow } from '../../traffic/counts-codec.ts';
import { apartIn, type ApartSecond, measuredIn, rowsOf } from '../../traffic/counts-row.ts';
import type { MeasuredSecond } from '../../metrics/measured.ts';
import type { EvidenceRange, SampleBatch, SampleRange, SampleStore } from '../samples.ts';
import { PAGE_ROWS, type SamplePage } from './sample-database.ts';
import { SampleQueue } from './sample-queue.ts';
import type { SampleRequest, SampleWorkerData } from './sample-worker.ts';
import { startWorker, type WorkerClient } from './worker-client.ts';

export type SqliteSamplesOptions = {
  /** State directory; it has to exist. The file is `samples.db` in it. */
  readonly dir: string;
  /** Most bytes that the file may take, or null for what the disk has. `compact` has its own, lower limit. */
  readonly maxBytes: number | null;
  /** Most bytes of samples that wait in memory; beyond, the oldest are dropped and counted. */
  readonly maxQueuedBytes: number;
  readonly clock: Clock;
  /** Told of each write in the background that failed: SAMPLES_FULL (tried again) or, once, SAMPLES_FAILED. */
  readonly report: (error: OperatingError) => void;
};

export type SqliteSamples = SampleStore & {
  /** Batches with samples that were dropped: too many were waiting, or the thread had ended. */
  dropped(): number;
};

/** One transaction a second, whatever the number of services. */
const WRITE_EVERY_MS = 1000;
/** Where nothing happens only the cursor moves; it is stored well within the ten minutes that a data plane keeps counts. */
const IDLE_CURSOR_MS = 300_000;
const DEADLINE_MS = 30_000;
const MEMORY_MB = 128;
const MOST_STEPS = 10_000;
/** tsc does not rewrite this name, so the extension follows this file's own. */
const WORKER = new URL(`./sample-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/**
 * Opens or makes `samples.db` in a thread of its own. One that cannot be read is put aside and begun anew, because nothing may
 * wait for charts of the past. Errors: SAMPLES_FULL, SAMPLES_FAILED, and SAMPLES_UNREADABLE where it cannot be put aside either.
 */
export async function openSqliteSamples(options: SqliteSamplesOptions): Promise<SqliteSamples> {
  const file = join(options.dir, 'samples.db');
  try {
    return await openThread(file, options);
  } catch (error) {
    if (!(error instanceof OperatingError) || error.code !== 'SAMPLES_UNREADABLE') throw error;
    const aside = `${file}.damaged`;
    for (const end of ['', '-wal', '-shm']) {
      rmSync(`${aside}${end}`, { force: true });
      if (existsSync(`${file}${end}`)) renameSync(`${file}${end}`, `${aside}${end}`);
    }
    const says = `${error.message} It was put aside as ${aside}, and a new one was begun; what was not judged yet of a rollout is judged anew.`;
    options.report(new OperatingError(error.code, says, { retryable: false, cause: error }));
    return openThread(file, options);
  }
}

async function openThread(file: string, options: SqliteSamplesOptions): Promise<SqliteSamples> {
  const worker = startWorker(WORKER, {
    data: { file, maxBytes: options.maxBytes } satisfies SampleWorkerData,
    deadlineMs: DEADLINE_MS,
    memoryMb: MEMORY_MB,
    onFailure: options.report,
  });
  try {
    await worker.call({ op: 'open' } satisfies SampleRequest);
  } catch (error) {
    await worker.end();
    throw error;
  }
  return new ThreadedSamples(worker, options);
}

class ThreadedSamples implements SqliteSamples {
  readonly #worker: WorkerClient;
  readonly #options: SqliteSamplesOptions;
  readonly #queue: SampleQueue;
  #timer: NodeJS.Timeout | null = null;
  /** Writes follow one another; so do reads and compactions, which would otherwise move rows between two pages. */
  #lastWrite: Promise<unknown> = Promise.resolve();
  #lastScan: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | null = null;

  constructor(worker: WorkerClient, options: SqliteSamplesOptions) {
    this.#worker = worker;
    this.#options = options;
    this.#queue = new SampleQueue(options.maxQueuedBytes, IDLE_CURSOR_MS);
  }

  append(batch: SampleBatch): void {
    const { service, cursor, upToSecond } = batch;
    const rows = rowsOf(batch).map((row) => ({ second: row.second, data: encodeRow(row) }));
    this.#queue.add({ service, cursor, upToSecond, rows }, this.#options.clock.monotonicMs());
    if (!this.#queue.isEmpty()) this.#writeSoon();
  }

  async flush(): Promise<void> {
    this.#queue.wakeIdle();
    await this.#write();
    await this.#call({ op: 'sync' });
  }

  async read(query: Parameters<SampleStore['read']>[0]): Promise<SampleRange> {
    await this.#writeOrReport();
    return this.#scan(async () => {
      const range = await this.#readPages(
        (fromSecond) => this.#page({ op: 'page', ...query, fromSecond }),
        query,
      );
      assert(range !== null, 'a service without a page');
      return { ...range, upToSecond: this.#queue.newest(query.service)?.upToSecond ?? range.upToSecond };
    });
  }

  async keepEvidence(range: EvidenceRange): Promise<void> {
    // Its last seconds may have been without traffic: they count among those that are kept.
    this.#queue.wake(range.service);
    await this.#write();
    await this.#scan(() => this.#call({ op: 'keep-evidence', range }));
  }

  readEvidence(query: Parameters<SampleStore['readEvidence']>[0]): Promise<SampleRange | null> {
    const page = (fromSecond: number) => this.#page({ op: 'evidence-page', ...query, fromSecond });
    return this.#scan(() => this.#readPages(page, query));
  }

  async dropEvidence(rollouts: readonly string[]): Promise<void> {
    await this.#scan(() => this.#call({ op: 'drop-evidence', rollouts }));
  }

  async cursor(service: string): Promise<string | null> {
    await this.#writeOrReport();
    const stored = (await this.#call({ op: 'cursor', service })) as string | null;
    return this.#queue.newest(service)?.cursor ?? stored;
  }

  async compact(limits: Parameters<SampleStore['compact']>[0]): Promise<void> {
    await this.#writeOrReport();
    await this.#scan(async () => {
      for (let step = 0; step < MOST_STEPS; step++) {
        if ((await this.#call({ op: 'compact', limits })) === false) return;
      }
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  dropped(): number {
    return this.#queue.dropped;
  }

  async #close(): Promise<void> {
    try {
      await this.flush();
      await this.#call({ op: 'close' });
    } finally {
      this.#stopTimer();
      await this.#worker.end();
    }
  }

  /** Null when the first page is: nothing of that name is there. */
  async #readPages(
    pageFrom: (second: number) => Promise<SamplePage | null>,
    query: { readonly fromSecond: number },
  ): Promise<SampleRange | null> {
    const replicas: ReplicaSecond[] = [];
    const identities: IdentitySecond[] = [];
    const apart: ApartSecond[] = [];
    const measured: MeasuredSecond[] = [];
    let { fromSecond } = query;
    for (;;) {
      const page = await pageFrom(fromSecond);
      if (page === null) return null;
      for (const { second, data } of page.rows) {
        const row = decodeRow(second, data);
        replicas.push(...row.replicas);
        identities.push(...row.identities);
        apart.push(...(apartIn([row]).apart ?? []));
        measured.push(...(measuredIn([row]).measured ?? []));
      }
      if (page.rows.length < PAGE_ROWS) {
        const { upToSecond, minutesUntil } = page;
        const counted = apart.length === 0 ? {} : { apart };
        const range = { replicas, identities, ...counted, upToSecond, minutesUntil };
        return measured.length === 0 ? range : { ...range, measured };
      }
      fromSecond = page.rows.at(-1)!.second + 1;
    }
  }

  async #page(request: SampleRequest): Promise<SamplePage | null> {
    return (await this.#call(request)) as SamplePage | null;
  }

  #writeSoon(): void {
    this.#timer ??= setTimeout(() => void this.#writeOrReport(), WRITE_EVERY_MS);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** For callers who can go on without: what is waiting stays in the queue. */
  async #writeOrReport(): Promise<void> {
    try {
      await this.#write();
    } catch (error) {
      // The end of the thread was reported when it happened.
      if (error instanceof OperatingError && error.code !== 'SAMPLES_FAILED') this.#options.report(error);
      else if (!(error instanceof OperatingError)) throw error;
    }
  }

  #write(): Promise<void> {
    const written = this.#lastWrite.then(() => this.#writeQueue());
    this.#lastWrite = written.catch(() => undefined);
    return written;
  }

  async #writeQueue(): Promise<void> {
    this.#stopTimer();
    const batches = this.#queue.take();
    if (batches.length === 0) return;
    try {
      await this.#call({ op: 'write', batches });
    } catch (error) {
      const isWorthKeeping = error instanceof OperatingError && error.retryable;
      if (!isWorthKeeping) this.#queue.drop(batches);
      else {
        this.#queue.putBack(batches);
        this.#writeSoon();
      }
      throw error;
    }
  }

  #scan<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lastScan.then(work);
    this.#lastScan = done.catch(() => undefined);
    return done;
  }

  #call(request: SampleRequest): Promise<unknown> {
    return this.#worker.call(request);
  }
}
