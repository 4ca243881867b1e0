import { isRetryable, messageOf, OperatingError } from '../lib/errors.ts';
import type { Release } from '../release/release.ts';
import { SLOT_NAMES } from '../release/slot.ts';
import type { Command, IssuedCommand } from '../rollout/command.ts';
import { routeOf } from '../rollout/route.ts';
import type { ServiceState } from '../rollout/state.ts';
import type { Route } from '../traffic/router.ts';
import { doorOf } from './door.ts';
import { Effort, FIRST_RETRY_MS, LAST_RETRY_MS } from './effort.ts';
import type { Decisions } from './tenure.ts';
import { Lanes } from './lanes.ts';
import type { Ports, Settings } from './ports.ts';
import { releaseOf, SlotWork } from './slot-work.ts';
import { VerifyWork } from './verify-work.ts';

type CommandOf<K extends Command['kind']> = Extract<Command, { kind: K }>;

/**
 * Does what was decided: each command goes to one port, what it came to goes back as an event. All of them may be repeated
 * after a restart; what the state does not ask for any more is dropped. Nothing stands before a route, not even an older
 * one that hangs (the router ignores late revisions), and nothing before a stop but another stop of the same slot: a build
 * that goes on does not hold up an abort.
 */
export class Executor {
  readonly #ports: Ports;
  readonly #engine: Decisions;
  readonly #settings: Settings;
  readonly #lanes = new Lanes();
  readonly #stopping: AbortSignal;
  readonly #effort: Effort;
  readonly #slots: SlotWork;
  readonly #checks: VerifyWork;

  constructor(ports: Ports, engine: Decisions, settings: Settings, stopping: AbortSignal) {
    this.#ports = ports;
    this.#engine = engine;
    this.#settings = settings;
    this.#stopping = stopping;
    this.#effort = new Effort(ports, engine, stopping);
    this.#slots = new SlotWork({ ports, engine, settings, effort: this.#effort });
    this.#checks = new VerifyWork(ports, engine, this.#effort);
  }

  enqueue(service: string, commands: readonly IssuedCommand[]): void {
    for (const issued of commands) {
      const lane = laneOf(service, issued.command);
      if (lane === null) void this.#guarded(service, issued);
      else this.#lanes.run(lane, () => this.#guarded(service, issued));
    }
  }

  /** The way back when the journal is full: moves the traffic without a record of it. */
  backUnrecorded(route: Route): void {
    const { service } = route;
    this.#ports.router
      .apply(route)
      .catch((error: unknown) =>
        this.#ports.log.error({ service }, `going back unrecorded: ${messageOf(error)}`),
      );
  }

