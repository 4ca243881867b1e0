import { isDeepStrictEqual } from 'node:util';
import { formatAddress } from '../../lib/address.ts';
import { OperatingError } from '../../lib/errors.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import type { Door, DoorObservation, Route, SlotObservation } from '../router.ts';
import type { TrafficBatch } from '../counts.ts';
import { doorConflict } from '../door-conflict.ts';
import type { AcmeDesk } from './acme/acme-desk.ts';
import type { CertificateShelf } from './certificate-shelf.ts';
import type { Fleet } from './fleet.ts';
import type { Ledger } from './ledger.ts';
import { type Listen, listensOn, mixedListener } from './door-listeners.ts';
import { type ListeningHandle, bindListener, listenError } from './listeners.ts';
import type { Answer, RouteInUse } from './messages.ts';
import type { ServiceState, StateStore } from '../state-store.ts';
import { ruleProblem } from '../rule-problem.ts';
import type { ReplicaDesk } from './replica-desk.ts';
import type { Prober } from '../prober.ts';

export type PlaneParts = {
  readonly store: StateStore;
  readonly fleet: Fleet;
  readonly prober: Prober;
  readonly ledger: Ledger;
  readonly shelf: CertificateShelf;
  readonly acme: AcmeDesk;
  readonly replicas: ReplicaDesk;
  /** Sockets of the proxy that this one replaces, each until it is listened on. */
  readonly inherited: Map<string, ListeningHandle>;
};

/** Whether a replica was well when the proxy that this one replaces saw it last. */
export type Healthy = (service: string, slot: SlotName, replica: number) => boolean;

/** All services of the data plane, as its parent process knows them. What it confirms is on disk and in every worker. */
export class Plane {
  private readonly parts: PlaneParts;
  private readonly services: Map<string, ServiceState>;
  /** Installs and removals, one after the other. */
  private changing: Promise<unknown> = Promise.resolve();

  constructor(parts: PlaneParts, restored: readonly ServiceState[]) {
    this.parts = parts;
    this.services = new Map(restored.map((state) => [state.door.service, state]));
  }

  get states(): ServiceState[] {
    return [...this.services.values()];
  }

  stateOf(service: string): ServiceState | null {
    return this.services.get(service) ?? null;
  }

  doorOf(service: string): Door | null {
    return this.services.get(service)?.door ?? null;
  }

  /** Begins to listen where a restored door is and nobody listens yet; returns what could not be had. */
  async listenMissing(): Promise<OperatingError[]> {
    const errors: OperatingError[] = [];
    // Each once: a thousand services may be behind one port, and another program may have it.
    const all = this.states.flatMap(({ door }) => listensOn(door));
    for (const listen of new Map(all.map((one) => [formatAddress(one.address), one])).values()) {
      await this.listenFor(listen).catch((error: unknown) => {
        if (!(error instanceof OperatingError)) throw error;
        errors.push(error);
      });
    }
    return errors;
  }

  /**
   * Becomes what the replaced proxy was, where the disk said something else: it may have changed since it was read, or was
   * damaged. Nobody listens yet. Returns the services that differed.
   */
  async become(states: readonly ServiceState[], healthy: Healthy): Promise<readonly string[]> {
    const others = states.filter((state) => !isDeepStrictEqual(this.services.get(state.door.service), state));
    const gone = [...this.services.keys()].filter(
      (service) => !states.some(({ door }) => door.service === service),
    );
    for (const service of gone) await this.remove(service);
    for (const { door } of others) this.parts.acme.follow(door);
    this.parts.shelf.restore(others.map(({ door }) => door));
    for (const state of others) {
      const { door, route } = state;
      this.services.set(door.service, state);
      const certificates = this.parts.shelf.of(door.service);
      const told = this.parts.fleet.ask({ op: 'install', door, certificates });
      this.parts.replicas.install(door);
      await told;
      if (route !== null) await this.parts.fleet.ask({ op: 'apply', route });
      this.parts.prober.follow(door, route, (slot, replica) => healthy(door.service, slot, replica));
      for (const health of this.parts.prober.health()) this.parts.fleet.tell({ kind: 'health', health });
      await this.parts.store.save(state);
    }
    return [...gone, ...others.map(({ door }) => door.service)];
  }

