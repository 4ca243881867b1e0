import { formatUpstream } from '../../../lib/upstream.ts';
import { type Timeouts, USUAL_TIMEOUTS } from '../../../release/resilience.ts';
import { appProtocol } from '../../../release/service.ts';
import { SLOT_NAMES, type SlotName, otherSlot } from '../../../release/slot.ts';
import { type Cohort, type SaltState, bucketOf, drawCohort, isCandidate, saltState } from '../../cohort.ts';
import type { Door, Route } from '../../router.ts';
import type { RequestMatch } from '../../../release/request-match.ts';
import type { ErrorPages } from '../../door-pages.ts';
import { latencyBucket } from '../../counts.ts';
import type { RouteInUse, ServiceCounts } from '../messages.ts';
import type { Accounting } from './accounting.ts';
import { type ClientCheck, clientCheckOf } from './client-check.ts';
import { Drain } from './drain.ts';
import { FailedExamples } from './failed-examples.ts';
import { IdentityFilter, ONE_OFF, OVERRIDE, PREVIEW, UNCOUNTED, deedOf } from '../../identity-filter.ts';
import { COPY_TIMEOUT_MS, MirrorLane } from './mirror-lane.ts';
import { type Told, meetsOne } from './match-check.ts';
import { OutlierWatch } from './outlier-watch.ts';
import { OverrideCheck } from './override-check.ts';
import type { Held } from '../permit-book.ts';
import { type Apart, ReplicaLink } from './replica-link.ts';
import { type CareParts, SlotCare } from './slot-care.ts';
import { QUEUE_CLOCK } from './slot-queue.ts';
import { type SlotLive, hasSound, pickReplica, slotLive } from './slot-live.ts';
import { CLASS, type ClassIndex, NO_LATENCY, ReplicaTally } from '../../tally.ts';
import { WaitingRoom, holdPartOf } from './waiting-room.ts';

/** Where a request goes. `wanted` differs from `slot` when its own slot has no sound replica. */
export type Choice = { readonly wanted: SlotLive; readonly slot: SlotLive };

export type HealthWord = { readonly healthy: boolean; readonly isNews: boolean };

export type Attempt = {
  readonly classIndex: ClassIndex;
  /** Of the time to its response head, or NO_LATENCY. */
  readonly bucket: number;
  /** Whether the request ended with it. */
  readonly isFinal: boolean;
  /** Whether a copy of the request was sent: then it is counted among those as well. */
  readonly isCopied?: boolean;
  /** What was answered (0: nothing), and what was asked, for an example of what failed. */
  readonly status?: number;
  readonly req?: { readonly method?: string | undefined; readonly url?: string | undefined };
};

export type Repeating = {
  /** On another replica of its slot. */
  readonly mayRepeat: boolean;
  /** To the other slot, where that stands in. */
  readonly mayMove: boolean;
  /** The connection had carried another request before: it may have been closed for being idle. */
  readonly wasReused: boolean;
};

export type ServiceParts = Pick<CareParts, 'place'> & {
  /** A replica that counts as healthy could not be connected to. */
  readonly onSuspect: (replica: ReplicaLink) => void;
  /** It has had too many failures in a row. */
  readonly onOutlier: (replica: ReplicaLink, why: string) => void;
  readonly askForPermits: CareParts['ask'];
  readonly givePermits: CareParts['give'];
};

/** A service as one worker sees it. */
export class ServiceLive {
  door: Door;
  salt: SaltState;
  route: Route | null = null;
  identities: IdentityFilter | null = null;
  readonly slots: Readonly<Record<SlotName, SlotLive>>;
  override: OverrideCheck | null = null;
  /** Null: everybody may come. */
  clients: ClientCheck | null = null;
  /** Where requests wait during a hold. */
  readonly room = new WaitingRoom();
  readonly mirrors = new MirrorLane();
  /** Null: nobody wants to know how requests went. */
  accounting: Accounting | null = null;
  /** Part of the traces begun here that are marked as recorded; null: none is begun. */
  startTracesPercent: number | null = null;
  /** The path that is taken off for the application; empty for none. */
  stripped = '';
  /** Who meets one of these gets the candidate while it is offered; null: nobody. */
  candidateFor: readonly RequestMatch[] | null = null;
  timeouts: Timeouts = USUAL_TIMEOUTS;
  /** Null: nobody is left out for what it answers. */
  outliers: OutlierWatch | null = null;
  permitEpoch = 0;
  /** Its own, for what is answered in its place; null: the proxy's. */
  pages: ErrorPages | null = null;
  readonly failed = new FailedExamples();
  private cohort: Cohort | null = null;
  private readonly parts: ServiceParts;

  constructor(door: Door, parts: ServiceParts) {
    this.door = door;
    this.parts = parts;
    this.salt = saltState(door.salt);
    this.slots = { blue: slotLive('blue'), green: slotLive('green') };
    this.install(door);
  }

