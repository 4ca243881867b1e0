import { formatUpstream } from '../../../lib/upstream.ts';
import { SLOT_NAMES, type SlotName, otherSlot } from '../../../release/slot.ts';
import { type Cohort, type SaltState, bucketOf, drawCohort, isCandidate, saltState } from '../../cohort.ts';
import type { Door, Route } from '../../router.ts';
import { Drain, type InFlight } from './drain.ts';
import { IdentityFilter, PREVIEW, UNCOUNTED, deedOf } from '../../identity-filter.ts';
import { ReplicaLink } from './replica-link.ts';
import { type ClassIndex, ReplicaTally } from '../../tally.ts';

export type SlotLive = {
  readonly name: SlotName;
  replicas: ReplicaLink[];
  /** Replicas below this index are in use. */
  inUse: number;
  readonly inFlight: Set<InFlight>;
  drain: Drain | null;
  /** Where the search for the least loaded replica begins, so that equals take turns. */
  turn: number;
};

/** Where a request goes. `wanted` differs from `slot` when its own slot has no sound replica. */
export type Choice = { readonly wanted: SlotLive; readonly slot: SlotLive };

export type Attempt = {
  readonly classIndex: ClassIndex;
  /** Of the time to its response head, or NO_LATENCY. */
  readonly bucket: number;
  /** Whether the request ended with it. */
  readonly isFinal: boolean;
};

export type Repeating = {
  /** On another replica of its slot. */
  readonly mayRepeat: boolean;
  /** To the other slot, where that stands in. */
  readonly mayMove: boolean;
  /** The connection had carried another request before: it may have been closed for being idle. */
  readonly wasReused: boolean;
};

/** A service as one worker sees it. */
export class ServiceLive {
  door: Door;
  salt: SaltState;
  route: Route | null = null;
  identities: IdentityFilter | null = null;
  readonly slots: Readonly<Record<SlotName, SlotLive>>;
  private cohort: Cohort | null = null;
  private readonly onSuspect: (replica: ReplicaLink) => void;

  /** `onSuspect`: a replica that counts as healthy could not be connected to. */
  constructor(door: Door, onSuspect: (replica: ReplicaLink) => void) {
    this.door = door;
    this.onSuspect = onSuspect;
    this.salt = saltState(door.salt);
    this.slots = { blue: slotLive('blue'), green: slotLive('green') };
    this.install(door);
  }

  /** Takes a new description; replicas whose address stays keep their connections and counts. */
  install(door: Door): void {
    this.door = door;
    this.salt = saltState(door.salt);
    for (const name of SLOT_NAMES) {
      const slot = this.slots[name];
      const before = slot.replicas;
      slot.replicas = door.slots[name].map((upstream, index) => {
        const same = before[index];
        if (same !== undefined && formatUpstream(same.address) === formatUpstream(upstream)) return same;
        return new ReplicaLink(upstream, name, index);
      });
      for (const gone of before) if (!slot.replicas.includes(gone)) gone.retire();
    }
    this.setInUse();
  }

  /** One assignment decides: no request sees half a route. A late repeat is ignored. */
  apply(route: Route, nowMs: number): void {
    if (this.route !== null && route.revision <= this.route.revision) return;
    const before = this.route;
    this.cohort = route.split === null ? null : drawCohort(route.split);
    this.route = route;
    this.countIdentitiesOf(route);
    this.setInUse();
    for (const name of SLOT_NAMES) this.drainOrWelcome(this.slots[name], before, nowMs);
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

  /** The other slot, where it serves what this one cannot. */
  standInFor(slot: SlotLive, nowMs: number): SlotLive | null {
    const other = this.slots[otherSlot(slot.name)];
    const isNeeded = this.route?.standIn === true && !hasSound(slot, nowMs);
    return isNeeded && hasSound(other, nowMs) ? other : null;
  }

  /** Who is to serve a request whose attempt failed; null for nobody: it fails. */
  nextAfter(
    slot: SlotLive,
    failed: ReplicaLink,
    nowMs: number,
    { mayRepeat, mayMove, wasReused }: Repeating,
  ): { readonly slot: SlotLive; readonly replica: ReplicaLink } | null {
    if (mayRepeat) {
      const replica = pickReplica(slot, failed, nowMs) ?? (wasReused ? failed : null);
      if (replica !== null) return { slot, replica };
    }
    const other = mayMove ? this.standInFor(slot, nowMs) : null;
    return other === null ? null : { slot: other, replica: pickReplica(other, null, nowMs)! };
  }

  /** Whoever could not connect says so: others need not find out for themselves until the next probe. */
  suspect(replica: ReplicaLink, nowMs: number): void {
    if (replica.suspect(nowMs)) this.onSuspect(replica);
  }

  /** Counts an attempt, and what it makes of its identity. */
  count(replica: ReplicaLink, identity: number, { classIndex, bucket, isFinal }: Attempt): void {
    if (identity === PREVIEW) {
      replica.previews ??= new ReplicaTally();
      replica.previews.add(classIndex, bucket, isFinal);
      return;
    }
    replica.tally.add(classIndex, bucket, isFinal);
    if (identity !== UNCOUNTED)
      this.identities?.note(identity, replica.slot === 'blue' ? 0 : 1, deedOf(classIndex), bucket);
  }

  setHealth(name: SlotName, replica: number, healthy: boolean): void {
    const link = this.slots[name].replicas[replica];
    if (link === undefined) return;
    link.healthy = healthy;
    if (healthy) link.trust();
  }

  get replicas(): ReplicaLink[] {
    return [...this.slots.blue.replicas, ...this.slots.green.replicas];
  }

  retire(): void {
    for (const replica of this.replicas) replica.retire();
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

  private drainOrWelcome(slot: SlotLive, before: Route | null, nowMs: number): void {
    if (getsTraffic(this.route, slot.name)) slot.drain = null;
    else if (getsTraffic(before, slot.name)) slot.drain = new Drain(slot.inFlight, this.door.spec, nowMs);
  }
}

/** The least loaded healthy replica of a slot other than `except`, one that is not suspect if there is a choice. */
export function pickReplica(slot: SlotLive, except: ReplicaLink | null, nowMs: number): ReplicaLink | null {
  let best: ReplicaLink | null = null;
  let bestLoad = Number.POSITIVE_INFINITY;
  slot.turn = slot.inUse === 0 ? 0 : (slot.turn + 1) % slot.inUse;
  for (let i = 0; i < slot.inUse; i += 1) {
    const replica = slot.replicas[(slot.turn + i) % slot.inUse]!;
    if (!replica.healthy || replica === except) continue;
    const load = replica.isSuspect(nowMs) ? 1e9 + replica.active : replica.active;
    if (load < bestLoad) {
      best = replica;
      bestLoad = load;
    }
  }
  return best;
}

function getsTraffic(route: Route | null, slot: SlotName): boolean {
  if (route === null) return false;
  return route.serve === slot || (route.split?.slot === slot && route.split.sharePercent > 0);
}

function hasSound(slot: SlotLive, nowMs: number): boolean {
  for (let i = 0; i < slot.inUse; i += 1) {
    const replica = slot.replicas[i]!;
    if (replica.healthy && !replica.isSuspect(nowMs)) return true;
  }
  return false;
}

function slotLive(name: SlotName): SlotLive {
  return { name, replicas: [], inUse: 0, inFlight: new Set(), drain: null, turn: 0 };
}