  /**
   * Errors: TRAFFIC_DOOR_TAKEN, TRAFFIC_DOOR_UNFIT, TRAFFIC_CERTIFICATE_UNUSABLE, TRAFFIC_LISTEN_FAILED,
   * TRAFFIC_STATE_UNWRITABLE.
   */
  install(door: Door): Promise<void> {
    return this.oneByOne(async () => {
      const doors = this.states.map((state) => state.door);
      const conflict = doorConflict(door, doors) ?? mixedListener(door, doors);
      if (conflict !== null) throw conflict;
      const before = this.services.get(door.service);
      // A controller that starts gives all doors again: those that are on disk and in every worker need not be synced anew.
      if (before !== undefined && isDeepStrictEqual(before.door, door) && this.listensFor(door)) return;
      const held = this.parts.shelf.prepare(door);
      const state = { door, route: before?.route ?? null };
      try {
        for (const listen of listensOn(door)) await this.listenFor(listen);
        await this.parts.store.save(state);
      } catch (error) {
        this.closeUnused();
        throw error;
      }
      // A route that came meanwhile is kept.
      const { route } = this.services.get(door.service) ?? state;
      this.services.set(door.service, { door, route });
      if (route !== state.route) await this.parts.store.save({ door, route });
      this.parts.shelf.put(door.service, held);
      this.parts.acme.follow(door);
      const told = this.parts.fleet.ask({
        op: 'install',
        door,
        certificates: this.parts.shelf.of(door.service),
      });
      this.parts.replicas.install(door);
      await told;
      for (const { address, speech } of listensOn(door))
        await this.parts.fleet.speak(formatAddress(address), speech);
      this.parts.prober.follow(door, route);
      this.parts.replicas.review(door.service);
      this.closeUnused();
    });
  }

  /** Errors: TRAFFIC_STATE_UNWRITABLE. */
  remove(service: string): Promise<void> {
    return this.oneByOne(async () => {
      if (!this.services.has(service)) return;
      await this.parts.store.remove(service);
      this.services.delete(service);
      this.parts.prober.forget(service);
      this.parts.ledger.forget(service);
      this.parts.shelf.forget(service);
      this.parts.acme.forget(service);
      this.parts.replicas.forget(service);
      await this.parts.fleet.ask({ op: 'remove', service });
      this.closeUnused();
    });
  }

  /**
   * Workers and disk at the same time: a switch back must not wait for a slow disk.
   * Errors: TRAFFIC_NOT_INSTALLED, TRAFFIC_ROUTE_INVALID, TRAFFIC_STATE_UNWRITABLE.
   */
  async apply(route: Route): Promise<void> {
    const { door, route: before } = this.state(route.service);
    checkRoute(route, door);
    if (before !== null && route.revision <= before.revision) {
      // Late, or a repeat after an answer was lost: what is in use must be durable before it is confirmed.
      await this.parts.store.save(this.state(route.service));
      return;
    }
    const inUse = withDeadline(route);
    const state = { door, route: inUse };
    this.services.set(route.service, state);
    const told = this.parts.fleet.ask({ op: 'apply', route: inUse });
    this.parts.prober.follow(door, route);
    this.parts.replicas.review(route.service);
    const [saved] = await Promise.allSettled([this.parts.store.save(state), told]);
    if (saved.status === 'rejected') throw saved.reason;
  }

  /** Errors: TRAFFIC_NOT_INSTALLED, TRAFFIC_UNREACHABLE while no worker runs. */
  async observe(service: string): Promise<DoorObservation> {
    this.state(service);
    const answers = await this.parts.fleet.ask({ op: 'observe', service });
    if (answers.length === 0) throw noWorker();
    const slot = (name: SlotName): SlotObservation => ({
      replicas: this.parts.prober.observe(service, name),
      inFlight: answers.reduce((sum, answer) => sum + answer.inFlight[name], 0),
      streams: answers.reduce((sum, answer) => sum + answer.streams[name], 0),
      ...queuedIn(answers, name),
      ...ejectedIn(this.parts.replicas.ejections.ejected(service, name)),
    });
    const certificates = this.parts.shelf.observe(service);
    const held = answers.reduce((sum, answer) => sum + answer.held, 0);
    return {
      revision: Math.min(...answers.map((answer) => answer.revision)),
      slots: { blue: slot('blue'), green: slot('green') },
      ...(held > 0 && { held }),
      ...(certificates.length > 0 && { certificates }),
    };
  }

