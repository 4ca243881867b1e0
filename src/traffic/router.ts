import type { Address } from '../lib/address.ts';
import type { Upstream } from '../lib/upstream.ts';
import type { DoorSpec, HealthSpec, ProxySpec, Sticky } from '../release/service.ts';
import type { SlotName } from '../release/slot.ts';
import type { TrafficBatch } from './counts.ts';
import type { ErrorPages } from './door-pages.ts';
import type { OverrideRule } from './override.ts';

/** Moves and counts the traffic of services. One implementation per kind of proxy; all pass `conformance.ts`. */
export type TrafficRouter = {
  readonly capabilities: RouterCapabilities;
  /** Where one router stands for several kinds of proxy: what that kind can do. `capabilities` is what all of them can. */
  capabilitiesOf?(kind: ProxySpec['kind']): RouterCapabilities | null;
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
  /** Obeys `Door.override`. Where it is false, a door never has one; the same holds for the next two. */
  readonly override: boolean;
  /** Obeys `Route.hold`. */
  readonly hold: boolean;
  /** Obeys `Route.mirror`. */
  readonly mirror: boolean;
  /**
   * Silence in milliseconds after which a request without an answer counts as failed: so long a candidate that hangs looks as if
   * nobody had asked it. Absent: the service says it itself (`read-timeout`).
   */
  readonly headTimeoutMs?: number;
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
  /** How a request may choose its slot itself (`override.ts`). Absent: not at all. */
  readonly override?: OverrideRule;
  /** Answered in place of the proxy's own. Absent: none; where a proxy has no such thing, it is never there. */
  readonly errorPages?: ErrorPages;
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
  /** Which slot an override means by `candidate`, also before its first share. Absent: none. */
  readonly candidate?: SlotName;
  /**
   * Where those go whom `DoorSpec`'s conditions name for the candidate, while something healthy is there; else they are requests like
   * any other. They need no identity, are given no cookie, and are counted in `TrafficBatch.overrides`. Absent: nobody is told apart.
   */
  readonly matched?: SlotName;
  /** Absent: no copies. */
  readonly mirror?: Mirror;
  /** Absent: nobody waits. */
  readonly hold?: Hold;
};

/**
 * Copies of ordinary requests that go to `Route.serve`, sent to another slot, whose answers are thrown away. A copy never
 * delays or fails the request that it is of: one too many, or with a body too large, is dropped, and counted as dropped.
 * Copies have the same head and body, and are counted in `TrafficBatch.mirrored` and nowhere else. Only healthy replicas
 * get them; none is repeated. Never copied: overrides, preview addresses, upgrades.
 */
export type Mirror = {
  readonly slot: SlotName;
  /** 0 to 100; every request draws anew. */
  readonly sharePercent: number;
  /** In capitals. GET and HEAD, unless somebody named others with a reason; of GET and HEAD only those without a body. */
  readonly methods: readonly string[];
};

/**
 * Requests wait at the door, in the order of their arrival, until the next route without a hold, or until `maxMs` after this
 * route was first applied, whichever is first; a route with a higher revision and a hold begins a new `maxMs`. Then they go
 * where the present route says, as if they came now (`serve: null`: 503 with Retry-After). The data plane ends a hold by
 * itself, also when the controller is dead and after its own restart. What comes past a bound is answered 503 with
 * Retry-After at once. Requests to preview addresses and with a valid override do not wait, nor does a GET or HEAD of the
 * health path of the release in `serve` without a query. Held are new requests only: those in flight go on. When the door
 * is removed, who waits gets 503 with the reason. A client that leaves is forgotten, and counted nowhere.
 */
export type Hold = {
  /** 1 to 60,000. */
  readonly maxMs: number;
  /** Requests that wait at a time, over all workers. 1 to 10,000. */
  readonly maxRequests: number;
  /** Memory for what waits: heads, and what of bodies is read meanwhile. */
  readonly maxBytes: number;
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
  /** How many requests wait in a hold. Absent for none, and where the proxy cannot know. */
  readonly held?: number;
  /** Absent: none, or another proxy's business. */
  readonly certificates?: readonly CertificateObservation[];
};

export type CertificateObservation = {
  /** Path of the certificate. */
  readonly file: string;
  /** Whom the one in use is for; empty for none in use. */
  readonly names: readonly string[];
  /** Of the one in use, or null for none. */
  readonly notAfterMs: number | null;
  /** Why what the files hold now is not in use, or why one that was asked for is not there; or null. */
  readonly problem: string | null;
  /** The proxy asks an authority for it itself. */
  readonly isAskedFor?: true;
};

export type SlotObservation = {
  readonly replicas: readonly ReplicaObservation[];
  /** Ordinary requests in flight. */
  readonly inFlight: number;
  /** Open event streams and WebSockets. */
  readonly streams: number;
  /** Requests that wait for a replica. Absent for none, and where the proxy cannot know. */
  readonly queued?: number;
  /** Indexes of replicas that are left out for a while, for what they answered. Absent for none. */
  readonly ejected?: readonly number[];
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
