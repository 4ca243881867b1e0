import { OperatingError } from '../src/lib/errors.ts';
import { otherSlot, SLOT_NAMES, type SlotName } from '../src/release/slot.ts';
import type { TrafficBatch } from '../src/traffic/counts.ts';
import type { Door, DoorObservation, Route } from '../src/traffic/router.ts';
import { Ledger } from './ledger.ts';
import type { ManualTime } from './manual-time.ts';

/** What the proxy finds behind a door. */
export type Behind = {
  /** Whether a replica answers its probe. */
  isSound(service: string, slot: SlotName, replica: number): boolean;
  /** The part of its requests that a slot fails when it has this share of them. */
  errorPart(service: string, slot: SlotName, share: number): number;
};

/** Who answers how much of the traffic at this moment: parts of 1. */
export type Served = { readonly blue: number; readonly green: number; readonly nobody: number };

type Health = { sound: boolean; wasHealthy: boolean; sinceMs: number };

const REQUESTS_PER_SECOND = 200;
/** Of those who choose the candidate by a header. */
const CHOSEN_PER_SECOND = 10;

/**
 * A proxy with the habits of the real one: it outlives the controller, a route that was applied stays and only goes
 * forward, health is of an address and not of a release, counts are kept until it restarts.
 */
export class FakeProxy {
  readonly doors = new Map<string, Door>();
  readonly routes = new Map<string, Route>();
  readonly inFlight = new Map<string, number>();
  readonly ledger: Ledger;
  restarts = 0;
  readonly #health = new Map<string, Health>();
  readonly #time: ManualTime;
  readonly #behind: Behind;

  constructor(time: ManualTime, behind: Behind) {
    this.#time = time;
    this.#behind = behind;
    this.ledger = new Ledger(Math.floor(time.steadyMs / 1000));
  }

  install(door: Door): void {
    this.doors.set(door.service, door);
  }

  remove(service: string): void {
    this.doors.delete(service);
    this.routes.delete(service);
    this.ledger.forget(service);
    this.look();
  }

  /** Whether it is new. */
  apply(route: Route): boolean {
    const { service, revision } = route;
    this.#assertDoor(service);
    if (revision <= (this.routes.get(service)?.revision ?? 0)) return false;
    this.routes.set(service, route);
    this.look();
    return true;
  }

  observe(service: string): DoorObservation {
    this.#assertDoor(service);
    this.look();
    const of = (slot: SlotName) => ({
      replicas: Array.from({ length: this.routes.get(service)?.replicas[slot] ?? 0 }, (_, replica) => {
        const healthy = this.isHealthy(service, slot, replica);
        return { replica, healthy, goodInARow: healthy ? 3 : 0, lastProbe: null };
      }),
      inFlight: this.inFlight.get(`${service}/${slot}`) ?? 0,
      streams: 0,
    });
    return {
      revision: this.routes.get(service)?.revision ?? 0,
      slots: { blue: of('blue'), green: of('green') },
    };
  }

  cut(service: string, slot: SlotName): number {
    const cut = this.inFlight.get(`${service}/${slot}`) ?? 0;
    this.inFlight.delete(`${service}/${slot}`);
    return cut;
  }

  traffic(service: string, cursor: string | null): TrafficBatch {
    this.#assertDoor(service);
    return this.ledger.batch(service, cursor);
  }

  /** Starts anew: what it had counted and probed is gone, and with `forgets` its doors and routes too. */
  restart(forgets: boolean): void {
    this.restarts += 1;
    this.#health.clear();
    this.inFlight.clear();
    this.ledger.restart();
    if (forgets) {
      this.doors.clear();
      this.routes.clear();
    }
    this.look();
  }

