import type { SlotName } from '../../../release/slot.ts';
import type { Drain, InFlight } from './drain.ts';
import type { ReplicaLink } from './replica-link.ts';
import type { SlotCare } from './slot-care.ts';

/** A slot as one worker sees it. */
export type SlotLive = {
  readonly name: SlotName;
  replicas: ReplicaLink[];
  /** Replicas below this index are in use. */
  inUse: number;
  readonly inFlight: Set<InFlight>;
  drain: Drain | null;
  /** Where the search for the least loaded replica begins, so that equals take turns. */
  turn: number;
  /** Null: nothing but the load decides. */
  care: SlotCare | null;
};

export function slotLive(name: SlotName): SlotLive {
  return { name, replicas: [], inUse: 0, inFlight: new Set(), drain: null, turn: 0, care: null };
}

/**
 * The least loaded healthy replica of a slot other than `except`, one that is not suspect if there is a choice. Null as well where all have as
 * many requests as they may.
 */
export function pickReplica(slot: SlotLive, except: ReplicaLink | null, nowMs: number): ReplicaLink | null {
  if (slot.care !== null) return slot.care.pick(except, nowMs);
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

export function hasSound(slot: SlotLive, nowMs: number): boolean {
  for (let i = 0; i < slot.inUse; i += 1) {
    const replica = slot.replicas[i]!;
    if (replica.healthy && !replica.isSuspect(nowMs)) return true;
  }
  return false;
}
