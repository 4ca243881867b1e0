import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../lib/clock.ts';
import { OperatingError } from '../../lib/errors.ts';
import type { HaproxyProxy } from '../../release/service.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import type { TrafficBatch } from '../counts.ts';
import { doorConflict } from '../door-conflict.ts';
import type { HoldPort } from '../hold-port.ts';
import type { Door, DoorObservation, Route, RouterCapabilities, TrafficRouter } from '../router.ts';
import { StateStore } from '../state-store.ts';
import { BadAnswers } from './bad-answers.ts';
import { Control } from './control.ts';
import { type BackendTotal, describeDifference } from './cross-check.ts';
import { openHoldWay } from './hold-way.ts';
import { Installation } from './installation.ts';
import { LiveService } from './live-service.ts';
import { LogSpace } from './log-space.ts';
import { ManagedHaproxy } from './managed.ts';
import type { HoldPlan, ServicePlan } from './plan.ts';
import { checkRoute } from '../route-check.ts';
import { checkRoot, notUsed } from './complaints.ts';
import { ALL_KEY, GONE } from './route-map.ts';
import { inFlightOf, observation, type ServerState } from './stats.ts';
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
  /** Where requests wait in a hold; without it there is none. */
  readonly holdPort?: HoldPort;
  /** How often what HAProxy counts is held against its log. */
  readonly checkEveryMs?: number;
  /** Told of what it could not take up, and of counts that are wrong. */
  readonly report?: (message: string) => void;
};

const CAPABILITIES: RouterCapabilities = {
  shareStepPercent: 0.1,
  sticky: ['cookie', 'header', 'address', 'none'],
  identities: true,
  override: true,
  hold: false,
  // HAProxy hands requests to agents, not copies of them to other servers.
  mirror: false,
  preview: true,
};
const LOST_BEFORE_S = 2;
const CHECK_EVERY_MS = 10_000;

type Running = { readonly installation: Installation; readonly control: Control; readonly space: LogSpace };

/** HAProxy behind the router port: one that the machine has, or one of Bascule's own. */
export class HaproxyRouter implements TrafficRouter {
  readonly capabilities: RouterCapabilities;
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
    this.capabilities = { ...CAPABILITIES, hold: options.holdPort !== undefined };
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
      if (route === null) continue;
      service.changeRoute(route);
      // Where it cannot be asked yet, requests that find nobody there go on at once.
      if (route.hold !== undefined) service.hold = await this.openHold(service).catch(() => null);
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
      if (service.hold !== null) await this.options.holdPort!.close(name);
      this.drop(service);
      for (const file of [plan.mapFile, plan.pemFile, plan.hold?.back ?? null])
        if (file !== null) rmSync(file, { force: true });
      await this.store.remove(name);
    });
  }

  apply(route: Route): Promise<void> {
    return this.inTurn(async () => {
      const service = this.service(route.service);
      checkRoute(route);
      if (route.revision <= (service.route?.revision ?? 0)) return;
      const hold = await this.holdFor(service, route);
      const plan = service.plan(service.door, route);
      const { installation, control } = this.runningFor(plan.proxy);
      await installation.proxy.ensure();
      if (hold === 'begins') await this.options.holdPort!.set(route.service, route.revision, route.hold!);
      // On disk first: whoever starts HAProxy anew from now on gets this route, and so does everybody in a moment.
      await installation.keep([...this.plansBeside(plan), plan]);
      await control.apply(plan, route);
      const used = await control.revision(plan);
      if (used !== route.revision) throw notUsed(route, used);
      service.changeRoute(route);
      // Who waited comes back to the new route.
      if (hold === 'ends') await this.options.holdPort!.set(route.service, route.revision, null);
      await this.store.save(service.state);
    });
  }

  /** Before the first hold HAProxy has to be loaded with the way there and back. */
  private async holdFor(service: LiveService, route: Route): Promise<'begins' | 'ends' | null> {
    if (route.hold === undefined) return service.route?.hold === undefined ? null : 'ends';
    const hold = await this.openHold(service);
    if (!isDeepStrictEqual(hold, service.hold)) {
      await this.reinstall(service, service.plan(service.door, service.route, hold));
      service.hold = hold;
    }
    return 'begins';
  }

  private openHold({ door }: LiveService): Promise<HoldPlan> {
    return openHoldWay(this.options.holdPort, this.options.root, door.service);
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
    const held =
      service.route?.hold === undefined ? {} : { held: await this.options.holdPort!.waiting(name) };
    return { revision, slots: { blue: blue!, green: green! }, ...held };
  }

  async cut(name: string, slot: SlotName): Promise<number> {
    const service = this.service(name);
    return await this.runningFor(service.plan().proxy).control.cut(name, slot);
  }

  async traffic(name: string, cursor: string | null): Promise<TrafficBatch> {
    const before = this.service(name).isCheckDue() ? await this.totals(name) : null;
    // It may have been taken away meanwhile.
    const service = this.service(name);
    const { proxy } = service.plan();
    const batch = service.counts.batch(cursor);
    if (before !== null && service.counts.isCaughtUp) {
      const after = await this.totals(name);
      for (const each of after === null ? [] : service.compare(before, after))
        this.options.report?.(`Counts of ${name} in ${each.backend} are wrong: ${describeDifference(each)}.`);
    }
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
    return batch;
  }

  /** Null where HAProxy cannot be asked: what it said of before is compared once it can. */
  private async totals(name: string): Promise<BackendTotal[] | null> {
    const { control } = this.runningFor(this.service(name).plan().proxy);
    return await control.totals(name).catch(() => null);
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
      checkEveryMs: this.options.checkEveryMs ?? CHECK_EVERY_MS,
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
      if (service.plan().proxy.managed)
        service.counts.markLost(nowSecond - LOST_BEFORE_S, nowSecond, 'HAProxy was started anew');
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