  /** Takes a new description; replicas whose address stays keep their connections and counts. */
  install(door: Door): void {
    this.door = door;
    this.salt = saltState(door.salt);
    this.override = door.override === undefined ? null : new OverrideCheck(door.override);
    const { proxy } = door.spec;
    const protocol = appProtocol(proxy);
    this.clients = clientCheckOf(proxy);
    this.stripped = proxy.kind === 'builtin' && proxy.stripPath === true ? door.spec.path : '';
    this.candidateFor = proxy.kind === 'builtin' ? (proxy.candidateFor ?? null) : null;
    this.pages = door.errorPages ?? null;
    const rules = proxy.kind === 'builtin' ? proxy.outliers : undefined;
    this.outliers = rules === undefined ? null : new OutlierWatch(rules, this.parts.onOutlier);
    this.startTracesPercent = proxy.kind === 'builtin' ? (proxy.startTracesPercent ?? null) : null;
    this.timeouts = (proxy.kind === 'builtin' ? proxy.timeouts : undefined) ?? USUAL_TIMEOUTS;
    for (const name of SLOT_NAMES) {
      const slot = this.slots[name];
      const before = slot.replicas;
      slot.replicas = door.slots[name].map((upstream, index) => {
        const same = before[index];
        const isSame =
          same?.protocol === protocol && formatUpstream(same.address) === formatUpstream(upstream);
        return isSame ? same : new ReplicaLink(upstream, { slot: name, index, protocol });
      });
      for (const gone of before) if (!slot.replicas.includes(gone)) gone.retire();
    }
    this.setInUse();
    for (const name of SLOT_NAMES) this.takeCare(this.slots[name]);
  }

  /** One assignment decides: no request sees half a route. A late repeat is ignored. */
  apply(route: RouteInUse, nowMs: number): void {
    if (this.route !== null && route.revision <= this.route.revision) return;
    const before = this.route;
    this.cohort = route.split === null ? null : drawCohort(route.split);
    this.route = route;
    this.countIdentitiesOf(route);
    this.setInUse();
    for (const name of SLOT_NAMES) this.drainOrWelcome(this.slots[name], before, nowMs);
    this.holdOrRelease(route);
    for (const name of SLOT_NAMES) this.slots[name].care?.queue?.serve(nowMs);
  }

  /** Whose bucket is `hash`'s; null when nobody is to be served. */
  choose(hash: number, nowMs: number): Choice | null {
    const route = this.route;
    if (route === null) return null;
    const isIn = route.split !== null && isCandidate(bucketOf(hash), this.cohort!);
    const name = isIn ? route.split.slot : route.serve;
    if (name === null) return null;
    const wanted = this.slots[name];
    if (hasSound(wanted, nowMs)) return { wanted, slot: wanted };
    return { wanted, slot: this.standInFor(wanted, nowMs) ?? wanted };
  }

  /** Where the door's conditions send a request; null: where all others go. Nobody is sent to a slot that cannot serve. */
  chosenFor(told: Told, nowMs: number): SlotLive | null {
    const name = this.route?.matched;
    if (name === undefined || this.candidateFor === null || !meetsOne(told, this.candidateFor)) return null;
    return hasSound(this.slots[name], nowMs) ? this.slots[name] : null;
  }

  /** The other slot, where it serves what this one cannot. */
  standInFor(slot: SlotLive, nowMs: number): SlotLive | null {
    const other = this.slots[otherSlot(slot.name)];
    const isNeeded = this.route?.standIn === true && !hasSound(slot, nowMs);
    return isNeeded && hasSound(other, nowMs) ? other : null;
  }

  /** Who is to serve a request whose attempt failed, no replica for whoever is free next; null for nobody: it fails. */
  nextAfter(
    slot: SlotLive,
    failed: ReplicaLink,
    nowMs: number,
    { mayRepeat, mayMove, wasReused }: Repeating,
  ): { readonly slot: SlotLive; readonly replica: ReplicaLink | null } | null {
    if (mayRepeat) {
      const replica = pickReplica(slot, failed, nowMs) ?? (wasReused ? failed : null);
      if (replica !== null || canWait(slot, failed)) return { slot, replica };
    }
    const other = mayMove ? this.standInFor(slot, nowMs) : null;
    return other === null ? null : { slot: other, replica: pickReplica(other, null, nowMs) };
  }

  /** Whoever could not connect says so: others need not find out for themselves until the next probe. */
  suspect(replica: ReplicaLink, nowMs: number): void {
    if (replica.suspect(nowMs)) this.parts.onSuspect(replica);
  }

  /** Counts an attempt, and what it makes of its identity. */
  count(replica: ReplicaLink, identity: number, attempt: Attempt): void {
    const { classIndex, bucket, isFinal } = attempt;
    const apart = apartOf(identity);
    if (apart !== null) {
      (replica.apart[apart] ??= new ReplicaTally()).add(classIndex, bucket, isFinal);
      return;
    }
    replica.tally.add(classIndex, bucket, isFinal);
    if (attempt.isCopied === true)
      (replica.apart.copied ??= new ReplicaTally()).add(asCopied(attempt), bucket, isFinal);
    this.failed.note(replica, attempt);
    if (identity !== UNCOUNTED)
      this.identities?.note(identity, replica.slot === 'blue' ? 0 : 1, deedOf(classIndex), bucket);
  }

