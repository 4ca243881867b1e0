import type { Address } from '../lib/address.ts';
import type { Upstream } from '../lib/upstream.ts';
import type { DoorSpec, HealthSpec, Sticky } from '../release/service.ts';
import type { SlotName } from '../release/slot.ts';
import type { TrafficBatch } from './counts.ts';

/** Moves and counts the traffic of services. One implementation per kind of proxy; all pass `conformance.ts`. */
export type TrafficRouter = {
  readonly capabilities: RouterCapabilities;
  /**
   * Makes the service's door exist as described; idempotent; replaces a former description as a whole and leaves the
   * former one in place on any error. A new service serves 503 until its first route.
   * Errors: TRAFFIC_DOOR_TAKEN (host and path, or port, belong to another service or program, which is named),
   * TRAFFIC_UNREACHABLE (the data plane does not answer; retryable).
   */
  install(door: Door): Promise<void>;
  /** Takes the door away. Idempotent. */
  remove(service: string): Promise<void>;
  /**
   * Replaces the whole route atomically and durably; resolves once every worker uses it and it is on disk.
   * A route whose revision is not above the present one's is ignored, so that late repeats do no harm.
   */
  apply(route: Route): Promise<void>;
  /** What is true now, read from the data plane. */
  observe(service: string): Promise<DoorObservation>;
  /** Ends at once what is still in flight on a slot; returns how many were cut. */
  cut(service: string, slot: SlotName): Promise<number>;
  /** Counts after `cursor` (null: from now on). */
  traffic(service: string, cursor: string | null): Promise<TrafficBatch>;
};

export type RouterCapabilities = {
  /** Smallest share in percent. */
  readonly shareStepPercent: number;
  readonly sticky: readonly Sticky['by'][];
  readonly identities: boolean;
  readonly hold: boolean;
  readonly mirror: boolean;
  /** A private address per slot: `Door.preview`. Where it is false, `Door.preview` is always null. */
  readonly preview: boolean;
};

export type Door = {
  readonly service: string;
  readonly spec: DoorSpec;
  /** Each slot is probed as the release in it asks. */
  readonly health: Readonly<Record<SlotName, HealthSpec>>;
  readonly sticky: Sticky;
  /** Fixed for the life of the service: 128 random bits in hex, hashed with the identity into the bucket. */
  readonly salt: string;
  /**
   * Where each slot is reached, by replica index. With a path prefix, requests and health probes go below it
   * (`withPrefix`) and what answers say of it is taken back: in Location, and in the Path of cookies.
   */
  readonly slots: Readonly<Record<SlotName, readonly Upstream[]>>;
  /**
   * Where each slot is reached alone, or null for nowhere. What comes to one of these addresses goes to that slot only,
   * whatever the route says, before its gate too, for any host and path; it needs no identity and is given no cookie; it is
   * counted in `TrafficBatch.previews` and nowhere else. While nothing in the slot is healthy: 503.
   */
  readonly preview: Readonly<Record<SlotName, Address>> | null;
};

/** Who gets what: complete, replaced as a whole. */
export type Route = {
  readonly service: string;
  /** Grows with every change. */
  readonly revision: number;
  /** Where everyone goes who is not in the candidate's share; null: 503 with Retry-After. */
  readonly serve: SlotName | null;
  /** The candidate's share, or null when one slot has everything. */
  readonly split: Split | null;
  /** How many replicas of each slot are in use (indexes below it); 0 where nothing runs: not probed, never chosen. */
  readonly replicas: Readonly<Record<SlotName, number>>;
  /** Whether a slot without a healthy replica is stood in for by the other one: false while that has not passed its gate. */
  readonly standIn: boolean;
};

export type Split = {
  /** The identity epoch: what `IdentitySecond` counts once, it counts once per rollout. */
  readonly rollout: string;
  readonly slot: SlotName;
  /** 0 to 100. The first `sharePercent × 10` of the 1,000 permuted buckets. */
  readonly sharePercent: number;
  /** 128 random bits in hex: draws this rollout's permutation. */
  readonly seed: string;
};

export type DoorObservation = {
  /** Revision in use by every worker; 0 before the first route. */
  readonly revision: number;
  readonly slots: Readonly<Record<SlotName, SlotObservation>>;
};

export type SlotObservation = {
  readonly replicas: readonly ReplicaObservation[];
  /** Ordinary requests in flight. */
  readonly inFlight: number;
  /** Open event streams and WebSockets. */
  readonly streams: number;
};

export type ReplicaObservation = {
  readonly replica: number;
  readonly healthy: boolean;
  /** Good answers in a row, up to `rise`. */
  readonly goodInARow: number;
  readonly lastProbe: Probe | null;
};

export type Probe = {
  readonly atMs: number;
  readonly ok: boolean;
  /** `200`, `connection refused`, `no answer within 1s`. */
  readonly found: string;
  readonly tookMs: number;
  /** First 200 bytes of a body that was not healthy. */
  readonly body: string;
};
