import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Address } from '../../lib/address.ts';
import type { Clock } from '../../lib/clock.ts';
import { OperatingError } from '../../lib/errors.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import type { TrafficBatch } from '../counts.ts';
import { doorConflict } from '../door-conflict.ts';
import type { HoldPort } from '../hold-port.ts';
import { HealthMemory } from '../health-memory.ts';
import { Prober } from '../prober.ts';
import type { Door, DoorObservation, Route, RouterCapabilities, TrafficRouter } from '../router.ts';
import { StateStore } from '../state-store.ts';
import { FrontDoor, unreached } from './front-door.ts';
import { Installation } from './installation.ts';
import { LiveService } from './live-service.ts';
import { ManagedNginx } from './managed.ts';
import { checkRoute, unroutable } from '../route-check.ts';
import { proveRoute } from './route-proof.ts';
import { mirrorPlanOf } from './service-plan.ts';
import { SystemNginx } from './system.ts';

export type NginxRouterOptions = {
  /** Holds routes, logs and the state; a managed nginx wholly. */
  readonly root: string;
  /** Steady for the seconds of counts; by the wall clock nginx stamps its lines. */
  readonly clock: Pick<Clock, 'nowMs' | 'steadyMs'>;
  /** The program of a managed nginx. */
  readonly binary?: string;
  /** Command that does what needs root for the nginx of the machine, or null to run nginx itself. */
  readonly helper?: readonly string[] | null;
  /** Directives at the top of a managed nginx's `http`, for tests. */
  readonly extra?: string;
  /** Lets requests wait. Without it nobody is held. */
  readonly holdPort?: HoldPort;
  /** Past this size a log is put aside. */
  readonly logBytes?: number;
  /** What somebody should know, and nothing waits for. */
  readonly report?: (message: string) => void;
};

const CAPABILITIES: RouterCapabilities = {
  shareStepPercent: 0.1,
  sticky: ['cookie', 'header', 'address', 'none'],
  identities: true,
  hold: false,
  mirror: true,
  preview: true,
  override: true,
};
const LOST_BEFORE_S = 2;
const LOG_BYTES = 32 * 1024 * 1024;

/** nginx behind the router port: one that the machine has, or one of Bascule's own. */
export class NginxRouter implements TrafficRouter {
  readonly capabilities: RouterCapabilities;
  readonly managed: ManagedNginx;
  private readonly options: NginxRouterOptions;
  private readonly services = new Map<string, LiveService>();
  private readonly installations = new Map<string, Installation>();
  private readonly front = new FrontDoor();
  private readonly epoch = randomBytes(6).toString('hex');
  private readonly memory: HealthMemory;
  private readonly store: StateStore;
  private readonly prober: Prober;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(options: NginxRouterOptions) {
    this.options = options;
    this.capabilities = { ...CAPABILITIES, hold: options.holdPort !== undefined };
    const { root, binary = 'nginx', extra = '' } = options;
    for (const name of ['', 'log', 's']) {
      mkdirSync(join(root, name), { recursive: true });
      // Workers of another user walk through; what is in it is not for others to list.
      chmodSync(join(root, name), 0o711);
    }
    this.memory = new HealthMemory(root);
    this.store = new StateStore(join(root, 'state'));
    this.managed = new ManagedNginx({ root, binary, extra, onDeath: () => this.markLost() });
    this.prober = new Prober({
      random: Math.random,
      onChange: ({ service }) => this.healthChanged(service),
      ask: (door, slot, replica) => this.front.probe(this.services.get(door.service)!.plan(), slot, replica),
      unreached,
    });
  }

  /** Takes up what was there. Errors: those of nginx's start. */
  async start(): Promise<void> {
    const healthy = await this.memory.load();
    for (const { door, route } of await this.store.load((error) =>
      this.options.report?.(`${error.code}: ${error.message}`),
    )) {
      const service = this.open(door);
      if (route !== null) {
        service.changeRoute(route);
        service.size = sizeOf(route);
        service.mirror = mirrorPlanOf(route);
        // Where it cannot be asked yet, requests that find no hold port go on at once.
        if (route.hold !== undefined) service.hold = await this.openHold(door.service).catch(() => null);
      }
      const presumed = (slot: SlotName, replica: number): boolean =>
        healthy.some((one) => one.service === door.service && one.slot === slot && one.replica === replica);
      this.prober.follow(door, route, presumed);
      service.awaitsSomebody = this.memory.isOfAnotherBoot;
      if (route !== null) service.write(route, (slot) => this.isUp(service, slot));
    }
    if ([...this.services.values()].some((service) => service.plan().proxy.managed))
      await this.managed.ensure();
  }

