import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Address } from '../../lib/address.ts';
import { OperatingError } from '../../lib/errors.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import { AccessLog } from '../access-log/access-log.ts';
import type { Door, Route } from '../router.ts';
import type { ServiceState } from '../state-store.ts';
import { lineParser } from './log-line.ts';
import { overrideProblem } from './render-override.ts';
import { type MirrorPlan, secretOf, type ServicePlan } from './service-plan.ts';
import { RouteFiles } from './route-files.ts';
import { layOut } from './route-layout.ts';

/** nginx writes out its buffers every second. */
const CLOSE_AFTER_MS = 1500;

export type LiveOptions = {
  readonly root: string;
  readonly door: Door;
  readonly epoch: string;
  readonly logBytes: number;
  readonly reopen: () => Promise<void>;
  /** Steady: never jumps. */
  readonly nowMs: () => number;
  /** By which nginx stamps its lines. */
  readonly wallMs: () => number;
};

/** What is to be other than it is. */
type PlanChange = {
  readonly door?: Door;
  readonly size?: number | null;
  readonly mirror?: MirrorPlan | null;
  readonly hold?: Address | null;
};

/** What it cannot do is refused, never ignored. Error: TRAFFIC_DOOR_UNSERVABLE. */
function checkServable(door: Door): void {
  const { service, slots, sticky, spec } = door;
  const mixed = SLOT_NAMES.map((slot) => [...new Set(slots[slot].map(({ pathPrefix }) => pathPrefix))]).find(
    (prefixes) => prefixes.length > 1,
  );
  const why =
    mixed !== undefined
      ? `the targets of one slot are below different paths (${mixed.map((prefix) => prefix || '/').join(', ')}), and nginx has one for a group of them`
      : sticky.by === 'header' && !/^[A-Za-z0-9-]+$/.test(sticky.header)
        ? `nginx takes no header named ${sticky.header}: letters, digits and dashes only`
        : isPlain(spec.path)
          ? overrideProblem(door)
          : `the path ${spec.path} holds what no address has`;
  if (why === null) return;
  throw new OperatingError(
    'TRAFFIC_DOOR_UNSERVABLE',
    `The door of ${service} was not changed: ${why}. Choose another one, or the built-in proxy.`,
    { retryable: false },
  );
}

function isPlain(path: string): boolean {
  try {
    // eslint-disable-next-line no-control-regex -- finding them is the point
    return !/[\u0000-\u001f\u007f]/.test(decodeURIComponent(path));
  } catch {
    return false;
  }
}

/** What the router keeps of a service while it runs. */
export class LiveService {
  door: Door;
  route: Route | null = null;
  /** Replicas that nginx spreads requests over; null until some were in use: all that are reserved. */
  size: number | null = null;
  mirror: MirrorPlan | null = null;
  hold: Address | null = null;
  /** The machine was restarted, and nobody was seen well since: 503, in place of a try at each address. */
  awaitsSomebody = false;
  private readonly options: LiveOptions;
  private readonly files: RouteFiles;
  private log: AccessLog;
  private written = '';

  constructor(options: LiveOptions) {
    this.options = options;
    this.door = options.door;
    this.files = new RouteFiles(this.directory, options.nowMs);
    this.log = this.openLog();
    const here = join(this.directory, 'here');
    if (!existsSync(here)) writeFileSync(here, '');
    chmodSync(here, 0o644);
  }

  get state(): ServiceState {
    return { door: this.door, route: this.route };
  }

  /** What its files are made of besides its door. */
  get parts(): Omit<Required<PlanChange>, 'door'> {
    const { size, mirror, hold } = this;
    return { size, mirror, hold };
  }

  get counts(): AccessLog {
    return this.log;
  }

  /** What nginx is to have of it; with a change, what it would have. */
  plan(change: PlanChange = {}): ServicePlan {
    const { door = this.door, size = this.size, mirror = this.mirror, hold = this.hold } = change;
    const { proxy } = door.spec;
    if (proxy.kind !== 'nginx') {
      throw new OperatingError(
        'TRAFFIC_PROXY_UNKNOWN',
        `${door.service} is to be served by ${proxy.kind}, not by nginx. Nothing was changed.`,
        { retryable: false },
      );
    }
    checkServable(door);
    return {
      door,
      proxy,
      size: Math.max(1, size ?? Math.max(door.slots.blue.length, door.slots.green.length)),
      directory: this.directory,
      logFile: this.logFile,
      mirror,
      hold,
      secret: secretOf(door),
    };
  }

  changeDoor(door: Door): void {
    const isMoved = JSON.stringify(door.slots) !== JSON.stringify(this.door.slots);
    this.door = door;
    if (isMoved) this.log = this.openLog(this.log);
    this.followIdentities();
  }

  changeRoute(route: Route): void {
    this.route = route;
    this.followIdentities();
  }

  /** Writes the route for nginx where it differs from what is there. Error: TRAFFIC_STATE_UNWRITABLE. */
  write(route: Route, isUp: (slot: SlotName) => boolean): void {
    if (SLOT_NAMES.some(isUp)) this.awaitsSomebody = false;
    const layout = layOut(this.inForce(route), isUp);
    const text = JSON.stringify(layout);
    if (text === this.written && this.files.current !== null) return;
    this.files.write(layout);
    this.written = text;
  }

  inForce(route: Route): Route {
    return this.awaitsSomebody ? { ...route, serve: null, split: null } : route;
  }

  /** Takes away what it left on disk. */
  forget(): void {
    this.log.close();
    this.files.remove();
    const logs = join(this.options.root, 'log');
    for (const name of readdirSync(logs))
      if (name.startsWith(`${this.options.door.service}.log`)) rmSync(join(logs, name), { force: true });
  }

  close(): void {
    this.log.close();
  }

  private followIdentities(): void {
    const rollout = this.door.sticky.by === 'none' ? null : (this.route?.split?.rollout ?? null);
    this.log.follow(rollout, this.door.salt);
  }

  private openLog(former?: AccessLog): AccessLog {
    former?.close();
    const { epoch, logBytes, reopen, nowMs, wallMs } = this.options;
    return new AccessLog({
      path: this.logFile,
      maxBytes: logBytes,
      parse: lineParser(this.door.slots),
      epoch,
      closeAfterMs: CLOSE_AFTER_MS,
      reopen,
      nowMs,
      wallMs,
    });
  }

  private get directory(): string {
    return join(this.options.root, 's', this.options.door.service);
  }

  private get logFile(): string {
    return join(this.options.root, 'log', `${this.options.door.service}.log`);
  }
}
