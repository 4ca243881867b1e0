import type { MeasuredSecond } from '../journal/samples.ts';
import type { MeasuredPoint } from '../metrics/measured.ts';
import type { IdentitySecond, ReplicaSecond, TrafficBatch } from '../traffic/counts.ts';

export type SecondOfTraffic = {
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
  /** Of measures, what came in during it. Absent for none. */
  readonly measured?: readonly MeasuredPoint[];
};

type Filling = { replicas: ReplicaSecond[]; identities: IdentitySecond[]; measured?: MeasuredPoint[] };

const SILENT: SecondOfTraffic = { replicas: [], identities: [] };

/** The last seconds of a service's traffic, by second. Bounded. */
export class Ring {
  readonly #seconds = new Map<number, Filling>();
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
      readonly measured?: readonly MeasuredSecond[];
      readonly upToSecond: number | null;
    },
  ): void {
    for (const row of batch.replicas) this.#at(row.second).replicas.push(row);
    for (const row of batch.identities) this.#at(row.second).identities.push(row);
    for (const { second, point } of batch.measured ?? []) (this.#at(second).measured ??= []).push(point);
    const before = this.#upTo;
    if (batch.upToSecond !== null) this.#upTo = Math.max(before ?? 0, batch.upToSecond);
    if (this.#upTo !== before) this.#forget();
  }

  second(second: number): SecondOfTraffic {
    return this.#seconds.get(second) ?? SILENT;
  }

  replicas(fromSecond: number, toSecond: number): readonly ReplicaSecond[] {
    return [...this.#seconds]
      .filter(([second]) => second >= fromSecond && second <= toSecond)
      .sort(([a], [b]) => a - b)
      .flatMap(([, { replicas }]) => replicas);
  }

  #at(second: number): Filling {
    const known = this.#seconds.get(second);
    if (known !== undefined) return known;
    const made = { replicas: [], identities: [] };
    this.#seconds.set(second, made);
    return made;
  }

  #forget(): void {
    const before = (this.#upTo ?? 0) - this.#keepSeconds;
    for (const second of this.#seconds.keys()) if (second < before) this.#seconds.delete(second);
  }
}
