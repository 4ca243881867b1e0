import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { OperatingError } from '../../lib/errors.ts';
import type { HaproxyProxy } from '../../release/service.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import type { TrafficBatch } from '../counts.ts';
import { doorConflict } from '../door-conflict.ts';
import type { Door, DoorObservation, Route, RouterCapabilities, TrafficRouter } from '../router.ts';
import { StateStore } from '../state-store.ts';
import { BadAnswers } from './bad-answers.ts';
import { Control } from './control.ts';
import { Installation } from './installation.ts';
import { LiveService } from './live-service.ts';
import { LogSpace } from './log-space.ts';
import { ManagedHaproxy } from './managed.ts';
import type { ServicePlan } from './plan.ts';
import { ALL_KEY, GONE } from './route-map.ts';
import { observation, type ServerState } from './stats.ts';
import { SystemHaproxy } from './system.ts';

export type HaproxyRouterOptions = {
  /** Holds maps, certificates and the state; a managed HAProxy wholly. Letters, digits and . _ - / only. */
  readonly root: string;
  /** Steady for the seconds of counts; by the wall clock HAProxy stamps its lines. */
  readonly clock: Pick<Clock, 'nowMs' | 'steadyMs'>;
  readonly binary?: string;
  /** Command that does what needs root for the HAProxy of the machine, or null to run HAProxy itself. */
  readonly helper?: readonly string[] | null;
  /** The main file of the machine's HAProxy. */
  readonly mainFile?: string;
  /** Told of what it could not take up. */
  readonly report?: (message: string) => void;
};

const CAPABILITIES: RouterCapabilities = {
  shareStepPercent: 0.1,
  sticky: ['cookie', 'header', 'address', 'none'],
  identities: true,
  // Its rules would have to look at a secret or an address list before the slot: not there yet.
  override: false,
  // A hold would need a third target that queues; HAProxy's own queue has no way out that is automatic.
  hold: false,
  // HAProxy hands requests to agents, not copies of them to other servers.
  mirror: false,
  preview: true,
};
const LOST_BEFORE_S = 2;

type Running = { readonly installation: Installation; readonly control: Control; readonly space: LogSpace };

/** HAProxy behind the router port: one that the machine has, or one of Bascule's own. */
export class HaproxyRouter implements TrafficRouter {
  readonly capabilities = CAPABILITIES;
  readonly managed: ManagedHaproxy;
  private readonly options: HaproxyRouterOptions;
  private readonly services = new Map<string, LiveService>();
  private readonly running = new Map<string, Running>();
  private readonly epoch = randomBytes(6).toString('hex');
  private readonly store: StateStore;
  private readonly answers = new BadAnswers();
  private queue: Promise<unknown> = Promise.resolve();

  constructor(options: HaproxyRouterOptions) {
    this.options = options;
    const { root, binary = 'haproxy' } = options;
    this.store = new StateStore(join(root, 'state'));
    this.managed = new ManagedHaproxy({ root, binary, onDeath: () => this.markLost() });
  }

  /** Takes up what was there. Errors: those of HAProxy's start. */
  async start(): Promise<void> {
    for (const { door, route } of await this.store.load((error) =>
      this.options.report?.(`${error.code}: ${error.message}`),
    )) {
      const service = this.open(door);
      if (route !== null) service.changeRoute(route);
    }
    if ([...this.services.values()].some((service) => service.plan().proxy.managed))
      await this.managed.ensure();
  }

  close(): void {
    this.managed.close();
    for (const service of this.services.values()) service.close();
  }

  install(door: Door): Promise<void> {
    return this.inTurn(async () => {
      checkRoot(this.options.root);
      mkdirSync(this.options.root, { recursive: true });
      chmodSync(this.options.root, 0o711);
      const doors = [...this.services.values()].map((service) => service.door);
      const conflict = doorConflict(door, doors);
      if (conflict !== null) throw conflict;
      const known = this.services.get(door.service);
      const service = known ?? this.open(door);
      try {
        await this.reinstall(service, service.plan(door));
      } catch (error) {
        if (known === undefined) this.drop(service);
        throw error;
      }
      service.changeDoor(door);
      await this.store.save(service.state);
    });
  }

