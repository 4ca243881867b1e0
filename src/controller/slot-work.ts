import { formatDuration } from '../lib/duration.ts';
import { messageOf, OperatingError } from '../lib/errors.ts';
import type { Release } from '../release/release.ts';
import type { SlotName } from '../release/slot.ts';
import type { Command } from '../rollout/command.ts';
import { placesOf } from '../rollout/places.ts';
import type { ServiceState } from '../rollout/state.ts';
import { doorOf } from './door.ts';
import type { Effort } from './effort.ts';
import type { Decisions } from './tenure.ts';
import type { Ports, Settings } from './ports.ts';

type CommandOf<K extends Command['kind']> = Extract<Command, { kind: K }>;

const DRAIN_LOOK_MS = 100;
const ROUTE_LOOK_MS = 20;
/** Past the door's own drain and grace, in which the proxy closes what it can. */
const CUT_AFTER_MS = 1000;
const FIRST_STABLE_RETRY_MS = 1000;
const LAST_STABLE_RETRY_MS = 60_000;
/** A busy machine makes a proxy slow for a moment; nothing but time is needed. */
const PASSES_BY_ITSELF: ReadonlySet<string> = new Set([
  'TRAFFIC_UNREACHABLE',
  'TRAFFIC_NOT_SERVED',
  'ROUTE_NOT_PROVEN',
]);
const PROXY_RETRY_MS = 500;

/** Starts, scales and stops what runs in slots. Before each effect it asks the state whether that is still wanted. */
export class SlotWork {
  readonly #ports: Ports;
  readonly #engine: Decisions;
  readonly #settings: Settings;
  readonly #effort: Effort;
  /** The newest start of each slot. One that was overtaken by a stop speaks for no later start of the same release. */
  readonly #starts = new Map<string, string>();

  constructor(parts: {
    readonly ports: Ports;
    readonly engine: Decisions;
    readonly settings: Settings;
    readonly effort: Effort;
  }) {
    this.#ports = parts.ports;
    this.#engine = parts.engine;
    this.#settings = parts.settings;
    this.#effort = parts.effort;
  }

  async start(service: string, id: string, command: CommandOf<'startSlot'>): Promise<void> {
    const { slot, releaseId, replicas } = command;
    const place = `${service}/${slot}`;
    const newest = this.#starts.get(place);
    // After another boot, what is new is asked for before what was never finished.
    if (newest === undefined || numberOf(id) > numberOf(newest)) this.#starts.set(place, id);
    for (
      let waitMs = FIRST_STABLE_RETRY_MS;
      !this.#effort.stopping.aborted;
      waitMs = Math.min(waitMs * 2, LAST_STABLE_RETRY_MS)
    ) {
      // Aborted, or lost with a restart of the machine: starting it now would leave processes that nobody knows.
      if (!this.holds(service, slot, releaseId) || this.#starts.get(place) !== id)
        return this.#engine.finishLater(service, id);
      try {
        await this.#emptied(service, slot);
        const state = this.#engine.find(service);
        if (state === null) return;
        await this.#ports.router.install(doorOf(state, this.#release));
        if (!this.holds(service, slot, releaseId)) continue;
        await this.ensure(state, slot, releaseId, this.#replicasOf(service, slot) || replicas);
        if (this.#starts.get(place) !== id) continue;
        return await this.#effort.report(service, { kind: 'slotStarted', slot, releaseId, replicas }, id);
      } catch (error) {
        if (this.#effort.stopping.aborted) return;
        if (this.#starts.get(place) !== id) continue;
        const state = this.#engine.find(service);
        const isStable = state?.slots[slot].role === 'stable';
        const leftMs = passesByItself(error) ? this.#readyWithinMs(state) : 0;
        if (!isStable && leftMs <= 0) {
          const reason = failureOf(error, state);
          return await this.#effort.report(service, { kind: 'slotFailed', slot, releaseId, reason }, id);
        }
        this.#ports.log.error(
          { service, slot },
          `starting ${isStable ? 'stable' : slot}: ${messageOf(error)}`,
        );
        await this.#effort.pause(isStable ? waitMs : Math.min(leftMs, PROXY_RETRY_MS));
      }
    }
  }

  /** What is left of the time in which the candidate is to become ready. */
  #readyWithinMs(state: ServiceState | null): number {
    const rollout = state?.rollout ?? null;
    if (rollout === null) return 0;
    return rollout.stepSinceMs + rollout.plan.readyWithinMs - this.#ports.clock.steadyMs();
  }

  /**
   * Until the proxy knows that nothing runs in the slot: it would take the health of what ran there before for the health
   * of what starts now. Error: ROUTE_NOT_PROVEN.
   */
  async #emptied(service: string, slot: SlotName): Promise<void> {
    const lateAtMs = this.#ports.clock.monotonicMs() + this.#settings.routeLateMs;
    while (!this.#effort.stopping.aborted) {
      const state = this.#engine.find(service);
      if (state === null || state.route.proven || state.slots[slot].replicas > 0) return;
      if (this.#ports.clock.monotonicMs() > lateAtMs) {
        throw new OperatingError(
          'ROUTE_NOT_PROVEN',
          `the proxy does not confirm that ${slot} is empty; nothing was started in it. See the log of the proxy.`,
          { retryable: true },
        );
      }
      await this.#effort.pause(ROUTE_LOOK_MS);
    }
  }

  async scale(service: string, id: string, command: CommandOf<'scaleSlot'>): Promise<void> {
    const { slot, releaseId, replicas } = command;
    const running = await this.#ports.runtime.observe(service).catch(() => []);
    const shrinks = running.some(
      (replica) => replica.slot === slot && replica.running && replica.replica >= replicas,
    );
    const state = this.#engine.find(service);
    if (state === null) return;
    // The proxy chooses the others from now on; what it gave to those that go may take as long as a drain.
    if (shrinks) await this.#effort.pause(state.spec.door.drainMs);
    if (this.#effort.stopping.aborted) return;
    const wanted = (): boolean =>
      this.holds(service, slot, releaseId) && this.#engine.find(service)?.slots[slot].replicas === replicas;
    await this.#effort.quietly(service, 'scaling', {
      act: () => this.ensure(state, slot, releaseId, replicas),
      wanted,
    });
    await this.#effort.report(service, { kind: 'slotScaled', slot, replicas }, id);
  }

  async stop(service: string, id: string, { slot, releaseId }: CommandOf<'stopSlot'>): Promise<void> {
    // After a restart of the machine another release may be in the slot: a stop knows no releases and would end it.
    const wanted = (): boolean => {
      const now = this.#engine.find(service)?.slots[slot];
      return now?.role === 'leaving' && now.releaseId === releaseId;
    };
    if (!wanted()) return this.#engine.finishLater(service, id);
    await this.#drained(service, slot);
    if (this.#effort.stopping.aborted) return;
    const grace = this.#release(releaseId)?.spec.stopGraceMs ?? 10_000;
    await this.#effort.quietly(service, `stopping ${slot}`, {
      act: () => this.#ports.runtime.stop(service, slot, grace),
      wanted,
    });
    await this.#effort.report(service, { kind: 'slotStopped', slot, releaseId }, id);
  }

