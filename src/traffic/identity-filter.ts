import { CLASS, type ClassIndex } from './tally.ts';

/** What an identity did; sums of these. */
export const DID = { activeOnBlue: 1, activeOnGreen: 2, failed: 4, clientError: 8 } as const;

/** An identity that is not remembered: a request that brought none is one of its own. */
export const ONE_OFF = -1;
/** No identity is counted for this request. */
export const UNCOUNTED = -2;
/** Came to a preview address: counted apart, never judged, and served by its own slot only. */
export const PREVIEW = -3;
/** Chose its slot: counted apart and served by that one only. */
export const OVERRIDE = -4;
/** A copy that nobody waits for: counted apart. */
export const MIRRORED = -5;

/** Whether no other slot may stand in. */
export function isForOneSlot(identity: number): boolean {
  return identity === PREVIEW || identity === OVERRIDE;
}

/** `[identity, slot (0 blue, 1 green), what it newly did, new slowest bucket or -1]`. */
export type IdentityNews = readonly [identity: number, slot: number, did: number, bucket: number];

/** Grows fourfold when half full: a worker may know a thousand services, and few of them are busy. */
const FIRST_SIZE = 1 << 8;
const MAX_SIZE = 1 << 16;
/** News held for one second; more than one worker can serve, so that past it something is wrong and they are dropped. */
const MAX_NEWS = 50_000;

/**
 * Keeps a worker from telling the parent what it has told before. A direct-mapped cache: forgetting an identity only
 * makes it be told again, and the parent's own sets decide what is new.
 */
export class IdentityFilter {
  readonly rollout: string;
  private cache = new Cache(FIRST_SIZE);
  private news: IdentityNews[] = [];

  constructor(rollout: string) {
    this.rollout = rollout;
  }

  /** `deed`: see `deedOf`; being active on the slot goes without saying. */
  note(identity: number, slot: number, deed: number, bucket: number): void {
    const did = deed | (slot === 0 ? DID.activeOnBlue : DID.activeOnGreen);
    if (this.news.length >= MAX_NEWS) return;
    if (identity === ONE_OFF) {
      this.news.push([ONE_OFF, slot, did, bucket]);
      return;
    }
    const { cache } = this;
    const at = cache.placeOf(identity);
    const newlyDid = did & ~cache.did[at]!;
    const isRecord = bucket > cache.slowest[at]!;
    if (newlyDid === 0 && !isRecord) return;
    cache.did[at]! |= did;
    if (isRecord) cache.slowest[at] = bucket;
    if (cache.isHalfFull && cache.size < MAX_SIZE) this.cache = cache.grown();
    this.news.push([identity, slot, newlyDid, isRecord ? bucket : -1]);
  }

  take(): IdentityNews[] {
    const news = this.news;
    this.news = [];
    return news;
  }
}

/** By identity, modulo its size. */
class Cache {
  readonly size: number;
  readonly did: Uint8Array;
  /** Bucket, or -1. */
  readonly slowest: Int16Array;
  private readonly identities: Float64Array;
  private used = 0;

  constructor(size: number) {
    this.size = size;
    this.did = new Uint8Array(size);
    this.slowest = new Int16Array(size);
    this.identities = new Float64Array(size).fill(ONE_OFF);
  }

  get isHalfFull(): boolean {
    return this.used * 2 > this.size;
  }

  /** Whoever had the place is forgotten. */
  placeOf(identity: number): number {
    const at = identity % this.size;
    if (this.identities[at] === identity) return at;
    if (this.identities[at] === ONE_OFF) this.used += 1;
    this.identities[at] = identity;
    this.did[at] = 0;
    this.slowest[at] = -1;
    return at;
  }

  grown(): Cache {
    const larger = new Cache(this.size * 4);
    for (const [from, identity] of this.identities.entries()) {
      if (identity === ONE_OFF) continue;
      const at = larger.placeOf(identity);
      larger.did[at] = this.did[from]!;
      larger.slowest[at] = this.slowest[from]!;
    }
    return larger;
  }
}

/** What an attempt that ended in this class makes of its identity. */
export function deedOf(classIndex: ClassIndex): number {
  switch (classIndex) {
    case CLASS.clientError:
      return DID.clientError;
    case CLASS.serverError:
    case CLASS.connectFailure:
    case CLASS.timeout:
      return DID.failed;
    default:
      return 0;
  }
}