  close(): void {
    this.prober.stop();
    this.front.close();
    this.managed.close();
    for (const service of this.services.values()) service.close();
  }

  install(door: Door): Promise<void> {
    return this.inTurn(async () => {
      const conflict = doorConflict(
        door,
        [...this.services.values()].map((service) => service.door),
      );
      if (conflict !== null) throw conflict;
      const known = this.services.get(door.service);
      const service = known ?? this.open(door);
      try {
        await this.reinstall(service, service.plan({ door }));
      } catch (error) {
        if (known === undefined) this.drop(service);
        throw error;
      }
      service.changeDoor(door);
      await this.store.save(service.state);
      this.prober.follow(door, service.route);
    });
  }

  remove(name: string): Promise<void> {
    return this.inTurn(async () => {
      const service = this.services.get(name);
      if (service === undefined) return;
      const plan = service.plan();
      const others = this.plansBeside(plan);
      await this.installation(plan.proxy).change(others, null);
      await this.gone(service);
      if (service.hold !== null) await this.options.holdPort!.close(name);
      this.drop(service);
      await this.store.remove(name);
    });
  }

  apply(route: Route): Promise<void> {
    return this.inTurn(async () => {
      const service = this.service(route.service);
      checkRoute(route);
      const present = service.route?.revision ?? 0;
      if (route.revision === present)
        await proveRoute(this.front, service.plan(), service.inForce(service.route!));
      if (route.revision <= present) return;
      const size = sizeOf(route) ?? service.size;
      const hold = route.hold === undefined ? service.hold : await this.openHold(route.service);
      const parts = { size, mirror: mirrorPlanOf(route), hold };
      if (!isDeepStrictEqual(parts, service.parts)) {
        // Make before break: the groups know the replicas before the route may choose them.
        await this.reinstall(service, service.plan(parts));
        Object.assign(service, parts);
      }
      if (route.hold !== undefined)
        await this.options.holdPort!.set(route.service, route.revision, route.hold);
      const wasHeld = service.route?.hold !== undefined;
      service.write(route, (slot) => this.isUp(service, slot));
      service.changeRoute(route);
      // Who waited comes back to the new route.
      if (wasHeld && route.hold === undefined)
        await this.options.holdPort!.set(route.service, route.revision, null);
      await this.store.save(service.state);
      this.prober.follow(service.door, route);
      service.write(route, (slot) => this.isUp(service, slot));
      await proveRoute(this.front, service.plan(), service.inForce(route));
    });
  }

  async observe(name: string): Promise<DoorObservation> {
    const service = this.service(name);
    const plan = service.plan();
    const revision = service.route?.revision ?? 0;
    const isUsed = revision === 0 || (await this.front.usesRevision(plan, revision));
    const [blue, green] = await Promise.all(SLOT_NAMES.map((slot) => this.observeSlot(service, slot)));
    const held =
      service.route?.hold === undefined ? {} : { held: await this.options.holdPort!.waiting(name) };
    return { revision: isUsed ? revision : 0, slots: { blue: blue!, green: green! }, ...held };
  }

  /** nginx cannot end single requests: they end with the processes that answer them. */
  cut(name: string): Promise<number> {
    this.service(name);
    return Promise.resolve(0);
  }

  async traffic(name: string, cursor: string | null): Promise<TrafficBatch> {
    const service = this.service(name);
    return Promise.resolve(service.counts.batch(cursor));
  }

  private async observeSlot(
    service: LiveService,
    slot: SlotName,
  ): Promise<DoorObservation['slots'][SlotName]> {
    const plan = service.plan();
    const other = slot === 'blue' ? 'green' : 'blue';
    const keys = [slot, `${slot}-${other}`];
    const counts = await Promise.all([...keys, `${slot}.stream`].map((key) => this.front.busy(plan, key)));
    return {
      replicas: this.prober.observe(service.door.service, slot),
      inFlight: counts[0]! + counts[1]!,
      streams: counts[2]!,
    };
  }