  /**
   * Until nothing is in flight on the slot, at most as long as the door allows; the rest is cut. Begins when the slot is
   * proven to get nothing new; from then on a proxy that does not answer holds it up no longer than that.
   */
  async #drained(service: string, slot: SlotName): Promise<void> {
    let proven = false;
    let started = this.#ports.clock.monotonicMs();
    for (;;) {
      const state = this.#engine.find(service);
      if (state === null || this.#effort.stopping.aborted) return;
      if (!proven) started = this.#ports.clock.monotonicMs();
      proven ||= state.route.proven;
      const { drainMs, streamGraceMs } = state.spec.door;
      const waitedMs = this.#ports.clock.monotonicMs() - started;
      if (proven && (await this.#busy(service, slot)) === 0) return;
      if (proven && waitedMs > Math.max(drainMs, streamGraceMs) + CUT_AFTER_MS) {
        await this.#ports.router
          .cut(service, slot)
          .catch((error: unknown) => this.#ports.log.warn({ service, slot }, messageOf(error)));
        return;
      }
      await this.#effort.pause(DRAIN_LOOK_MS);
    }
  }

  /** Requests and streams in flight on the slot, or null where that cannot be seen. */
  async #busy(service: string, slot: SlotName): Promise<number | null> {
    try {
      const { inFlight, streams } = (await this.#ports.router.observe(service)).slots[slot];
      return inFlight + streams;
    } catch (error) {
      // A door that never opened let nobody in.
      return error instanceof OperatingError && error.code === 'TRAFFIC_NOT_INSTALLED' ? 0 : null;
    }
  }

  async ensure(state: ServiceState, slot: SlotName, releaseId: string, replicas: number): Promise<void> {
    const release = this.#release(releaseId);
    if (release === null) {
      throw new OperatingError(
        'RELEASE_UNKNOWN',
        `the record of ${releaseId} is gone; it cannot be started`,
        { retryable: false },
      );
    }
    await this.#ports.runtime.ensure({
      service: state.service,
      slot,
      release,
      replicas,
      addresses: placesOf(state, slot),
    });
  }

  /** As scaled since; 0 for what is not started yet. */
  #replicasOf(service: string, slot: SlotName): number {
    return this.#engine.find(service)?.slots[slot].replicas ?? 0;
  }

  /** Whether the state still has this release in the slot, to stay. */
  holds(service: string, slot: SlotName, releaseId: string): boolean {
    const now = this.#engine.find(service)?.slots[slot];
    return now !== undefined && now.releaseId === releaseId && now.role !== 'leaving';
  }

  readonly #release = (id: string): Release | null => releaseOf(this.#ports, id);
}

/** Commands of a service are numbered in the order in which they were decided. */
function numberOf(command: string): number {
  return Number(command.slice(command.lastIndexOf('/') + 1));
}

function passesByItself(error: unknown): boolean {
  return error instanceof OperatingError && PASSES_BY_ITSELF.has(error.code);
}

function failureOf(error: unknown, state: ServiceState | null): string {
  const reason = messageOf(error);
  const rollout = state?.rollout ?? null;
  if (rollout === null || !passesByItself(error)) return reason;
  return `${reason} (tried for ${formatDuration(rollout.plan.readyWithinMs)})`;
}

export function releaseOf(ports: Pick<Ports, 'journal'>, id: string): Release | null {
  return (ports.journal.document('release', id) as unknown as Release | undefined) ?? null;
}
