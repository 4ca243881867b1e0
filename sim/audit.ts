import { OperatingError } from '../src/lib/errors.ts';
import type { JournalEntry, StoredAggregate } from '../src/journal/journal.ts';
import type { ServiceState } from '../src/rollout/state.ts';
import type { SlotName } from '../src/release/slot.ts';
import type { Route } from '../src/traffic/router.ts';
import type { SlotWorkload } from '../src/workload/runtime.ts';
import { Killed } from './journal-tap.ts';
import type { Machine } from './machine.ts';
import type { ManualTime } from './manual-time.ts';
import { Memory } from './memory.ts';
import type { FakeProxy } from './proxy.ts';
import { RecordAudit } from './record-audit.ts';
import { TrafficAudit } from './traffic-audit.ts';

/** What of the world is looked at. */
export type Watched = {
  readonly time: ManualTime;
  readonly machine: Machine;
  readonly proxy: FakeProxy;
  readonly live: ReadonlyMap<string, ServiceState>;
  readonly isAlive: boolean;
  readonly proxyAway: boolean;
  readonly diskFull: boolean;
  isSaved(releaseId: string): boolean;
  tell(line: () => string): void;
  doomUnderTraffic(key: string, releaseId: string): void;
};

/** More would mean that something waits again and again without an end. */
const MOST_TIMERS = 150;

/**
 * Looks at the world, not at what the controller believes: who answers users, what runs, what the journal holds. Whatever may
 * never be so is a breach, with the moment at which it was seen.
 */
export class Audit {
  readonly breaches: string[] = [];
  readonly memory: Memory;
  readonly #world: Watched;
  readonly #traffic: TrafficAudit;
  readonly #records: RecordAudit;

  constructor(world: Watched) {
    this.#world = world;
    this.memory = new Memory(world.time);
    const breach = (what: string): void => this.breach(what);
    this.#traffic = new TrafficAudit(world, this.memory, breach);
    this.#records = new RecordAudit(world, this.memory, breach);
  }

  breach(what: string): void {
    this.#world.tell(() => `BREACH: ${what}`);
    this.breaches.push(`${(this.#world.time.monotonicMs / 1000).toFixed(2)}s: ${what}`);
  }

  /** The controller, or what it steers, could not be reached for a moment: bounded times begin anew. */
  obstructed(what: string, forMs = 0): void {
    this.#world.tell(() => `! ${what}`);
    this.memory.obstructed(forMs);
  }

  rebooted(): void {
    this.#world.tell(() => '! the machine was restarted');
    this.memory.strike('machine restarts');
    this.memory.reboots += 1;
    this.memory.obstructed(0);
    this.#traffic.rebooted();
  }

  /** A proxy that is away answers nobody. */
  mustAnswer(): void {
    if (!this.#world.proxyAway) return;
    throw new OperatingError('TRAFFIC_UNREACHABLE', 'the proxy does not answer', { retryable: true });
  }

  /** Only what the world does may be thrown at people: never a bug. */
  mustBeTheWorlds(error: unknown): void {
    if (error instanceof OperatingError || error instanceof Killed) return;
    this.breach(`not an error of the world: ${String(error)}`);
  }

  /** Nothing stands in the way of an abort: neither a lock nor a phase. */
  mayRefuseAbort(service: string, code: string): void {
    if (this.#world.live.has(service)) this.breach(`an abort was refused: ${code}`);
  }

  loaded(aggregates: readonly StoredAggregate[]): void {
    this.#records.loaded(aggregates);
  }

  committed(entry: JournalEntry, before: ServiceState | null): void {
    this.#records.committed(entry, before);
    this.#traffic.committed(entry, before);
  }

  routed(after: Route): void {
    this.#traffic.routed(after);
  }

  bringing(workload: SlotWorkload): void {
    this.#traffic.bringing(workload);
  }

  stopping(service: string, slot: SlotName): void {
    this.#traffic.stopping(service, slot);
  }

  /** After everything that happens at one moment has happened. */
  moment(): void {
    const { isAlive, proxyAway, diskFull, time } = this.#world;
    if (!isAlive || proxyAway || diskFull) this.memory.obstructed(0);
    if (time.waiting > MOST_TIMERS) this.breach(`${time.waiting} timers wait`);
    this.#traffic.moment();
  }

  /** The release that the last finished rollout of a service brought, as the records say; null for none. */
  expected(service: string): string | null {
    return this.#records.expected.get(service) ?? null;
  }

  outcomeOf(rollout: string): string | null {
    return this.#records.outcomeOf(rollout);
  }

  /** At rest, with nothing that troubles it for a while: everything must be exactly right. */
  atRest(): void {
    this.#records.atRest();
    this.#traffic.atRest((service) => this.expected(service));
  }
}
