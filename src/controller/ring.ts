import type { MeasuredPoint, MeasuredSecond } from '../metrics/measured.ts';
import type { IdentitySecond, ReplicaSecond, TrafficBatch } from '../traffic/counts.ts';
import { addApart, type ApartCounts, type ApartSecond, rowsOf } from '../traffic/counts-row.ts';
import { PackedSeconds } from '../traffic/packed-seconds.ts';

export type SecondOfTraffic = {
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
  /** What is not users' traffic. Absent for none. */
  readonly apart?: ApartCounts;
  /** Of measures, what came in during it. Absent for none. */
  readonly measured?: readonly MeasuredPoint[];
};

/** The last seconds of a service's traffic, by second. Bounded. */
export class Ring {
  readonly #seconds = new PackedSeconds();
  readonly #keepSeconds: number;
  #upTo: number | null = null;

  constructor(keepSeconds: number) {
    this.#keepSeconds = keepSeconds;
  }

  /** Newest closed second, or null. */
  get upTo(): number | null {
    return this.#upTo;
  }

  add(
    batch: Pick<TrafficBatch, 'replicas' | 'identities'> & {
      readonly apart?: readonly ApartSecond[];
      readonly measured?: readonly MeasuredSecond[];
      readonly upToSecond: number | null;
    },
  ): void {
    for (const row of rowsOf(batch)) this.#seconds.add(row);
    const before = this.#upTo;
    if (batch.upToSecond !== null) this.#upTo = Math.max(before ?? 0, batch.upToSecond);
    if (this.#upTo !== before) this.#seconds.forgetBefore((this.#upTo ?? 0) - this.#keepSeconds);
  }

  second(second: number): SecondOfTraffic {
    const rows = this.#seconds.between(second, second);
    const apart = rows.flatMap((row) => (row.apart === undefined ? [] : [row.apart]));
    const traffic = {
      replicas: rows.flatMap(({ replicas }) => replicas),
      identities: rows.flatMap(({ identities }) => identities),
      ...(apart.length > 0 && { apart: apart.reduce(addApart) }),
    };
    const measured = rows.flatMap((row) => row.measured ?? []);
    return measured.length === 0 ? traffic : { ...traffic, measured };
  }

  replicas(fromSecond: number, toSecond: number): readonly ReplicaSecond[] {
    return this.#seconds.between(fromSecond, toSecond).flatMap(({ replicas }) => replicas);
  }
}
