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

const SIZE = 1 << 16;
/** News held for one second; more than one worker can serve, so that past it something is wrong and they are dropped. */
const MAX_NEWS = 50_000;

/**
 * Keeps a worker from telling the parent what it has told before. A direct-mapped cache: forgetting an identity only
 * makes it be told again, and the parent's own sets decide what is new.
 */
export class IdentityFilter {
  readonly rollout: string;
  private readonly identities = new Float64Array(SIZE).fill(ONE_OFF);
  private readonly did = new Uint8Array(SIZE);
  private readonly slowest = new Int16Array(SIZE);
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
    const at = identity % SIZE;
    if (this.identities[at] !== identity) {
      this.identities[at] = identity;
      this.did[at] = 0;
      this.slowest[at] = -1;
    }
    const newlyDid = did & ~this.did[at]!;
    const isRecord = bucket > this.slowest[at]!;
    if (newlyDid === 0 && !isRecord) return;
    this.did[at]! |= did;
    if (isRecord) this.slowest[at] = bucket;
    this.news.push([identity, slot, newlyDid, isRecord ? bucket : -1]);
  }

  take(): IdentityNews[] {
    const news = this.news;
    this.news = [];
    return news;
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