  /** Probes: takes note of which replicas in use answer now. */
  look(): void {
    const { monotonicMs: now } = this.#time;
    const inUse = new Set<string>();
    for (const { service, replicas } of this.routes.values()) {
      for (const slot of SLOT_NAMES) {
        for (let replica = 0; replica < replicas[slot]; replica += 1) {
          const key = `${service}/${slot}/${replica}`;
          inUse.add(key);
          const sound = this.#behind.isSound(service, slot, replica);
          const known = this.#health.get(key);
          if (known === undefined) this.#health.set(key, { sound, wasHealthy: false, sinceMs: now });
          else if (known.sound !== sound)
            this.#health.set(key, { sound, wasHealthy: this.#isNow(service, slot, known), sinceMs: now });
        }
      }
    }
    for (const key of this.#health.keys()) if (!inUse.has(key)) this.#health.delete(key);
  }

  isHealthy(service: string, slot: SlotName, replica: number): boolean {
    const known = this.#health.get(`${service}/${slot}/${replica}`);
    return known !== undefined && this.#isNow(service, slot, known);
  }

  healthyIn(service: string, slot: SlotName): number {
    const used = this.routes.get(service)?.replicas[slot] ?? 0;
    let healthy = 0;
    for (let replica = 0; replica < used; replica += 1)
      if (this.isHealthy(service, slot, replica)) healthy += 1;
    return healthy;
  }

  /** Who answers the users of a service now. */
  served(service: string): Served {
    const served = { blue: 0, green: 0, nobody: 0 };
    for (const { slot, part } of this.wanted(service))
      served[this.#answers(service, slot) ?? 'nobody'] += part;
    return served;
  }

  /** Where the route sends them, sound or not. */
  wanted(service: string): readonly { readonly slot: SlotName | null; readonly part: number }[] {
    const route = this.routes.get(service);
    if (route === undefined) return [{ slot: null, part: 1 }];
    const { split, serve } = route;
    const share = split === null ? 0 : split.sharePercent / 100;
    const rest = { slot: serve, part: 1 - share };
    return split === null || share === 0 ? [rest] : [rest, { slot: split.slot, part: share }];
  }

  /** Counts the traffic of the milliseconds that have just gone by, and closes the seconds that are over. */
  serve(ms: number): void {
    for (const service of this.routes.keys()) {
      const served = this.served(service);
      for (const { slot, part } of this.wanted(service)) {
        if (slot === null || part === 0) continue;
        const requests = (REQUESTS_PER_SECOND * part * ms) / 1000;
        const answers = this.#answers(service, slot);
        if (answers !== slot) this.ledger.add(service, slot, { requests, failed: requests });
        if (answers === null) continue;
        const failed = requests * this.#behind.errorPart(service, answers, served[answers]);
        this.ledger.add(service, answers, { requests, failed });
      }
      this.#serveApart(service, ms);
    }
    this.ledger.close(Math.floor((this.#time.steadyMs + ms) / 1000) - 1);
  }

  /** Copies, beside those that they are of, and requests that choose the candidate. */
  #serveApart(service: string, ms: number): void {
    const { mirror, serve, candidate } = this.routes.get(service)!;
    const part = (slot: SlotName): number => this.#behind.errorPart(service, slot, 0);
    if (mirror !== undefined && serve !== null && this.healthyIn(service, mirror.slot) > 0) {
      const requests = (REQUESTS_PER_SECOND * mirror.sharePercent * ms) / 100_000;
      this.ledger.add(service, mirror.slot, { requests, failed: requests * part(mirror.slot) }, 'mirrored');
      if (this.#answers(service, serve) === serve) {
        const failed = requests * this.#behind.errorPart(service, serve, 1);
        this.ledger.add(service, serve, { requests, failed }, 'copied');
      }
    }
    const isOpen = this.doors.get(service)?.spec.override !== undefined;
    if (!isOpen || candidate === undefined || this.healthyIn(service, candidate) === 0) return;
    const requests = (CHOSEN_PER_SECOND * ms) / 1000;
    this.ledger.add(service, candidate, { requests, failed: requests * part(candidate) }, 'overrides');
  }

  #answers(service: string, slot: SlotName | null): SlotName | null {
    if (slot === null) return null;
    if (this.healthyIn(service, slot) > 0) return slot;
    const other = otherSlot(slot);
    return this.routes.get(service)?.standIn === true && this.healthyIn(service, other) > 0 ? other : null;
  }

  #isNow(service: string, slot: SlotName, { sound, wasHealthy, sinceMs }: Health): boolean {
    const forMs = this.#time.monotonicMs - sinceMs;
    const health = this.doors.get(service)?.health[slot];
    const { intervalMs, rise, fall } = health ?? { intervalMs: 200, rise: 2, fall: 2 };
    return sound ? wasHealthy || forMs >= intervalMs * rise : wasHealthy && forMs < intervalMs * fall;
  }

  #assertDoor(service: string): void {
    if (this.doors.has(service)) return;
    throw new OperatingError('TRAFFIC_NOT_INSTALLED', `${service} has no door here`, { retryable: false });
  }
}
