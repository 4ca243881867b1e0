/** What is looked at of a replica. */
export type Choosable = {
  readonly healthy: boolean;
  /** Requests and streams in flight. */
  readonly active: number;
  /** As many may be in flight. */
  readonly allowed: number;
  /** Left out for a while, for what it answered. */
  readonly isEjected: boolean;
  /** When it became healthy while others were looked at already; -Infinity for long ago. */
  readonly freshSinceMs: number;
  isSuspect(nowMs: number): boolean;
};

export type Choosing<T> = {
  /** Where the search begins, so that equals take turns. */
  readonly from: number;
  readonly except: T | null;
  readonly nowMs: number;
  /** So long a fresh replica gets less than its part. 0: it does not. */
  readonly slowStartMs: number;
  /** In [0, 1). */
  readonly draw: number;
};

/** The least that a fresh replica gets of its part, so that it warms up at all. */
export const LEAST_WEIGHT = 0.1;

/**
 * The replica for the next request, or null where none may have it now. One that is suspect, or was ejected, is chosen only where
 * no other is healthy: so no ejection can take the last one. A fresh one takes part in as many choices as its age says, and is held
 * to as much of the load; where all are fresh, all take part.
 */
export function chooseReplica<T extends Choosable>(replicas: readonly T[], choosing: Choosing<T>): T | null {
  const { from, nowMs } = choosing;
  const tier = bestTier(replicas, choosing);
  let best: T | null = null;
  let bestLoad = Number.POSITIVE_INFINITY;
  let isBestIn = false;
  for (let i = 0; i < replicas.length; i += 1) {
    const replica = replicas[(from + i) % replicas.length]!;
    if (tierOf(replica, choosing) !== tier || replica.active >= replica.allowed) continue;
    const weight = weightAt(replica, choosing.slowStartMs, nowMs);
    const isIn = choosing.draw < weight;
    const load = replica.active / weight;
    if (isBestIn === isIn ? load >= bestLoad : isBestIn) continue;
    best = replica;
    bestLoad = load;
    isBestIn = isIn;
  }
  return best;
}

/** Part of its share that a replica takes: from LEAST_WEIGHT to 1, growing with its age. */
export function weightAt(
  { freshSinceMs }: Pick<Choosable, 'freshSinceMs'>,
  slowStartMs: number,
  nowMs: number,
): number {
  const ageMs = nowMs - freshSinceMs;
  return ageMs >= slowStartMs ? 1 : Math.max(LEAST_WEIGHT, ageMs / slowStartMs);
}

const UNFIT = 3;

function bestTier<T extends Choosable>(replicas: readonly T[], choosing: Choosing<T>): number {
  let best = UNFIT - 1;
  for (const replica of replicas) best = Math.min(best, tierOf(replica, choosing));
  return best;
}

function tierOf<T extends Choosable>(replica: T, { except, nowMs }: Choosing<T>): number {
  if (!replica.healthy || replica === except) return UNFIT;
  if (replica.isSuspect(nowMs)) return 2;
  return replica.isEjected ? 1 : 0;
}
