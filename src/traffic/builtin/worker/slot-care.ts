import type { PerReplica } from '../../../release/resilience.ts';
import type { SlotName } from '../../../release/slot.ts';
import type { Place } from '../messages.ts';
import type { Held, PermitGift, PermitSearch } from '../permit-book.ts';
import { chooseReplica } from './replica-choice.ts';
import type { ReplicaLink } from './replica-link.ts';
import type { SlotLive } from './slot-live.ts';
import { type QueueClock, SlotQueue } from './slot-queue.ts';

/** The golden ratio's fraction: its multiples fill [0, 1) evenly, whatever the number of replicas is. */
const GOLDEN = 0.618_033_988_749_895;
/** Whoever waits asks the others for permits this often. */
const ASK_EVERY_MS = 25;
/** What was promised to somebody who does not want it any more is forgotten. */
const DEBT_MS = 1000;

export type CareParts = {
  readonly clock: QueueClock;
  readonly place: Place;
  /** Others are asked for permits of these replicas. */
  readonly ask: (slot: SlotName, replicas: readonly number[]) => void;
  readonly give: (slot: SlotName, gift: PermitGift) => void;
};

/**
 * What a service asks for beyond the least loaded replica: bounds of what is in flight, a queue, a slow start, ejections. A service
 * that asks for none of it has none of these.
 *
 * What may be in flight on a replica is a number of permits that all workers hold between them. A worker that runs out of them asks
 * the others, who give what they do not need at once, and of what they need where they hold more.
 */
export class SlotCare {
  /** Null: no bound. */
  queue: SlotQueue | null = null;
  readonly #slot: SlotLive;
  readonly #parts: CareParts;
  #slowStartMs = 0;
  #maxQueue = 0;
  #draws = 0;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #isComingBack = false;
  /** By worker. */
  readonly #debts = new Map<number, { readonly replicas: readonly number[]; readonly untilMs: number }>();

  constructor(slot: SlotLive, parts: CareParts) {
    this.#slot = slot;
    this.#parts = parts;
  }

  /** Takes new rules; who waits under the former ones goes by the new ones. */
  use(rules: PerReplica | undefined): void {
    this.#slowStartMs = rules?.slowStartMs ?? 0;
    if (rules === undefined || rules.maxRequests === null) {
      for (const replica of this.#slot.replicas) replica.allowed = Number.POSITIVE_INFINITY;
      this.queue?.serve(this.#now());
      this.queue = null;
      return;
    }
    // None, until the parent has said how many.
    for (const replica of this.#slot.replicas)
      if (replica.allowed === Number.POSITIVE_INFINITY) replica.allowed = 0;
    this.#maxQueue = rules.maxQueue;
    if (this.queue !== null) this.queue.waitMs = rules.queueTimeoutMs;
    this.queue ??= new SlotQueue(rules.queueTimeoutMs, {
      length: () => Math.ceil((this.#maxQueue * this.#slot.inUse) / this.#parts.place.of),
      clock: this.#parts.clock,
      pick: (nowMs) => this.pick(null, nowMs),
      hasHealthy: () => this.hasHealthy,
      want: () => this.#ask(),
    });
  }

  get slowStartMs(): number {
    return this.#slowStartMs;
  }

  get hasHealthy(): boolean {
    return this.#inUse.some((replica) => replica.healthy);
  }

  pick(except: ReplicaLink | null, nowMs: number): ReplicaLink | null {
    const replicas = this.#inUse;
    this.#draws += 1;
    return chooseReplica(replicas, {
      from: this.#draws,
      except,
      nowMs,
      slowStartMs: this.#slowStartMs,
      draw: (this.#draws * GOLDEN) % 1,
    });
  }

  /** A request on `replica` is over. */
  released(replica: ReplicaLink): void {
    if (this.queue === null) return;
    if (this.#debts.size > 0) this.#payOff(replica);
    this.queue.serve(this.#now());
  }

  /** How many permits this worker has of each replica. */
  hold(held: Held): void {
    if (this.queue === null) return;
    this.#debts.clear();
    for (const replica of this.#slot.replicas) replica.allowed = held[replica.index] ?? 0;
    this.queue.serve(this.#now());
  }

  /** From another worker. */
  granted(permits: PermitGift['permits']): void {
    if (this.queue === null) return;
    for (const [index, count] of permits) {
      const replica = this.#slot.replicas[index];
      if (replica !== undefined) replica.allowed += count;
    }
    this.#askedAtMs = Number.NEGATIVE_INFINITY;
    this.queue.serve(this.#now());
  }

  /** Another worker has run out of permits. */
  sought({ by, replicas, isUrgent }: PermitSearch): void {
    if (this.queue === null) return;
    const permits: [number, number][] = [];
    for (const index of replicas) {
      const replica = this.#slot.replicas[index];
      if (replica === undefined || this.queue.size > 0) continue;
      const spare = Math.ceil(Math.max(0, replica.allowed - replica.active) / 2);
      if (spare === 0) continue;
      replica.allowed -= spare;
      permits.push([index, spare]);
    }
    if (permits.length > 0) this.#parts.give(this.#slot.name, { to: by, permits });
    else if (isUrgent) this.#debts.set(by, { replicas, untilMs: this.#now() + DEBT_MS });
  }

  #payOff(replica: ReplicaLink): void {
    const nowMs = this.#now();
    for (const [to, { replicas, untilMs }] of this.#debts) {
      if (untilMs < nowMs) this.#debts.delete(to);
      if (untilMs < nowMs || !replicas.includes(replica.index)) continue;
      if (replica.active >= replica.allowed) return;
      this.#debts.delete(to);
      replica.allowed -= 1;
      this.#parts.give(this.#slot.name, { to, permits: [[replica.index, 1]] });
    }
  }

  #ask(): void {
    const nowMs = this.#now();
    if (!this.#isComingBack) {
      this.#isComingBack = true;
      this.#parts.clock.after(ASK_EVERY_MS, () => {
        this.#isComingBack = false;
        this.queue?.serve(this.#now());
      });
    }
    if (this.#parts.place.of === 1 || nowMs - this.#askedAtMs < ASK_EVERY_MS) return;
    this.#askedAtMs = nowMs;
    const wanted = this.#inUse.filter((replica) => replica.healthy).map(({ index }) => index);
    if (wanted.length > 0) this.#parts.ask(this.#slot.name, wanted);
  }

  #now(): number {
    return this.#parts.clock.nowMs();
  }

  get #inUse(): readonly ReplicaLink[] {
    const { replicas, inUse } = this.#slot;
    return inUse === replicas.length ? replicas : replicas.slice(0, inUse);
  }
}
