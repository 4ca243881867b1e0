import type { OutlierRules } from '../../release/resilience.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import type { Prober } from '../prober.ts';
import type { ServiceState } from '../state-store.ts';
import { NEVER_EJECTED, type Standing, decideEjection, whoReturns } from './ejection.ts';
import type { Outlier, ToWorker } from './messages.ts';

const LOOK_MS = 250;

type Past = Omit<Standing, 'healthy'>;

export type EjectionParts = {
  readonly prober: Pick<Prober, 'observe'>;
  readonly stateOf: (service: string) => ServiceState | null;
  readonly tell: (message: ToWorker) => void;
  readonly log: (text: string) => void;
  /** Both as numbers that the caller is given. */
  readonly nowMs: () => number;
  readonly random: () => number;
};

/**
 * Decides for all workers which replicas are left out for a while. Only of the slot that everybody gets: a candidate fails as it
 * fails, or the judge would see only what is left of it.
 */
export class EjectionDesk {
  readonly #parts: EjectionParts;
  /** By service, slot and replica. */
  readonly #records = new Map<string, Past>();
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: EjectionParts) {
    this.#parts = parts;
  }

  receive({ service, slot, replica, why }: Outlier): void {
    const rules = this.#rulesFor(service, slot);
    if (rules === null) return;
    const { nowMs, random, log } = this.#parts;
    const now = nowMs();
    const found = decideEjection(this.#standings(service, slot), replica, {
      rules,
      nowMs: now,
      draw: random(),
    });
    const name = `${service} ${slot} replica ${replica}`;
    if (found === null) {
      log(`${name} had ${why}; it stays, because too few others are healthy`);
      return;
    }
    const seconds = Math.round((found.untilMs - now) / 1000);
    log(`${name} is ejected for ${seconds}s: ${why}`);
    const before = this.#records.get(key(service, slot, replica)) ?? NEVER_EJECTED;
    this.#records.set(key(service, slot, replica), {
      ...before,
      ejectedUntilMs: found.untilMs,
      times: found.times,
    });
    this.#parts.tell({ kind: 'ejection', service, slot, replica, isEjected: true });
    this.#timer ??= setInterval(() => this.reviewAll(), LOOK_MS);
  }

  /** After health, a route or a door has changed. */
  review(service: string): void {
    for (const slot of SLOT_NAMES) {
      const now = this.#parts.nowMs();
      const isFor = this.#rulesFor(service, slot) !== null;
      const ejected = this.ejected(service, slot);
      const back = isFor ? whoReturns(this.#standings(service, slot), now) : ejected;
      for (const replica of back) if (ejected.includes(replica)) this.#takeBack(service, slot, replica);
    }
  }

  reviewAll(): void {
    const services = new Set([...this.#records.keys()].map((each) => each.split(' ')[0]!));
    for (const service of services) this.review(service);
    const isAnyOut = [...this.#records.values()].some(({ ejectedUntilMs }) => ejectedUntilMs !== null);
    if (isAnyOut || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  forget(service: string): void {
    for (const each of this.#records.keys()) if (each.startsWith(`${service} `)) this.#records.delete(each);
  }

  /** A worker has begun, and knows of none. */
  renew(): void {
    for (const [each, { ejectedUntilMs }] of this.#records) {
      const [service, slot, replica] = each.split(' ') as [string, SlotName, string];
      const isEjected = ejectedUntilMs !== null;
      if (isEjected)
        this.#parts.tell({ kind: 'ejection', service, slot, replica: Number(replica), isEjected });
    }
  }

  /** Indexes. */
  ejected(service: string, slot: SlotName): readonly number[] {
    if (this.#records.size === 0) return [];
    const before = `${service} ${slot} `;
    return [...this.#records].flatMap(([each, { ejectedUntilMs }]) =>
      ejectedUntilMs !== null && each.startsWith(before) ? [Number(each.slice(before.length))] : [],
    );
  }

  #takeBack(service: string, slot: SlotName, replica: number): void {
    const record = this.#records.get(key(service, slot, replica))!;
    const returnedAtMs = this.#parts.nowMs();
    this.#records.set(key(service, slot, replica), { ...record, ejectedUntilMs: null, returnedAtMs });
    this.#parts.log(`${service} ${slot} replica ${replica} is back from its ejection`);
    this.#parts.tell({ kind: 'ejection', service, slot, replica, isEjected: false });
  }

  #standings(service: string, slot: SlotName): readonly Standing[] {
    return this.#parts.prober.observe(service, slot).map(({ replica, healthy }) => ({
      healthy,
      ...(this.#records.get(key(service, slot, replica)) ?? NEVER_EJECTED),
    }));
  }

  /** Null: nobody of this slot is ejected. */
  #rulesFor(service: string, slot: SlotName): OutlierRules | null {
    const state = this.#parts.stateOf(service);
    const proxy = state?.door.spec.proxy;
    if (state?.route?.serve !== slot || proxy?.kind !== 'builtin') return null;
    return proxy.outliers ?? null;
  }
}

function key(service: string, slot: SlotName, replica: number): string {
  return `${service} ${slot} ${replica}`;
}
