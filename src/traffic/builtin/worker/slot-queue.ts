import type { ReplicaLink } from './replica-link.ts';

/** A request that waits for a replica. */
export type Waiting = {
  /** It is its turn. */
  go(replica: ReplicaLink, nowMs: number): void;
  /** It has waited for too long. */
  late(): void;
  /** There is no healthy replica any more. */
  nobody(): void;
};

/** The time, and how to come back to something. */
export type QueueClock = {
  readonly nowMs: () => number;
  readonly after: (ms: number, act: () => void) => void;
};

export const QUEUE_CLOCK: QueueClock = {
  nowMs: () => performance.now(),
  after: (ms, act) => void setTimeout(act, ms),
};

export type QueueParts = {
  readonly clock: QueueClock;
  /** How many may wait now. */
  readonly length: () => number;
  /** A replica that may have one more request, or null. */
  readonly pick: (nowMs: number) => ReplicaLink | null;
  readonly hasHealthy: () => boolean;
  /** Somebody waits. Often repeated. */
  readonly want: () => void;
};

/** Requests of one slot that wait in one worker, in the order of their arrival, while all its replicas have as many as they may. */
export class SlotQueue {
  waitMs: number;
  /** Turned away since `takeRefused`. */
  #refused = 0;
  readonly #parts: QueueParts;
  /** Each with the time at which it has waited for too long: as all wait equally long, the first is the first to. */
  readonly #waiting = new Map<Waiting, number>();
  #isWatching = false;

  constructor(waitMs: number, parts: QueueParts) {
    this.waitMs = waitMs;
    this.#parts = parts;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** False: past the bound. */
  enter(waiting: Waiting, nowMs: number): boolean {
    if (this.#waiting.size >= this.#parts.length()) {
      this.#refused += 1;
      return false;
    }
    this.#waiting.set(waiting, nowMs + this.waitMs);
    if (!this.#isWatching) this.#watch(nowMs);
    this.#parts.want();
    return true;
  }

  /** The request is over. Repeats do nothing. */
  leave(waiting: Waiting): void {
    this.#waiting.delete(waiting);
  }

  /** After any change that may let somebody in. */
  serve(nowMs: number): void {
    if (this.#waiting.size === 0) return;
    for (const [waiting] of this.#waiting) {
      const replica = this.#parts.pick(nowMs);
      if (replica === null) break;
      this.#waiting.delete(waiting);
      waiting.go(replica, nowMs);
    }
    if (this.#waiting.size === 0) return;
    if (this.#parts.hasHealthy()) this.#parts.want();
    else this.#end((waiting) => waiting.nobody());
  }

  takeRefused(): number {
    const refused = this.#refused;
    this.#refused = 0;
    return refused;
  }

  #end(each: (waiting: Waiting) => void): void {
    const waiting = [...this.#waiting.keys()];
    this.#waiting.clear();
    for (const one of waiting) each(one);
  }

  #watch(nowMs: number): void {
    const [first] = this.#waiting.values();
    this.#isWatching = first !== undefined;
    if (first !== undefined) this.#parts.clock.after(Math.max(1, first - nowMs), () => this.#expire());
  }

  #expire(): void {
    const nowMs = this.#parts.clock.nowMs();
    for (const [waiting, untilMs] of this.#waiting) {
      if (untilMs > nowMs) break;
      this.#waiting.delete(waiting);
      this.#refused += 1;
      waiting.late();
    }
    this.#watch(nowMs);
  }
}
