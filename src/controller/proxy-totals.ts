import type { ClassCounts, TrafficBatch } from '../traffic/counts.ts';
import { SLOT_NAMES, type SlotName } from '../release/slot.ts';

export const CLASSES = [
  'ok',
  'clientError',
  'serverError',
  'connectFailure',
  'timeout',
  'clientAbort',
] as const satisfies readonly (keyof ClassCounts)[];
export type AttemptClass = (typeof CLASSES)[number];

type Totals = Record<SlotName, Record<AttemptClass, number> & { queueRefused: number }>;

/** What the proxies counted since this controller began: sums alone, so that a thousand services cost nothing to keep. */
export class ProxyTotals {
  readonly #services = new Map<string, Totals>();

  add(service: string, { replicas, queueRefused }: Pick<TrafficBatch, 'replicas' | 'queueRefused'>): void {
    if (replicas.length === 0 && queueRefused === undefined) return;
    const totals = this.#services.get(service) ?? { blue: nothing(), green: nothing() };
    this.#services.set(service, totals);
    for (const slot of SLOT_NAMES) totals[slot].queueRefused += queueRefused?.[slot] ?? 0;
    for (const { slot, classes } of replicas) for (const name of CLASSES) totals[slot][name] += classes[name];
  }

  forget(service: string): void {
    this.#services.delete(service);
  }

  /** Once for each service that had traffic, each slot and each class. */
  each(tell: (service: string, slot: SlotName, name: AttemptClass, count: number) => void): void {
    for (const [service, totals] of this.#services)
      for (const slot of SLOT_NAMES)
        for (const name of CLASSES) tell(service, slot, name, totals[slot][name]);
  }

  /** Once for each service that had traffic, and each slot: who waited in vain. */
  eachQueue(tell: (service: string, slot: SlotName, count: number) => void): void {
    for (const [service, totals] of this.#services)
      for (const slot of SLOT_NAMES) tell(service, slot, totals[slot].queueRefused);
  }
}

function nothing(): Totals[SlotName] {
  return {
    queueRefused: 0,
    ok: 0,
    clientError: 0,
    serverError: 0,
    connectFailure: 0,
    timeout: 0,
    clientAbort: 0,
  };
}
