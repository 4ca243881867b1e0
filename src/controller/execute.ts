import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OperatingError } from '../lib/errors.ts';
import type { Release } from '../release/release.ts';
import type { SlotName } from '../release/slot.ts';
import type { Command, IssuedCommand } from '../rollout/command.ts';
import { routeOf } from '../rollout/route.ts';
import type { ServiceState } from '../rollout/state.ts';
import { doorOf } from './door.ts';
import type { BareEvent, Engine } from './engine.ts';
import { Lanes } from './lanes.ts';
import type { Ports, Settings } from './ports.ts';

type CommandOf<K extends Command['kind']> = Extract<Command, { kind: K }>;

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5000;
const DRAIN_LOOK_MS = 100;

/**
 * Does what was decided: each command goes to one port, what it came to goes back as an event. Commands of one lane
 * (the door and route, a release in a slot) run in order; all of them may be repeated after a restart. A stop waits for
 * no start: a build may take minutes, and who aborts it must not.
 */
export class Executor {
  readonly #ports: Ports;
  readonly #engine: Engine;
  readonly #settings: Settings;
  readonly #lanes = new Lanes();
  readonly #stopping: AbortSignal;

  constructor(ports: Ports, engine: Engine, settings: Settings, stopping: AbortSignal) {
    this.#ports = ports;
    this.#engine = engine;
    this.#settings = settings;
    this.#stopping = stopping;
  }

  enqueue(service: string, commands: readonly IssuedCommand[]): void {
    for (const issued of commands) {
      this.#lanes.run(laneOf(service, issued.command), () => this.#guarded(service, issued));
    }
  }

