import type { SlotName } from '../release/slot.ts';
import { latencyBucketMs, type ReplicaSecond } from '../traffic/counts.ts';
import type { SideView } from './views.ts';

/** Running totals of one side of a comparison. */
export class Side {
  #requests = 0;
  #failed = 0;
  #judgeable = 0;
  readonly #latency = new Map<number, number>();

  add(row: ReplicaSecond): void {
    const { classes } = row;
    this.#requests += row.requests;
    this.#failed += classes.serverError + classes.connectFailure + classes.timeout;
    this.#judgeable += row.attempts - classes.clientAbort;
    for (const [bucket, count] of row.latency)
      this.#latency.set(bucket, (this.#latency.get(bucket) ?? 0) + count);
  }

  view(): SideView {
    return {
      requests: this.#requests,
      failed: this.#failed,
      errorPercent: this.#judgeable === 0 ? null : (100 * this.#failed) / this.#judgeable,
      p50Ms: this.#quantile(0.5),
      p95Ms: this.#quantile(0.95),
      p99Ms: this.#quantile(0.99),
    };
  }

  #quantile(quantile: number): number | null {
    const total = [...this.#latency.values()].reduce((sum, count) => sum + count, 0);
    if (total === 0) return null;
    let seen = 0;
    for (const [bucket, count] of [...this.#latency].sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= quantile * total) return latencyBucketMs(bucket);
    }
    return null;
  }
}

export type Sides = { readonly stable: Side; readonly candidate: Side };

export function newSides(): Sides {
  return { stable: new Side(), candidate: new Side() };
}

export function addTo(sides: Sides, candidate: SlotName, rows: readonly ReplicaSecond[]): void {
  for (const row of rows) (row.slot === candidate ? sides.candidate : sides.stable).add(row);
}