  private open(door: Door): LiveService {
    const service = new LiveService({
      root: this.options.root,
      door,
      epoch: this.epoch,
      logBytes: this.options.logBytes ?? LOG_BYTES,
      reopen: () => this.installation(service.plan().proxy).nginx.reopen(),
      nowMs: () => this.options.clock.steadyMs(),
      wallMs: () => this.options.clock.nowMs(),
    });
    this.services.set(door.service, service);
    return service;
  }

  private drop(service: LiveService): void {
    this.prober.forget(service.door.service);
    service.forget();
    this.services.delete(service.door.service);
  }

  /** Where a service moves from one nginx to another, the former one is freed of it. */
  private async reinstall(service: LiveService, plan: ReturnType<LiveService['plan']>): Promise<void> {
    const target = this.installation(plan.proxy);
    const before = this.services.get(service.door.service)?.plan();
    if (before !== undefined && this.installation(before.proxy) !== target)
      await this.installation(before.proxy).change(this.plansBeside(before), null);
    await target.change([...this.plansBeside(plan), plan], plan);
  }

  private plansBeside(plan: ReturnType<LiveService['plan']>): ReturnType<LiveService['plan']>[] {
    const target = this.installation(plan.proxy);
    return [...this.services.values()]
      .filter((service) => service.door.service !== plan.door.service)
      .map((service) => service.plan())
      .filter((each) => this.installation(each.proxy) === target);
  }

  private installation({ managed, directory }: { managed: boolean; directory: string }): Installation {
    const key = managed ? 'managed' : directory;
    const known = this.installations.get(key);
    if (known !== undefined) return known;
    const nginx = managed ? this.managed : new SystemNginx(directory, this.options.helper ?? null);
    const made = new Installation(nginx, managed, this.front);
    this.installations.set(key, made);
    return made;
  }

  /** Until the old workers let nobody in any more by the door that is gone. */
  private async gone(service: LiveService): Promise<void> {
    const deadline = performance.now() + 3000;
    while (performance.now() < deadline) {
      const found = await this.front.digest(service.plan()).catch(() => null);
      if (found === null) return;
      await new Promise((resolve) => {
        setTimeout(resolve, 15);
      });
    }
  }

  /** Errors: TRAFFIC_ROUTE_INVALID, and those of the hold port. */
  private openHold(service: string): Promise<Address> {
    const { holdPort } = this.options;
    if (holdPort !== undefined) return holdPort.open({ service, way: 'redirect' });
    throw unroutable(service, 'a hold, without a place to wait,');
  }

  private isUp(service: LiveService, slot: SlotName): boolean {
    return this.prober.observe(service.door.service, slot).some((replica) => replica.healthy);
  }

  private healthChanged(name: string): void {
    this.memory.keep(this.prober.health());
    const service = this.services.get(name);
    if (service === undefined || service.route === null) return;
    try {
      service.write(service.route, (slot) => this.isUp(service, slot));
    } catch {
      // The next change, or the next route, tries again; meanwhile nginx goes by the former one.
    }
  }

  private markLost(): void {
    const nowSecond = Math.floor(this.options.clock.steadyMs() / 1000);
    for (const service of this.services.values())
      if (service.plan().proxy.managed)
        service.counts.markLost(
          nowSecond - LOST_BEFORE_S,
          nowSecond,
          'nginx was started anew, or a worker of it was killed',
        );
  }

  /** Error: TRAFFIC_NOT_INSTALLED. */
  private service(name: string): LiveService {
    const service = this.services.get(name);
    if (service !== undefined) return service;
    throw new OperatingError(
      'TRAFFIC_NOT_INSTALLED',
      `There is no door of ${name} in nginx. Install it first.`,
      { retryable: false },
    );
  }

  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.queue.then(act);
    this.queue = turn.catch(() => undefined);
    return turn;
  }
}

function sizeOf(route: Route): number | null {
  const most = Math.max(route.replicas.blue, route.replicas.green);
  return most === 0 ? null : most;
}
