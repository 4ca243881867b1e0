import type { Challenge } from './acme/order.ts';
import type { ListenerManners } from '../../release/resilience.ts';
import type { Certificate } from './certificate.ts';
import type { SlotName } from '../../release/slot.ts';
import type { ReplicaSecond } from '../counts.ts';
import type { FailedRequest } from '../counts.ts';
import type { Door, Route } from '../router.ts';
import type { IdentityNews } from '../identity-filter.ts';

import type { ReplicaHealth } from '../prober.ts';
import type { Held, PermitGift, PermitSearch } from './permit-book.ts';
import type { ServiceState } from '../state-store.ts';

/** Which worker of how many. */
export type Place = { readonly index: number; readonly of: number };

/** `holdUntilMs`: Unix time at which its hold ends, set when it was first applied; it outlives every process. */
export type RouteInUse = Route & { readonly holdUntilMs?: number };

/** What the parent and its workers say to each other, over Node's channel between them. */

/** Asks that a worker answers by id once it has done them. */
export type Ask =
  | { readonly op: 'install'; readonly door: Door; readonly certificates: readonly Certificate[] }
  | { readonly op: 'remove'; readonly service: string }
  | { readonly op: 'apply'; readonly route: Route }
  | { readonly op: 'observe'; readonly service: string }
  | { readonly op: 'challenges'; readonly challenges: readonly Challenge[] }
  | { readonly op: 'cut'; readonly service: string; readonly slot: SlotName };

export type Answer = {
  /** Revision in use; 0 before the first route. */
  readonly revision: number;
  readonly inFlight: Readonly<Record<SlotName, number>>;
  readonly streams: Readonly<Record<SlotName, number>>;
  /** How many wait in a hold. */
  readonly held: number;
  /** How many wait for a replica. */
  readonly queued: Readonly<Record<SlotName, number>>;
  /** How many a `cut` ended. */
  readonly cut: number;
};

/** What is spoken on a listener. */
export type Speech = {
  readonly isSecure: boolean;
  /** CIDR blocks whose connections begin with a header of the PROXY protocol. */
  readonly proxies: readonly string[];
  readonly manners: ListenerManners;
};

export type ToWorker =
  | {
      readonly kind: 'start';
      readonly place: Place;
      readonly services: readonly ServiceState[];
      readonly health: readonly ReplicaHealth[];
      /** By service. */
      readonly certificates: ReadonlyMap<string, readonly Certificate[]>;
      readonly ticketKeys: Buffer;
      readonly challenges: readonly Challenge[];
      /** Where access logs are. */
      readonly accessFolder: string;
    }
  /** Comes with the listening socket; in place of the former front, if there is one. */
  | { readonly kind: 'listen'; readonly listener: string; readonly speech: Speech }
  /** Files have changed. */
  | {
      readonly kind: 'certificates';
      readonly service: string;
      readonly certificates: readonly Certificate[];
    }
  | { readonly kind: 'ticketKeys'; readonly keys: Buffer }
  | { readonly kind: 'unlisten'; readonly listener: string }
  | { readonly kind: 'ask'; readonly id: number; readonly ask: Ask }
  | { readonly kind: 'health'; readonly health: ReplicaHealth }
  | {
      readonly kind: 'ejection';
      readonly service: string;
      readonly slot: SlotName;
      readonly replica: number;
      readonly isEjected: boolean;
    }
  /** What the worker holds, in place of what it thought. */
  | ({ readonly kind: 'permits'; readonly held: Readonly<Record<SlotName, Held>> } & OfPermits)
  | ({ readonly kind: 'permitsGranted'; readonly slot: SlotName; readonly gift: PermitGift } & OfPermits)
  | ({ readonly kind: 'permitsSought'; readonly slot: SlotName; readonly search: PermitSearch } & OfPermits)
  /** Another proxy listens in this one's place: what is connected is served to its end, and then no more. */
  | { readonly kind: 'retire' }
  | { readonly kind: 'stop'; readonly graceMs: number };

export type FromWorker =
  | { readonly kind: 'started' }
  /** `error`: the code of the system's error, or null. */
  | { readonly kind: 'listening'; readonly listener: string; readonly error: string | null }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | WorkerCounts
  | Suspicion
  | Outlier
  | ({
      readonly kind: 'permitsWanted';
      readonly slot: SlotName;
      readonly replicas: readonly number[];
    } & OfPermits)
  | ({ readonly kind: 'permitsGiven'; readonly slot: SlotName; readonly gift: PermitGift } & OfPermits)
  /** It is time to put the service's access log aside. */
  | { readonly kind: 'accessLogFull'; readonly service: string }
  | { readonly kind: 'note'; readonly text: string };

/** `epoch`: what was said in another one is late. */
export type OfPermits = { readonly service: string; readonly epoch: number };

/** A replica has had too many failures in a row. */
export type Outlier = {
  readonly kind: 'outlier';
  readonly service: string;
  readonly slot: SlotName;
  readonly replica: number;
  readonly why: string;
};

/** What workers say of replicas beyond their health. */
export type ReplicaMessage = Outlier | PermitMessage;

/** What workers say about what they hold. */
export type PermitMessage = Extract<FromWorker, { kind: 'permitsWanted' | 'permitsGiven' }>;

/** A replica that counts as healthy could not be connected to. */
export type Suspicion = {
  readonly kind: 'suspect';
  readonly service: string;
  readonly slot: SlotName;
  readonly replica: number;
};

/** All that a worker counted in a second, and that it is over. */
export type WorkerCounts = {
  readonly kind: 'counts';
  readonly second: number;
  readonly services: readonly ServiceCounts[];
};

export type ServiceCounts = {
  readonly service: string;
  readonly replicas: readonly Omit<ReplicaSecond, 'second'>[];
  readonly previews: readonly Omit<ReplicaSecond, 'second'>[];
  readonly overrides: readonly Omit<ReplicaSecond, 'second'>[];
  readonly mirrored: readonly Omit<ReplicaSecond, 'second'>[];
  readonly copied: readonly Omit<ReplicaSecond, 'second'>[];
  readonly mirrorDropped: number;
  readonly holdRefused: number;
  /** Turned away after they waited for a replica, or because too many did. Absent for none. */
  readonly queueRefused?: Readonly<Record<SlotName, number>>;
  /** At its listener, whichever service they were meant for. */
  readonly malformed: number;
  /** Absent for none. */
  readonly failed?: readonly Omit<FailedRequest, 'second'>[];
  /** Of this rollout; null when none is counted. */
  readonly rollout: string | null;
  readonly identities: readonly IdentityNews[];
};

/** Whether anything was counted. */
export function isNews(counts: ServiceCounts): boolean {
  const { replicas, previews, overrides, mirrored, identities, mirrorDropped, holdRefused, malformed } =
    counts;
  const lists = [replicas, previews, overrides, mirrored, identities];
  const isQueueNews = counts.queueRefused !== undefined;
  return lists.some((list) => list.length > 0) || isQueueNews || mirrorDropped + holdRefused + malformed > 0;
}

/** Whom it is about; nobody in particular: an empty name. */
export function serviceOf(ask: Ask): string {
  switch (ask.op) {
    case 'install':
      return ask.door.service;
    case 'apply':
      return ask.route.service;
    case 'challenges':
      return '';
    default:
      return ask.service;
  }
}
