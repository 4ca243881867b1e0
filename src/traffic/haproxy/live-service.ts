import { join } from 'node:path';
import { OperatingError } from '../../lib/errors.ts';
import { AccessLog } from '../access-log/access-log.ts';
import type { Door, Route } from '../router.ts';
import type { ServiceState } from '../state-store.ts';
import { type BackendTotal, CrossCheck, describeDifference, type Difference } from './cross-check.ts';
import { lineParser } from './log-line.ts';
import type { HoldPlan, ServicePlan } from './plan.ts';

/** HAProxy writes each line at once; what comes later is counted in the second after. */
const CLOSE_AFTER_MS = 500;

export type LiveOptions = {
  readonly root: string;
  readonly door: Door;
  readonly epoch: string;
  readonly logFile: (door: Door) => string;
  /** Steady: never jumps. */
  readonly nowMs: () => number;
  readonly checkEveryMs: number;
  /** By which HAProxy stamps its lines. */
  readonly wallMs: () => number;
};

/** What the router keeps of a service while it runs. */
export class LiveService {
  door: Door;
  route: Route | null = null;
  /** Null until requests were held for the first time. */
  hold: HoldPlan | null = null;
  private readonly check = new CrossCheck();
  private checkedMs = 0;
  private readonly options: LiveOptions;
  private log: AccessLog;
  private logFile: string;

  constructor(options: LiveOptions) {
    this.options = options;
    this.door = options.door;
    this.logFile = options.logFile(this.door);
    this.log = this.openLog();
  }

  get state(): ServiceState {
    return { door: this.door, route: this.route };
  }

  get counts(): AccessLog {
    return this.log;
  }

  /** What HAProxy says of itself is held against the log now and then. */
  isCheckDue(): boolean {
    return this.options.nowMs() - this.checkedMs >= this.options.checkEveryMs;
  }

  /** Where they differ, the seconds since they agreed are lost. */
  compare(before: readonly BackendTotal[], after: readonly BackendTotal[]): readonly Difference[] {
    const [sinceMs, nowMs] = [this.checkedMs, this.options.nowMs()];
    this.checkedMs = nowMs;
    const differences = this.check.compare(before, after);
    const why = differences.map(describeDifference).join(', ');
    if (why !== '') this.log.markLost(Math.floor(sinceMs / 1000), Math.floor(nowMs / 1000), why);
    return differences;
  }

  /** What HAProxy is to have of it; with another door or route, what it would have. Error: TRAFFIC_PROXY_UNKNOWN. */
  plan(door = this.door, route = this.route, hold = this.hold): ServicePlan {
    const { proxy } = door.spec;
    if (proxy.kind !== 'haproxy') {
      throw new OperatingError(
        'TRAFFIC_PROXY_UNKNOWN',
        `${door.service} is to be served by ${proxy.kind}, not by HAProxy. Nothing was changed.`,
        { retryable: false },
      );
    }
    const { root } = this.options;
    const pemFile = proxy.tls === null ? null : join(root, 'tls', `${door.service}.pem`);
    return { door, proxy, route, mapFile: join(root, 'maps', `${door.service}.map`), pemFile, hold };
  }

  changeDoor(door: Door): void {
    this.door = door;
    const logFile = this.options.logFile(door);
    if (logFile !== this.logFile) {
      this.log.close();
      this.logFile = logFile;
      this.log = this.openLog();
    }
    this.followIdentities();
  }

  changeRoute(route: Route): void {
    this.route = route;
    this.followIdentities();
  }

  close(): void {
    this.log.close();
  }

  private followIdentities(): void {
    const rollout = this.door.sticky.by === 'none' ? null : (this.route?.split?.rollout ?? null);
    this.log.follow(rollout, this.door.salt);
  }

  private openLog(): AccessLog {
    const { epoch, nowMs, wallMs } = this.options;
    return new AccessLog({
      path: this.logFile,
      // Never put aside: HAProxy cannot be told to open it anew (log-space.ts).
      maxBytes: Number.POSITIVE_INFINITY,
      reopen: () => Promise.resolve(),
      began: () => this.check.begin(),
      parse: lineParser(
        this.door.service,
        (slot) => this.route?.replicas[slot] ?? 0,
        (worker, backend) => this.check.saw(worker, backend),
      ),
      epoch,
      closeAfterMs: CLOSE_AFTER_MS,
      nowMs,
      wallMs,
    });
  }
}
