import { SLOT_NAMES } from '../../../release/slot.ts';
import { Drain, type InFlight } from './drain.ts';
import type { Fronts } from './fronts.ts';
import type { ServiceLive } from './service-live.ts';
import type { SlotLive } from './slot-live.ts';

type Draining = { readonly slot: SlotLive; readonly drain: Drain };

/**
 * The end of a worker whose proxy was replaced. Streams are closed as on a slot that lost its traffic, also those that begin on a
 * connection that was kept. Everybody else is served to the end and told to come back by another connection; who says nothing
 * keeps this one for as long as it would have been kept anyway, because closing it could cross a request. What is left then
 * is drained.
 */
export class Retirement {
  readonly #services: () => Iterable<ServiceLive>;
  readonly #fronts: Fronts;
  readonly #idleUntilMs: number;
  readonly #known = new WeakSet<InFlight>();
  #draining: readonly Draining[] = [];
  #isLast = false;

  constructor(services: () => Iterable<ServiceLive>, fronts: Fronts, nowMs: number) {
    this.#services = services;
    this.#fronts = fronts;
    this.#idleUntilMs = nowMs + fronts.keepAliveMs;
    fronts.retire();
  }

  /** Whether nothing is left. */
  tick(nowMs: number): boolean {
    if (!this.#isLast && nowMs >= this.#idleUntilMs) {
      this.#isLast = true;
      this.#fronts.closeIdle();
    }
    this.#draining = [...this.#draining, ...this.#begun(nowMs)].filter(
      ({ slot, drain }) => drain.tick(slot.inFlight, nowMs) === null,
    );
    if (this.#isLast) return this.#draining.length === 0;
    return !this.#fronts.isOpen && !this.#isBusy;
  }

  get #isBusy(): boolean {
    return [...this.#services()].some(({ slots }) =>
      SLOT_NAMES.some((name) => slots[name].inFlight.size > 0),
    );
  }

  /** What is to be drained and is not yet: streams, and in the end everything. */
  #begun(nowMs: number): readonly Draining[] {
    return [...this.#services()].flatMap(({ slots, door }) =>
      SLOT_NAMES.flatMap((name) => {
        const slot = slots[name];
        const those = [...slot.inFlight].filter(
          (each) => (each.isStream || this.#isLast) && !this.#known.has(each),
        );
        if (those.length === 0) return [];
        for (const each of those) this.#known.add(each);
        return [{ slot, drain: new Drain(new Set(those), door.spec, nowMs) }];
      }),
    );
  }
}
