import type { Place } from '../messages.ts';
import { partOf } from '../part-of.ts';
import type { Hold } from '../../router.ts';

/** A request that waits. */
export type Waiter = {
  /** What it takes of the hold's `maxBytes`. */
  readonly bytes: number;
  /** It is its turn: as if it came now. */
  go(): void;
  /** It is answered 503 with the reason. */
  turnAway(reason: string): void;
};

/** Part of a hold's bounds: those of one worker of several. */
export type HoldPart = Pick<Hold, 'maxRequests' | 'maxBytes'>;

/** Where requests wait during a hold, in order; empty and open otherwise. Ends a hold by itself. */
export class WaitingRoom {
  /** Turned away for a bound since `takeRefused`. */
  private refused = 0;
  private bounds: HoldPart | null = null;
  private timer: NodeJS.Timeout | null = null;
  private bytes = 0;
  private readonly waiting = new Set<Waiter>();

  /** Whoever comes now has to wait. */
  get isHolding(): boolean {
    return this.bounds !== null;
  }

  get size(): number {
    return this.waiting.size;
  }

  /** Begins a hold, or gives the present one other bounds; it ends after `forMs`. */
  begin(bounds: HoldPart, forMs: number): void {
    this.bounds = bounds;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => this.end(), forMs);
  }

  /** Everybody goes on, in the order of their arrival. */
  end(): void {
    this.close((waiter) => waiter.go());
  }

  turnAway(reason: string): void {
    this.close((waiter) => waiter.turnAway(reason));
  }

  /** False: past a bound. */
  enter(waiter: Waiter): boolean {
    const { maxRequests, maxBytes } = this.bounds!;
    if (this.waiting.size >= maxRequests || this.bytes + waiter.bytes > maxBytes) {
      this.refused += 1;
      return false;
    }
    this.waiting.add(waiter);
    this.bytes += waiter.bytes;
    return true;
  }

  /** The client has gone. Repeats do nothing. */
  leave(waiter: Waiter): void {
    if (this.waiting.delete(waiter)) this.bytes -= waiter.bytes;
  }

  takeRefused(): number {
    const { refused } = this;
    this.refused = 0;
    return refused;
  }

  private close(each: (waiter: Waiter) => void): void {
    this.bounds = null;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const waiting = [...this.waiting];
    this.waiting.clear();
    this.bytes = 0;
    for (const waiter of waiting) each(waiter);
  }
}

/** What worker `index` of `of` may keep waiting: together they keep to the hold's bounds. */
export function holdPartOf(hold: Hold, place: Place): HoldPart {
  return {
    maxRequests: partOf(hold.maxRequests, place),
    maxBytes: Math.floor(hold.maxBytes / place.of),
  };
}