  /**
   * Makes the world what the state says, without events: doors, processes and routes after a restart of the controller.
   * `pending`: what is done anyway.
   */
  adopt(state: ServiceState, pending: readonly IssuedCommand[]): void {
    const { service } = state;
    this.#lanes.run(`${service}/door`, () =>
      this.#effort.quietly(service, 'door', {
        act: () => this.#ports.router.install(doorOf(this.#engine.find(service) ?? state, this.#release)),
        // Only the proxy's absence passes by itself; the rest would be the same the next time.
        wanted: (error) => error === null || isRetryable(error),
      }),
    );
    if (state.route.proven) {
      void this.#effort.quietly(service, 'route', {
        act: () => this.#ports.router.apply(routeOf(state)),
        wanted: () => this.#engine.find(service)?.route.revision === state.route.revision,
      });
    }
    for (const slot of SLOT_NAMES) {
      const { role, releaseId, replicas } = state.slots[slot];
      if (releaseId === null || replicas === 0 || role === 'free' || role === 'leaving') continue;
      if (pending.some(({ command }) => command.kind === 'startSlot' && command.slot === slot)) continue;
      void this.#effort.quietly(service, slot, {
        act: () => {
          // It may be scaled while this is tried.
          const now = this.#engine.find(service)?.slots[slot].replicas ?? replicas;
          return this.#slots.ensure(state, slot, releaseId, now);
        },
        wanted: () => this.#slots.holds(service, slot, releaseId),
      });
    }
  }

  /** The proxy has lost a door or a route that was proven: both again, once. What is not proven is being applied anyway. */
  async restore(service: string): Promise<void> {
    const state = this.#engine.find(service);
    if (state === null || !state.route.proven || state.route.revision === 0) return;
    await this.#reinstall(service);
    await this.#ports.router.apply(routeOf(state));
  }

  /** In the lane of the door, so that it never comes after a removal. */
  #reinstall(service: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#lanes.run(`${service}/door`, async () => {
        const state = this.#engine.find(service);
        const isLeft =
          state === null || (state.removing && SLOT_NAMES.every((slot) => state.slots[slot].role === 'free'));
        try {
          if (!isLeft) await this.#ports.router.install(doorOf(state, this.#release));
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
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
        return this.#slots.start(service, id, command);
      case 'scaleSlot':
        return this.#slots.scale(service, id, command);
      case 'stopSlot':
        return this.#slots.stop(service, id, command);
      case 'verify':
        return this.#checks.run(service, id, command);
    }
  }

  async #installDoor(service: string, id: string): Promise<void> {
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, LAST_RETRY_MS)) {
      const state = this.#engine.find(service);
      if (state === null || this.#stopping.aborted) return;
      try {
        await this.#ports.router.install(doorOf(state, this.#release));
        return await this.#effort.report(service, { kind: 'doorInstalled' }, id);
      } catch (error) {
        if (!isRetryable(error))
          return await this.#effort.report(service, { kind: 'doorFailed', reason: messageOf(error) }, id);
        this.#ports.log.warn({ service }, `installing the door: ${messageOf(error)}`);
        await this.#effort.pause(waitMs);
      }
    }
  }

  async #removeDoor(service: string, id: string): Promise<void> {
    await this.#effort.quietly(service, 'removing the door', {
      act: () => this.#ports.router.remove(service),
      wanted: () => true,
    });
    await this.#effort.report(service, { kind: 'doorRemoved' }, id);
  }

  /** Applies, then reads back. Says once that it is late, and goes on until it is proven or replaced. */
  async #applyRoute(service: string, id: string, { route }: CommandOf<'applyRoute'>): Promise<void> {
    const lateAtMs = this.#ports.clock.monotonicMs() + this.#settings.routeLateMs;
    let late = false;
    let hasDoor = true;
    for (let waitMs = FIRST_RETRY_MS; !this.#stopping.aborted; waitMs = Math.min(waitMs * 2, 1000)) {
      const state = this.#engine.find(service);
      if (state === null) return;
      if (state.route.revision > route.revision) return this.#engine.finishLater(service, id);
      try {
        if (!hasDoor) await this.#reinstall(service);
        await this.#ports.router.apply(route);
        const { revision } = await this.#ports.router.observe(service);
        // Traffic was taken back without a record of it.
        if (revision > route.revision) {
          this.#engine.post(service, { kind: 'routeAhead', revision }, 'bascule');
          continue;
        }
        if (revision === route.revision)
          return await this.#effort.report(service, { kind: 'routeProven', revision: route.revision }, id);
        throw new OperatingError(
          'ROUTE_NOT_PROVEN',
          `the proxy still uses revision ${revision}, not ${route.revision}`,
          { retryable: true },
        );
      } catch (error) {
        hasDoor = !isNotInstalled(error);
        this.#ports.log.warn(
          { service, revision: route.revision },
          `applying the route: ${messageOf(error)}`,
        );
        if (!late && this.#ports.clock.monotonicMs() > lateAtMs) {
          late = this.#tellLate(service, route.revision, messageOf(error));
        }
        await this.#effort.pause(waitMs);
      }
    }
  }

  /** Whether it could be recorded; if not, it is said again later. */
  #tellLate(service: string, revision: number, reason: string): boolean {
    try {
      this.#engine.post(service, { kind: 'routeLate', revision, reason }, 'bascule');
      return true;
    } catch (error) {
      this.#ports.log.error({ service, event: 'routeLate' }, `cannot record: ${messageOf(error)}`);
      return false;
    }
  }

  readonly #release = (id: string): Release | null => releaseOf(this.#ports, id);
}

/** A proxy that lost what was on its disk knows no doors. */
export function isNotInstalled(error: unknown): boolean {
  return error instanceof OperatingError && error.code === 'TRAFFIC_NOT_INSTALLED';
}

function laneOf(service: string, command: Command): string | null {
  switch (command.kind) {
    case 'applyRoute':
    case 'startSlot':
    case 'verify':
      return null;
    case 'installDoor':
    case 'removeDoor':
      return `${service}/door`;
    case 'scaleSlot':
    case 'stopSlot':
      return `${service}/${command.slot}`;
  }
}