  /** Errors: TRAFFIC_NOT_INSTALLED. */
  async cut(service: string, slot: SlotName): Promise<number> {
    this.state(service);
    const answers = await this.parts.fleet.ask({ op: 'cut', service, slot });
    return answers.reduce((sum, answer) => sum + answer.cut, 0);
  }

  /** Errors: TRAFFIC_NOT_INSTALLED, TRAFFIC_CURSOR_INVALID. */
  traffic(service: string, cursor: string | null): TrafficBatch {
    this.state(service);
    return this.parts.ledger.batch(service, cursor);
  }

  private async listenFor({ address, speech }: Listen): Promise<void> {
    const listener = formatAddress(address);
    if (this.parts.fleet.listeners.includes(listener)) return;
    const inherited = this.parts.inherited.get(listener);
    this.parts.inherited.delete(listener);
    const handle = inherited ?? bindListener(address);
    const error = await this.parts.fleet.listen(listener, { handle, speech });
    if (error !== null) throw listenError(address, error);
  }

  private listensFor(door: Door): boolean {
    return listensOn(door).every(({ address }) =>
      this.parts.fleet.listeners.includes(formatAddress(address)),
    );
  }

  private closeUnused(): void {
    const used = new Set(
      this.states.flatMap(({ door }) => listensOn(door)).map(({ address }) => formatAddress(address)),
    );
    for (const listener of this.parts.fleet.listeners) {
      if (!used.has(listener)) this.parts.fleet.unlisten(listener);
    }
  }

  private state(service: string): ServiceState {
    const state = this.services.get(service);
    if (state !== undefined) return state;
    throw new OperatingError(
      'TRAFFIC_NOT_INSTALLED',
      `The proxy has no door of a service ${service}; nothing was changed. Install the door first ("bascule apply").`,
      { retryable: false },
    );
  }

  private oneByOne<T>(change: () => Promise<T>): Promise<T> {
    const result = this.changing.then(change, change);
    this.changing = result.catch(() => {});
    return result;
  }
}

function queuedIn(answers: readonly Answer[], slot: SlotName): Pick<SlotObservation, 'queued'> {
  const queued = answers.reduce((sum, answer) => sum + answer.queued[slot], 0);
  return queued === 0 ? {} : { queued };
}

function ejectedIn(ejected: readonly number[]): Pick<SlotObservation, 'ejected'> {
  return ejected.length === 0 ? {} : { ejected };
}

/** A hold ends at a moment, not some time after each start of a worker. */
function withDeadline(route: Route): RouteInUse {
  return route.hold === undefined ? route : { ...route, holdUntilMs: Date.now() + route.hold.maxMs };
}

function checkRoute(route: Route, door: Door): void {
  const problem = routeProblem(route, door);
  if (problem === null) return;
  throw new OperatingError(
    'TRAFFIC_ROUTE_INVALID',
    `The proxy refused a route of ${route.service}: ${problem}; traffic is unchanged.`,
    { retryable: false },
  );
}

function routeProblem(route: Route, door: Door): string | null {
  if (!Number.isSafeInteger(route.revision) || route.revision < 1)
    return `revision ${route.revision} is not a positive number`;
  for (const slot of SLOT_NAMES) {
    const replicas = route.replicas[slot];
    const reserved = door.slots[slot].length;
    if (!Number.isInteger(replicas) || replicas < 0 || replicas > reserved) {
      return `${replicas} replicas of ${slot}, which has ${reserved} addresses`;
    }
  }
  const rule = ruleProblem(route);
  if (rule !== null) return rule;
  if (route.split === null) return null;
  const tenths = route.split.sharePercent * 10;
  if (!(tenths >= 0 && tenths <= 1000)) return `a share of ${route.split.sharePercent} %`;
  return Math.abs(tenths - Math.round(tenths)) > 1e-6
    ? `a share finer than 0.1 % (${route.split.sharePercent} %)`
    : null;
}

function noWorker(): OperatingError {
  return new OperatingError(
    'TRAFFIC_UNREACHABLE',
    'No worker of the proxy runs at the moment; it is being restarted. See proxy.log in its state directory if this stays.',
    { retryable: true },
  );
}
