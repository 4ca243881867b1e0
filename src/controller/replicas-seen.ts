import { SLOT_NAMES, type SlotName } from '../release/slot.ts';
import type { DoorObservation, SlotObservation } from '../traffic/router.ts';
import type { Log } from './ports.ts';

/** What a proxy does with replicas beyond their health. */
export type SlotSeen = {
  /** Replicas that are left out for a while, for what they answered. */
  readonly ejected: number;
  /** Requests that wait for a replica. */
  readonly queued: number;
};

const NOTHING: SlotSeen = { ejected: 0, queued: 0 };

/** What the proxy said last of each slot; an ejection, and its end, are told to the log. */
export class ReplicasSeen {
  readonly #log: Log;
  /** Only of services with something to say. */
  readonly #services = new Map<string, Readonly<Record<SlotName, SlotObservation>>>();

  constructor(log: Log) {
    this.#log = log;
  }

  note(service: string, { slots }: DoorObservation): void {
    const before = this.#services.get(service);
    const isNews = SLOT_NAMES.some(
      (slot) => slots[slot].ejected !== undefined || slots[slot].queued !== undefined,
    );
    if (!isNews && before === undefined) return;
    for (const slot of SLOT_NAMES) {
      const [was, is] = [before?.[slot].ejected ?? [], slots[slot].ejected ?? []];
      for (const replica of is)
        if (!was.includes(replica))
          this.#log.warn({ service, slot }, `replica ${replica} fails, and is ejected for a while`);
      for (const replica of was)
        if (!is.includes(replica))
          this.#log.info({ service, slot }, `replica ${replica} is back from its ejection`);
    }
    if (isNews) this.#services.set(service, slots);
    else this.#services.delete(service);
  }

  of(service: string, slot: SlotName): SlotSeen {
    const seen = this.#services.get(service)?.[slot];
    return seen === undefined ? NOTHING : { ejected: seen.ejected?.length ?? 0, queued: seen.queued ?? 0 };
  }

  forget(service: string): void {
    this.#services.delete(service);
  }
}
