import type { SlotName } from '../release/slot.ts';

/**
 * Latency buckets: log scale with γ = 1.1^(1/3) (relative error at most 1.6 %), 50 µs to 63 s.
 * Bucket i holds (γ^(i-1), γ^i] × 50 µs; 0 holds all up to 50 µs, the last one all above 63 s.
 */
export const LATENCY_GAMMA = 1.1 ** (1 / 3);
export const LATENCY_FLOOR_MS = 0.05;
export const LATENCY_BUCKETS = Math.ceil(Math.log(63_000 / LATENCY_FLOOR_MS) / Math.log(LATENCY_GAMMA)) + 1;

const LOG_GAMMA = Math.log(LATENCY_GAMMA);

export function latencyBucket(ms: number): number {
  if (!(ms > LATENCY_FLOOR_MS)) return 0;
  return Math.min(LATENCY_BUCKETS - 1, Math.ceil(Math.log(ms / LATENCY_FLOOR_MS) / LOG_GAMMA - 1e-9));
}

/** Upper edge of a bucket in milliseconds. */
export function latencyBucketMs(bucket: number): number {
  return LATENCY_FLOOR_MS * LATENCY_GAMMA ** bucket;
}

/** Sparse histogram: `[bucket, count]` pairs, buckets growing, counts at least 1. */
export type SparseHistogram = readonly (readonly [bucket: number, count: number])[];

/** Final outcome classes of attempts. Exactly one each. */
export type ClassCounts = {
  /** 1xx to 3xx. */
  readonly ok: number;
  /** 4xx. */
  readonly clientError: number;
  /** 5xx that the application sent. */
  readonly serverError: number;
  /** No connection, or it broke before the response was whole. */
  readonly connectFailure: number;
  /** The proxy gave up waiting. */
  readonly timeout: number;
  /** The client left first. */
  readonly clientAbort: number;
};

/** What one replica did in one second. An attempt belongs to the second in which it was decided. */
export type ReplicaSecond = {
  /** Unix time in whole seconds. */
  readonly second: number;
  readonly slot: SlotName;
  /** 0-based index within the slot. */
  readonly replica: number;
  /** Attempts decided. The judge uses these. Sum of `classes`. */
  readonly attempts: number;
  /** Requests whose final answer came from here (a retried request counts once, at its last attempt). */
  readonly requests: number;
  readonly classes: ClassCounts;
  /** Time to the response head of attempts that got one. */
  readonly latency: SparseHistogram;
};

/**
 * What identities newly did in one second, each at most once per rollout. Only during a rollout with a sticky cohort.
 * A request that brought no identity is an identity of its own.
 */
export type IdentitySecond = {
  readonly second: number;
  readonly slot: SlotName;
  /** Identities seen for the first time in this rollout on this slot. Those that a larger share moved count on both. */
  readonly active: number;
  /**
   * Identities seen for the first time in this rollout on either slot: those whose draw can be tested. Without it, the
   * regulars whom a larger share moves would look like a split that is wrong.
   */
  readonly assigned: number;
  /** Identities with their first 5xx, connect failure or timeout. */
  readonly failed: number;
  /** Identities with their first 4xx. */
  readonly clientError: number;
  /**
   * New personal records of slowness: `[from, to, count]`, count identities whose slowest bucket so far was `from`
   * (-1 for none) and became `to`. A line at bucket i was newly crossed by those with from <= i < to.
   */
  readonly records: readonly (readonly [from: number, to: number, count: number])[];
};

export type LostSeconds = {
  readonly fromSecond: number;
  readonly toSecond: number;
  /** What happened, in words, where that is known. */
  readonly why?: string;
};

/** A request that failed, told without who sent it: no address, no cookie, no query, no body, no header. */
export type FailedRequest = {
  /** Unix time in whole seconds, as counts have it. */
  readonly second: number;
  readonly slot: SlotName;
  readonly replica: number;
  readonly kind: FailureKind;
  /** Null where no answer came, or the proxy does not tell. */
  readonly status: number | null;
  /** Null where the proxy does not tell, as is the next one. */
  readonly method: string | null;
  /** Without query; what is no plain name is a star (failed-request.ts). */
  readonly path: string | null;
};

export type FailureKind = 'serverError' | 'connectFailure' | 'timeout';

/** What `TrafficRouter.traffic` returns: whole, closed seconds only, in order. */
export type TrafficBatch = {
  /** Hand it to the next call. Opaque. */
  readonly cursor: string;
  /** Every second up to and including this one is closed and was delivered by now, silent ones included. */
  readonly upToSecond: number;
  /** Seconds whose counts are lost (the data plane restarted or kept them no longer), or null. */
  readonly lost: LostSeconds | null;
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
  /** What came to the preview addresses, which is never judged. Absent for none. */
  readonly previews?: readonly ReplicaSecond[];
  /** Requests that chose their slot by a valid override, never judged as users'. Absent for none. */
  readonly overrides?: readonly ReplicaSecond[];
  /** Copies of requests that the mirror sent. Absent for none. */
  readonly mirrored?: readonly ReplicaSecond[];
  /** Those of `replicas` of which a copy was sent: what copies are held against. Absent for none. */
  readonly copied?: readonly ReplicaSecond[];
  /** Copies that were due in these seconds and not sent: too many under way, no healthy replica, too large. Absent for none. */
  readonly mirrorDropped?: number;
  /** Some of the attempts that failed, the first few of each second, as examples. Absent for none. */
  readonly failed?: readonly FailedRequest[];
  /** Requests that a hold turned away for a bound. Absent for none. */
  readonly holdRefused?: number;
  /** Requests that waited for a replica in vain, or found too many waiting. Absent for none. */
  readonly queueRefused?: Readonly<Record<SlotName, number>>;
  /**
   * Requests at the service's listener that were refused because two parsers could read them differently, or that are no
   * HTTP; whichever service they were meant for. Absent for none, and where the proxy does not tell.
   */
  readonly malformed?: number;
};
