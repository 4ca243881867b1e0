/** What the built-in proxy does about slow, full and failing replicas, and about slow clients. Units in the names. */

/** How long each part of a request may take. `null`: without end. The first four and the last two are looked at once a second. */
export type Timeouts = {
  /** To a replica. */
  readonly connectMs: number;
  /** Without a byte of the application before its response head. */
  readonly responseHeadMs: number;
  /** Without a byte of a response that has begun; not of an event stream. */
  readonly responseIdleMs: number;
  /** Without a byte of a request's body. */
  readonly requestIdleMs: number;
  /** Of a client's connection, until a request's head is there. Of the listener. */
  readonly requestHeadMs: number;
  /** Of a client's connection without a request. Of the listener. */
  readonly keepAliveMs: number;
  /** From the head of a request to the end of its answer; not of event streams and upgraded connections. */
  readonly requestMs: number | null;
  /** Without a byte in either direction of an upgraded connection. */
  readonly upgradedIdleMs: number | null;
};

export const USUAL_TIMEOUTS: Timeouts = {
  connectMs: 5000,
  responseHeadMs: 60_000,
  responseIdleMs: 300_000,
  requestIdleMs: 60_000,
  requestHeadMs: 30_000,
  /** Long, so that it is the client who closes an idle connection: the other way round a request can cross the close. */
  keepAliveMs: 75_000,
  requestMs: null,
  upgradedIdleMs: null,
};

/** Of a listener, which the services that share it have to agree on. */
export type ListenerLimits = {
  /** Of one request, its first line included. */
  readonly maxHeadBytes: number;
  /** Of clients, at a time. Null: 10,000 in each worker. */
  readonly maxConnections: number | null;
};

/** All that a listener goes by. */
export type ListenerManners = ListenerLimits & Pick<Timeouts, 'requestHeadMs' | 'keepAliveMs'>;

export const USUAL_LIMITS: ListenerLimits = { maxHeadBytes: 16_384, maxConnections: null };

/** What each replica is spared. */
export type PerReplica = {
  /** In flight at a time, over all workers. Null: no bound, and no queue. */
  readonly maxRequests: number | null;
  /** Requests that wait for a slot's replicas while all have as many as they may: so many for each replica in use. */
  readonly maxQueue: number;
  readonly queueTimeoutMs: number;
  /** From its first good health until it takes its whole part. 0: at once. */
  readonly slowStartMs: number;
};

export const USUAL_PER_REPLICA: PerReplica = {
  maxRequests: null,
  maxQueue: 100,
  queueTimeoutMs: 5000,
  slowStartMs: 0,
};

/** When a replica that is well by its health is left out for a while. */
export type OutlierRules = {
  /** Failed connections, timeouts, 502, 503 and 504 in a row. Null: not looked at. */
  readonly consecutiveGatewayFailures: number | null;
  /** The same with every 5xx. Null: not looked at. */
  readonly consecutive5xx: number | null;
  /** The first time; each further one in a row is longer by this. */
  readonly baseMs: number;
  readonly maxMs: number;
};

export const USUAL_OUTLIERS: OutlierRules = {
  consecutiveGatewayFailures: 5,
  consecutive5xx: null,
  baseMs: 30_000,
  maxMs: 300_000,
};

/** The kinds of an error page, by the end of its file's name. */
export const PAGE_KINDS = ['html', 'json', 'txt'] as const;
export type PageKind = (typeof PAGE_KINDS)[number];

/** What the proxy answers by itself for a service. */
export const PAGE_STATUSES = ['403', '408', '413', '501', '502', '503', '504'] as const;

/** Files of one's own, by status; `default` for every other one. */
export type ErrorPageFiles = Readonly<Record<string, readonly string[]>>;