  /** `isNews`: it changes now, and was not known before. */
  setHealth(name: SlotName, replica: number, { healthy, isNews }: HealthWord): void {
    const link = this.slots[name].replicas[replica];
    if (link === undefined) return;
    if (healthy && !link.healthy && isNews) link.freshSinceMs = performance.now();
    link.healthy = healthy;
    if (healthy) link.trust();
    this.slots[name].care?.queue?.serve(performance.now());
  }

  eject(name: SlotName, replica: number, isEjected: boolean): void {
    const link = this.slots[name].replicas[replica];
    if (link !== undefined) link.isEjected = isEjected;
    this.slots[name].care?.queue?.serve(performance.now());
  }

  /** In place of what this worker thought that it holds. */
  holdPermits(epoch: number, held: Readonly<Record<SlotName, Held>>): void {
    this.permitEpoch = epoch;
    for (const name of SLOT_NAMES) this.slots[name].care?.hold(held[name]);
  }

  /** A request on `replica` is over. */
  released(replica: ReplicaLink): void {
    this.slots[replica.slot].care?.released(replica);
  }

  takeQueueRefused(): Pick<ServiceCounts, 'queueRefused'> {
    const { blue, green } = this.slots;
    if (blue.care === null) return {};
    const queueRefused = {
      blue: blue.care.queue?.takeRefused() ?? 0,
      green: green.care?.queue?.takeRefused() ?? 0,
    };
    return queueRefused.blue + queueRefused.green === 0 ? {} : { queueRefused };
  }

  get replicas(): ReplicaLink[] {
    return [...this.slots.blue.replicas, ...this.slots.green.replicas];
  }

  /** Gone for good. */
  retire(): void {
    this.room.turnAway(`${this.door.service} was taken away`);
    for (const replica of this.replicas) {
      replica.healthy = false;
      replica.retire();
    }
    for (const name of SLOT_NAMES) this.slots[name].care?.queue?.serve(performance.now());
  }

  /** Last of all, so that who is released meets the whole route. */
  private holdOrRelease({ hold, holdUntilMs }: RouteInUse): void {
    const leftMs = hold === undefined ? 0 : Math.min(hold.maxMs, (holdUntilMs ?? 0) - Date.now());
    if (hold !== undefined && leftMs > 0) this.room.begin(holdPartOf(hold, this.parts.place), leftMs);
    else this.room.end();
  }

  private countIdentitiesOf({ split }: Route): void {
    if (this.door.sticky.by === 'none' || split === null) this.identities = null;
    else if (this.identities?.rollout !== split.rollout) this.identities = new IdentityFilter(split.rollout);
  }

  private setInUse(): void {
    for (const name of SLOT_NAMES) {
      const slot = this.slots[name];
      slot.inUse = Math.min(this.route?.replicas[name] ?? 0, slot.replicas.length);
      for (const replica of slot.replicas) {
        if (replica.index < slot.inUse) replica.revive();
        else {
          replica.healthy = false;
          replica.retire();
        }
      }
    }
  }

  private takeCare(slot: SlotLive): void {
    const { proxy } = this.door.spec;
    const perReplica = proxy.kind === 'builtin' ? proxy.perReplica : undefined;
    const isNeeded = perReplica !== undefined || this.outliers !== null;
    if (slot.care === null && !isNeeded) return;
    const { place, askForPermits: ask, givePermits: give } = this.parts;
    slot.care ??= new SlotCare(slot, { clock: QUEUE_CLOCK, place, ask, give });
    slot.care.use(perReplica);
    if (isNeeded) return;
    slot.care = null;
  }

  private drainOrWelcome(slot: SlotLive, before: Route | null, nowMs: number): void {
    if (getsTraffic(this.route, slot.name)) slot.drain = null;
    else if (getsTraffic(before, slot.name)) slot.drain = new Drain(slot.inFlight, this.door.spec, nowMs);
  }
}

/** Whether somebody other than `failed` could be free for a request some time soon. */
function canWait({ care, replicas, inUse }: SlotLive, failed: ReplicaLink): boolean {
  const { queue = null } = care ?? {};
  return queue !== null && replicas.some((each) => each.healthy && each !== failed && each.index < inUse);
}

/** By the patience that its copy met with. */
function asCopied({ classIndex, bucket }: Attempt): ClassIndex {
  const isLate = bucket !== NO_LATENCY && bucket > latencyBucket(COPY_TIMEOUT_MS);
  return isLate && classIndex !== CLASS.clientAbort ? CLASS.timeout : classIndex;
}

function getsTraffic(route: Route | null, slot: SlotName): boolean {
  if (route === null) return false;
  return route.serve === slot || (route.split?.slot === slot && route.split.sharePercent > 0);
}

/** Under which name these are counted, or null: as users' traffic. */
function apartOf(identity: number): Apart | null {
  if (identity >= ONE_OFF || identity === UNCOUNTED) return null;
  if (identity === PREVIEW) return 'previews';
  return identity === OVERRIDE ? 'overrides' : 'mirrored';
}