  /** Makes the world what the state says, without events: doors, processes and routes after a restart of the controller. */
  adopt(state: ServiceState): void {
    this.#lanes.run(`${state.service}/route`, () =>
      this.#quietly(state.service, 'door', () => this.#ports.router.install(doorOf(state, this.#release))),
    );
    for (const slot of ['blue', 'green'] as const) {
      const { role, releaseId, replicas } = state.slots[slot];
      if (releaseId === null || replicas === 0 || role === 'free' || role === 'leaving') continue;
      this.#lanes.run(laneOf(state.service, { kind: 'startSlot', slot, releaseId, replicas }), () =>
        this.#quietly(state.service, slot, async () => {
          if (this.#holds(state.service, slot, releaseId))
            await this.#ensure(state, slot, releaseId, replicas);
        }),
      );
    }
    if (!state.route.proven) return;
    this.#lanes.run(`${state.service}/route`, () =>
      this.#quietly(state.service, 'route', () => this.#ports.router.apply(routeOf(state))),
    );
  }

  /** Tries until it works, the service is gone, or the controller stops; the world may be slower to come back than we are. */
  async #quietly(service: string, what: string, act: () => Promise<unknown>): Promise<void> {
    for (
      let waitMs = FIRST_RETRY_MS;
      !this.#stopping.aborted && this.#engine.find(service) !== null;
      waitMs = Math.min(waitMs * 2, LAST_RETRY_MS)
    ) {
      try {
        await act();
        return;
      } catch (error) {
        this.#ports.log.warn({ service, what }, `adopting: ${messageOf(error)}`);
        await this.#pause(waitMs);
      }
    }
  }

  async #guarded(service: string, issued: IssuedCommand): Promise<void> {
    try {
      await this.#execute(service, issued);
    } catch (error) {
      if (this.#stopping.aborted) return;
      this.#ports.log.error({ service, command: issued.id }, `${issued.command.kind}: ${messageOf(error)}`);
    }
  }

  #execute(service: string, { id, command }: IssuedCommand): Promise<void> {
    switch (command.kind) {
      case 'installDoor':
        return this.#installDoor(service, id);
      case 'removeDoor':
        return this.#removeDoor(service, id);
      case 'applyRoute':
        return this.#applyRoute(service, id, command);
      case 'startSlot':
        return this.#startSlot(service, id, command);
      case 'scaleSlot':
        return this.#scaleSlot(service, id, command);
      case 'stopSlot':
        return this.#stopSlot(service, id, command);
    }
  }

  async #installDoor(service: string, id: string): Promise<void> {
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, LAST_RETRY_MS)) {
      const state = this.#engine.find(service);
      if (state === null || this.#stopping.aborted) return;
      try {
        await this.#ports.router.install(doorOf(state, this.#release));
        return await this.#report(service, { kind: 'doorInstalled' }, id);
      } catch (error) {
        if (!isRetryable(error))
          return await this.#report(service, { kind: 'doorFailed', reason: messageOf(error) }, id);
        this.#ports.log.warn({ service }, `installing the door: ${messageOf(error)}`);
        await this.#pause(waitMs);
      }
    }
  }

  async #removeDoor(service: string, id: string): Promise<void> {
    await this.#quietly(service, 'removing the door', () => this.#ports.router.remove(service));
    await this.#report(service, { kind: 'doorRemoved' }, id);
  }

  /** Applies, then reads back. Says once that it is late, and goes on until it is proven or replaced. */
  async #applyRoute(service: string, id: string, { route }: CommandOf<'applyRoute'>): Promise<void> {
    const lateAtMs = this.#ports.clock.monotonicMs() + this.#settings.routeLateMs;
    let late = false;
    for (let waitMs = FIRST_RETRY_MS; !this.#stopping.aborted; waitMs = Math.min(waitMs * 2, 1000)) {
      const state = this.#engine.find(service);
      if (state === null) return;
      if (state.route.revision > route.revision) return this.#engine.finishLater(service, id);
      try {
        await this.#ports.router.apply(route);
        const { revision } = await this.#ports.router.observe(service);
        if (revision >= route.revision)
          return await this.#report(service, { kind: 'routeProven', revision: route.revision }, id);
        throw new OperatingError(
          'ROUTE_NOT_PROVEN',
          `the proxy still uses revision ${revision}, not ${route.revision}`,
          { retryable: true },
        );
      } catch (error) {
        this.#ports.log.warn(
          { service, revision: route.revision },
          `applying the route: ${messageOf(error)}`,
        );
        if (!late && this.#ports.clock.monotonicMs() > lateAtMs) {
          late = true;
          this.#engine.post(
            service,
            { kind: 'routeLate', revision: route.revision, reason: messageOf(error) },
            'bascule',
          );
        }
        await this.#pause(waitMs);
      }
    }
  }

  async #startSlot(service: string, id: string, command: CommandOf<'startSlot'>): Promise<void> {
    const { slot, releaseId, replicas } = command;
    for (let waitMs = 1000; !this.#stopping.aborted; waitMs = Math.min(waitMs * 2, 60_000)) {
      const state = this.#engine.find(service);
      if (state === null) return;
      try {
        await this.#ports.router.install(doorOf(state, this.#release));
        if (!this.#holds(service, slot, releaseId)) return this.#engine.finishLater(service, id);
        await this.#ensure(state, slot, releaseId, replicas);
        return await this.#report(service, { kind: 'slotStarted', slot, releaseId, replicas }, id);
      } catch (error) {
        if (this.#stopping.aborted) return;
        const now = this.#engine.find(service)?.slots[slot];
        const mustRun = now?.releaseId === releaseId && now.role === 'stable';
        if (!mustRun)
          return await this.#report(
            service,
            { kind: 'slotFailed', slot, releaseId, reason: messageOf(error) },
            id,
          );
        this.#ports.log.error({ service, slot }, `starting stable: ${messageOf(error)}`);
        await this.#pause(waitMs);
      }
    }
  }

  async #scaleSlot(service: string, id: string, command: CommandOf<'scaleSlot'>): Promise<void> {
    const { slot, releaseId, replicas } = command;
    const running = await this.#ports.runtime.observe(service);
    const shrinks = running.some(
      (replica) => replica.slot === slot && replica.running && replica.replica >= replicas,
    );
    const state = this.#engine.find(service);
    if (state === null) return;
    // The proxy chooses the others from now on; what it gave to those that go may take as long as a drain.
    if (shrinks) await this.#pause(state.spec.door.drainMs);
    if (this.#stopping.aborted) return;
    await this.#quietly(service, 'scaling', async () => {
      if (this.#holds(service, slot, releaseId)) await this.#ensure(state, slot, releaseId, replicas);
    });
    await this.#report(service, { kind: 'slotScaled', slot, replicas }, id);
  }

  async #stopSlot(service: string, id: string, { slot, releaseId }: CommandOf<'stopSlot'>): Promise<void> {
    await this.#drained(service, slot);
    if (this.#stopping.aborted) return;
    const grace = this.#release(releaseId)?.spec.stopGraceMs ?? 10_000;
    await this.#quietly(service, `stopping ${slot}`, () => this.#ports.runtime.stop(service, slot, grace));
    await this.#report(service, { kind: 'slotStopped', slot, releaseId }, id);
  }

  /** Until nothing is in flight on the slot, at most as long as the door allows; the rest is cut. */
  async #drained(service: string, slot: SlotName): Promise<void> {
    const started = this.#ports.clock.monotonicMs();
    for (;;) {
      const state = this.#engine.find(service);
      if (state === null || this.#stopping.aborted) return;
      const { drainMs, streamGraceMs } = state.spec.door;
      const waitedMs = this.#ports.clock.monotonicMs() - started;
      const busy = state.route.proven ? await this.#busy(service, slot) : null;
      if (busy === 0) return;
      if (busy !== null && waitedMs > Math.max(drainMs, streamGraceMs) + 1000) {
        await this.#ports.router
          .cut(service, slot)
          .catch((error: unknown) => this.#ports.log.warn({ service, slot }, messageOf(error)));
        return;
      }
      await this.#pause(DRAIN_LOOK_MS);
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

  /** Whether the slot is still meant to run this release: it may have been stopped, or the machine restarted, since. */
  #holds(service: string, slot: SlotName, releaseId: string): boolean {
    const now = this.#engine.find(service)?.slots[slot];
    return now?.releaseId === releaseId && now.role !== 'leaving';
  }

  async #ensure(state: ServiceState, slot: SlotName, releaseId: string, replicas: number): Promise<void> {
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
      addresses: state.addresses[slot],
    });
  }

  readonly #release = (id: string): Release | null => {
    return (this.#ports.journal.document('release', id) as unknown as Release | undefined) ?? null;
  };

  /** The result must reach the journal: what is not there did not happen and would be done again. */
  async #report(service: string, event: BareEvent, id: string): Promise<void> {
    for (
      let waitMs = FIRST_RETRY_MS;
      !this.#stopping.aborted && this.#engine.find(service) !== null;
      waitMs = Math.min(waitMs * 2, LAST_RETRY_MS)
    ) {
      try {
        this.#engine.post(service, event, 'bascule', { finished: [id] });
        return;
      } catch (error) {
        if (!isRetryable(error)) throw error;
        this.#ports.log.error({ service, event: event.kind }, `cannot record: ${messageOf(error)}`);
        await this.#pause(waitMs);
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping, ref: false }).catch(() => undefined);
  }
}

function laneOf(service: string, command: Command): string {
  if (!('slot' in command)) return `${service}/route`;
  return command.kind === 'stopSlot'
    ? `${service}/${command.slot}/stop`
    : `${service}/${command.slot}/${command.releaseId}`;
}

function isRetryable(error: unknown): boolean {
  return error instanceof OperatingError && error.retryable;
}
