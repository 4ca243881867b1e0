import type { SlotName } from '../../release/slot.ts';
import { partOf } from './part-of.ts';

/** Permits of one slot by replica, that one worker holds. */
export type Held = readonly number[];

/** Permits by replica, from one worker to another. */
export type PermitGift = {
  /** Index of a worker. */
  readonly to: number;
  readonly permits: readonly (readonly [replica: number, count: number])[];
};

/** A worker has run out of permits of these replicas. */
export type PermitSearch = {
  readonly by: number;
  readonly replicas: readonly number[];
  /** Whoever is asked holds more of them than who asks: it gives the next one, though it needs it. */
  readonly isUrgent: boolean;
};

export type Reserved = Readonly<Record<SlotName, number>>;

type Book = {
  readonly maxRequests: number;
  /** Of what was said since the last `divide` or `renew`: what comes with another one is late. */
  epoch: number;
  /** By slot and replica: how many each worker holds. */
  readonly slots: Record<SlotName, number[][]>;
};

/**
 * Who holds how many of the requests that a replica may have in flight. The sum over all workers is always the bound, but for what
 * is on its way between two of them: it is taken off the one before it is given to the other.
 */
export class PermitBook {
  readonly #workers: number;
  readonly #books = new Map<string, Book>();
  #epochs = 0;

  constructor(workers: number) {
    this.#workers = workers;
  }

  /** A service has this bound and these addresses. What stays as it was stays with who holds it. */
  divide(service: string, maxRequests: number, reserved: Reserved): void {
    const before = this.#books.get(service);
    const kept = before?.maxRequests === maxRequests ? before.slots : null;
    const slotOf = (slot: SlotName): number[][] =>
      Array.from(
        { length: reserved[slot] },
        (_, replica) => kept?.[slot][replica] ?? this.#even(maxRequests),
      );
    this.#epochs += 1;
    this.#books.set(service, {
      maxRequests,
      epoch: this.#epochs,
      slots: { blue: slotOf('blue'), green: slotOf('green') },
    });
  }

  forget(service: string): void {
    this.#books.delete(service);
  }

  /** What was on its way may be lost: everybody is told anew what it holds. */
  renew(): void {
    for (const book of this.#books.values()) {
      this.#epochs += 1;
      book.epoch = this.#epochs;
    }
  }

  get services(): readonly string[] {
    return [...this.#books.keys()];
  }

  /** Null for a service without a bound. */
  heldBy(
    worker: number,
    service: string,
  ): { readonly epoch: number; readonly held: Readonly<Record<SlotName, Held>> } | null {
    const book = this.#books.get(service);
    if (book === undefined) return null;
    const of = (slot: SlotName): Held => book.slots[slot].map((workers) => workers[worker]!);
    return { epoch: book.epoch, held: { blue: of('blue'), green: of('green') } };
  }

  /** Whom to ask, and how. */
  search(
    { service, slot, epoch }: { readonly service: string; readonly slot: SlotName; readonly epoch: number },
    by: number,
    replicas: readonly number[],
  ): readonly { readonly worker: number; readonly search: PermitSearch }[] {
    const book = this.#books.get(service);
    if (book === undefined || book.epoch !== epoch) return [];
    const sum = (worker: number): number =>
      replicas.reduce((total, replica) => total + (book.slots[slot][replica]?.[worker] ?? 0), 0);
    const own = sum(by);
    const others = Array.from({ length: this.#workers }, (_, worker) => worker).filter(
      (worker) => worker !== by && sum(worker) > 0,
    );
    return others.map((worker) => ({
      worker,
      search: { by, replicas, isUrgent: own === 0 || sum(worker) > own + 1 },
    }));
  }

  /** False: it is late, and who gave it will be told what it holds. */
  give(
    { service, slot, epoch }: { readonly service: string; readonly slot: SlotName; readonly epoch: number },
    from: number,
    { to, permits }: PermitGift,
  ): boolean {
    const book = this.#books.get(service);
    if (book === undefined || book.epoch !== epoch) return false;
    for (const [replica, count] of permits) {
      const workers = book.slots[slot][replica]!;
      workers[from]! -= count;
      workers[to]! += count;
    }
    return true;
  }

  #even(maxRequests: number): number[] {
    return Array.from({ length: this.#workers }, (_, index) =>
      partOf(maxRequests, { index, of: this.#workers }),
    );
  }
}
