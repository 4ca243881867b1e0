import type { EncodedBatch } from './sample-database.ts';

/** Fixed cost of a batch in memory, beside its bytes. */
const BATCH_BYTES = 200;

/**
 * Batches on their way to disk, bounded in bytes. A batch without samples only moves its service's cursor: it is kept
 * aside and passes at most every `idleMs`, or before the next samples of its service make it needless.
 */
export class SampleQueue {
  dropped = 0;
  readonly #maxBytes: number;
  readonly #idleMs: number;
  #batches: EncodedBatch[] = [];
  #bytes = 0;
  readonly #idle = new Map<string, EncodedBatch>();
  readonly #passedMs = new Map<string, number>();

  constructor(maxBytes: number, idleMs: number) {
    this.#maxBytes = maxBytes;
    this.#idleMs = idleMs;
  }

  add(batch: EncodedBatch, nowMs: number): void {
    const passedMs = this.#passedMs.get(batch.service);
    if (batch.rows.length === 0 && passedMs !== undefined && nowMs - passedMs < this.#idleMs) {
      this.#idle.set(batch.service, batch);
      return;
    }
    this.#idle.delete(batch.service);
    this.#passedMs.set(batch.service, nowMs);
    this.#batches.push(batch);
    this.#bytes += bytesOf(batch);
    this.#trim();
  }

  isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** Lets the cursors that were kept aside pass. */
  wakeIdle(): void {
    for (const service of this.#idle.keys()) this.wake(service);
  }

  /** The same for one service. */
  wake(service: string): void {
    const batch = this.#idle.get(service);
    if (batch === undefined) return;
    this.#idle.delete(service);
    this.#batches.push(batch);
    this.#bytes += bytesOf(batch);
  }

  /** What is kept aside for a service: newer than all that was written. */
  newest(service: string): EncodedBatch | undefined {
    return this.#idle.get(service);
  }

  take(): readonly EncodedBatch[] {
    const taken = this.#batches;
    this.#batches = [];
    this.#bytes = 0;
    return taken;
  }

  /** Back in front, after a write that may succeed later. */
  putBack(batches: readonly EncodedBatch[]): void {
    this.#batches = [...batches, ...this.#batches];
    this.#bytes = this.#batches.reduce((sum, batch) => sum + bytesOf(batch), 0);
    this.#trim();
  }

  drop(batches: readonly EncodedBatch[]): void {
    this.dropped += batches.filter((batch) => batch.rows.length > 0).length;
  }

  #trim(): void {
    let count = 0;
    while (this.#bytes > this.#maxBytes && count < this.#batches.length - 1) {
      this.#bytes -= bytesOf(this.#batches[count++]!);
    }
    this.drop(this.#batches.splice(0, count));
  }
}

function bytesOf(batch: EncodedBatch): number {
  return batch.rows.reduce((sum, row) => sum + row.data.length, BATCH_BYTES);
}