  remove(name: string): Promise<void> {
    return this.inTurn(async () => {
      const service = this.services.get(name);
      if (service === undefined) return;
      const plan = service.plan();
      const { installation, control } = this.runningFor(plan.proxy);
      // Connections that a former worker keeps would go on being served.
      await installation.proxy.ensure();
      await control.replaceMap(plan, [[ALL_KEY, GONE]]);
      await installation.change(this.plansBeside(plan), null);
      this.drop(service);
      for (const file of [plan.mapFile, plan.pemFile]) if (file !== null) rmSync(file, { force: true });
      await this.store.remove(name);
    });
  }

  apply(route: Route): Promise<void> {
    return this.inTurn(async () => {
      const service = this.service(route.service);
      checkShare(route);
      if (route.revision <= (service.route?.revision ?? 0)) return;
      const plan = service.plan(service.door, route);
      const { installation, control } = this.runningFor(plan.proxy);
      await installation.proxy.ensure();
      // On disk first: whoever starts HAProxy anew from now on gets this route, and so does everybody in a moment.
      await installation.keep([...this.plansBeside(plan), plan]);
      await control.apply(plan, route);
      const used = await control.revision(plan);
      if (used !== route.revision) throw notUsed(route, used);
      service.changeRoute(route);
      await this.store.save(service.state);
    });
  }

  async observe(name: string): Promise<DoorObservation> {
    const service = this.service(name);
    const plan = service.plan();
    const { installation, control } = this.runningFor(plan.proxy);
    await installation.proxy.ensure();
    const [revision, workers] = await Promise.all([control.revision(plan), control.states(name)]);
    const [blue, green] = await Promise.all(
      SLOT_NAMES.map((slot) => this.observeSlot(service, slot, workers)),
    );
    return { revision, slots: { blue: blue!, green: green! } };
  }

  async cut(name: string, slot: SlotName): Promise<number> {
    const service = this.service(name);
    return await this.runningFor(service.plan().proxy).control.cut(name, slot);
  }

  async traffic(name: string, cursor: string | null): Promise<TrafficBatch> {
    const service = this.service(name);
    const { proxy } = service.plan();
    const batch = service.counts.batch(cursor);
    if (cursor !== null) {
      const beside = [...this.services.values()].filter(
        (one) => this.keyOf(one.plan().proxy) === this.keyOf(proxy),
      );
      this.runningFor(proxy).space.passed(
        name,
        cursor,
        beside.map(({ door }) => door.service),
      );
    }
    return Promise.resolve(batch);
  }

  /** Tries at each server since HAProxy began, as `show stat` has them: a cross-check of what was counted. */
  async tries(name: string): Promise<readonly ServerState[]> {
    const service = this.service(name);
    return (await this.runningFor(service.plan().proxy).control.states(name)).flat();
  }

  private async observeSlot(
    { door, route }: LiveService,
    slot: SlotName,
    workers: readonly (readonly ServerState[])[],
  ): Promise<DoorObservation['slots'][SlotName]> {
    const atMs = Date.now();
    const used = route?.replicas[slot] ?? 0;
    const own = (workers[0] ?? []).filter(
      ({ backend, server }) =>
        backend.lane === 'plain' && backend.slot === slot && server.slot === slot && server.replica < used,
    );
    const replicas = own.map(async (state) => {
      const isBad = state.check.code !== null && !state.check.status.startsWith('L7OK');
      const body = isBad ? await this.answers.body(door, slot, state.server.replica) : '';
      return observation(state, door.health[slot], atMs, body);
    });
    const all = workers.flat().filter(({ server }) => server.slot === slot);
    return {
      replicas: await Promise.all(replicas),
      inFlight: inFlightOf(all.filter(({ backend }) => backend.lane !== 'streams')),
      streams: inFlightOf(all.filter(({ backend }) => backend.lane === 'streams')),
    };
  }

  private open(door: Door): LiveService {
    const service = new LiveService({
      root: this.options.root,
      door,
      epoch: this.epoch,
      logFile: ({ spec }) =>
        spec.proxy.kind === 'haproxy' && !spec.proxy.managed ? spec.proxy.log : this.managed.logFile,
      nowMs: () => this.options.clock.steadyMs(),
      wallMs: () => this.options.clock.nowMs(),
    });
    this.services.set(door.service, service);
    return service;
  }

  private drop(service: LiveService): void {
    const { door } = service;
    service.close();
    this.answers.forget(door.service);
    for (const { space } of this.running.values()) space.forget(door.service);
    this.services.delete(door.service);
  }

  /** Where a service moves from one HAProxy to another, the former one is freed of it. */
  private async reinstall(service: LiveService, plan: ServicePlan): Promise<void> {
    const target = this.runningFor(plan.proxy);
    const before = service.plan();
    const from = this.runningFor(before.proxy);
    if (from !== target) await from.installation.change(this.plansBeside(before), null);
    await target.installation.change([...this.plansBeside(plan), plan], plan);
  }

  private plansBeside(plan: ServicePlan): ServicePlan[] {
    return [...this.services.values()]
      .filter((service) => service.door.service !== plan.door.service)
      .map((service) => service.plan())
      .filter((each) => this.keyOf(each.proxy) === this.keyOf(plan.proxy));
  }

  private keyOf({ managed, directory }: HaproxyProxy): string {
    return managed ? 'managed' : directory;
  }

  private runningFor(proxy: HaproxyProxy): Running {
    const known = this.running.get(this.keyOf(proxy));
    if (known !== undefined) return known;
    const { helper = null, binary = 'haproxy', mainFile } = this.options;
    const found = proxy.managed
      ? this.managed
      : new SystemHaproxy({ proxy, helper, binary, ...(mainFile !== undefined && { mainFile }) });
    const made: Running = {
      installation: new Installation(found),
      control: new Control(found.master),
      space: new LogSpace(found.logFile),
    };
    this.running.set(this.keyOf(proxy), made);
    return made;
  }

  private markLost(): void {
    const nowSecond = Math.floor(this.options.clock.steadyMs() / 1000);
    for (const service of this.services.values())
      if (service.plan().proxy.managed) service.counts.markLost(nowSecond - LOST_BEFORE_S, nowSecond);
  }

  /** Error: TRAFFIC_NOT_INSTALLED. */
  private service(name: string): LiveService {
    const service = this.services.get(name);
    if (service !== undefined) return service;
    throw new OperatingError(
      'TRAFFIC_NOT_INSTALLED',
      `There is no door of ${name} in HAProxy. Install it first.`,
      { retryable: false },
    );
  }

  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.queue.then(act);
    this.queue = turn.catch(() => undefined);
    return turn;
  }
}

function inFlightOf(states: readonly ServerState[]): number {
  return states.reduce((total, { inFlight }) => total + inFlight, 0);
}

/** Paths in HAProxy's files stand within parentheses and in commands, where some characters end them. */
function checkRoot(root: string): void {
  if (/^[A-Za-z0-9._/-]+$/.test(root)) return;
  throw new OperatingError(
    'STATE_DIR_UNUSABLE',
    `${root} cannot stand in HAProxy's files: only letters, digits and . _ - / can. Name another directory with --state-dir.`,
    { retryable: false },
  );
}

/** Error: TRAFFIC_ROUTE_INVALID. */
function checkShare(route: Route): void {
  const percent = route.split?.sharePercent ?? 0;
  if (Math.abs(percent * 10 - Math.round(percent * 10)) < 1e-9 && percent >= 0 && percent <= 100) return;
  throw new OperatingError(
    'TRAFFIC_ROUTE_INVALID',
    `A share of ${percent} % cannot be routed: it goes from 0 to 100 % in steps of 0.1 %. The route is unchanged.`,
    { retryable: false },
  );
}

function notUsed(route: Route, used: number): OperatingError {
  return new OperatingError(
    'TRAFFIC_NOT_SERVED',
    `Revision ${route.revision} of ${route.service} is written, but HAProxy goes by ${used}. It is tried again.`,
    { retryable: true },
  );
}
