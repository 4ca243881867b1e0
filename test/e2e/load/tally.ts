import { LATENCY_BUCKETS, latencyBucket, latencyBucketMs } from '../../../src/traffic/counts.ts';
import { FAILURE_KINDS } from './connection.ts';
import type { Failure, FailureKind } from './connection.ts';

export type VersionCounts = {
  /** Answers below 400, with what the application sent. */
  readonly ok: number;
  readonly clientErrors: number;
  /** 5xx that the application itself sent: no failure of what is in front of it. */
  readonly serverErrors: number;
};

export type TransferCounts = {
  readonly done: number;
  readonly bytes: number;
  /** Done or under way while the route changed at least once. */
  readonly spanned: number;
};

/** What went over HTTP/2. */
export type Http2Counts = {
  readonly connections: number;
  /** Ended by the other side, after word of it. */
  readonly goneAway: number;
  /** Requests that the client's own library took back, unsent, because a goodbye came first. No server saw them. */
  readonly unsent: number;
  readonly requests: number;
  readonly uploads: number;
  readonly downloads: number;
  readonly streams: number;
  /** Done or under way while the route changed at least once. */
  readonly spanned: number;
};

export type FailureExample = Failure & {
  /** The request, or the kind of transfer. */
  readonly what: string;
  /** Since the load began. */
  readonly atMs: number;
};

export type LoadReport = {
  readonly elapsedMs: number;
  /** The part of it in which requests were sent: what was in flight when the load was stopped is still finished. */
  readonly sendingMs: number;
  /** Ordinary requests sent. */
  readonly sent: number;
  /** Due by the fixed rate but never sent, because too many were waiting. The load was less than asked for. */
  readonly unsent: number;
  readonly answered: number;
  /** Of all kinds of traffic. */
  readonly failed: number;
  readonly failures: Readonly<Record<FailureKind, number>>;
  /** The client's port of each, in the order in which they came; 0 where it is not known. */
  readonly failedOn: readonly number[];
  /** The first few of each kind. */
  readonly examples: readonly FailureExample[];
  /** Ordinary requests by the version that answered. */
  readonly versions: Readonly<Record<string, VersionCounts>>;
  /** From when a request was due to the end of its answer; ±1.6 %. */
  readonly latencyMs: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
  readonly uploads: TransferCounts;
  readonly downloads: TransferCounts;
  readonly streams: {
    readonly opened: number;
    readonly events: number;
    /** Ended in order by the application, or by the proxy after the route had changed; they then open anew. */
    readonly endedProperly: number;
    /** Open while the route changed at least once. */
    readonly spanned: number;
    readonly openNow: number;
  };
  readonly http2: Http2Counts;
  readonly webSockets: {
    readonly opened: number;
    readonly messages: number;
    /** Closed by the client, each message answered. */
    readonly done: number;
    readonly spanned: number;
  };
  /** Changes of the route that the load was told of. */
  readonly switches: number;
  /** User and system time of this process. */
  readonly cpuMs: number;
};

const EXAMPLES_PER_KIND = 5;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** All that was seen, in one place. */
export class Tally {
  sent = 0;
  unsent = 0;
  answered = 0;
  switches = 0;
  readonly uploads: Mutable<TransferCounts> = { done: 0, bytes: 0, spanned: 0 };
  readonly downloads: Mutable<TransferCounts> = { done: 0, bytes: 0, spanned: 0 };
  readonly webSockets = { opened: 0, messages: 0, done: 0, spanned: 0 };
  readonly streams = { opened: 0, events: 0, endedProperly: 0, spanned: 0, openNow: 0 };
  readonly http2: Mutable<Http2Counts> = {
    connections: 0,
    goneAway: 0,
    unsent: 0,
    requests: 0,
    uploads: 0,
    downloads: 0,
    streams: 0,
    spanned: 0,
  };
  readonly #failedOn: number[] = [];
  readonly #startMs = performance.now();
  readonly #cpu = process.cpuUsage();
  readonly #versions = new Map<string, Mutable<VersionCounts>>();
  readonly #failures = new Map<FailureKind, number>();
  readonly #examples: FailureExample[] = [];
  readonly #latency = new Uint32Array(LATENCY_BUCKETS);
  #latencyMaxMs = 0;
  #stoppedMs: number | null = null;

  /** No more requests are sent from now on. */
  stopped(): void {
    this.#stoppedMs ??= performance.now();
  }

  answer(version: string, status: number, latencyMs: number): void {
    this.answered++;
    const counts = this.#of(version);
    if (status < 400) counts.ok++;
    else if (status < 500) counts.clientErrors++;
    else counts.serverErrors++;
    this.#latency[latencyBucket(latencyMs)]!++;
    if (latencyMs > this.#latencyMaxMs) this.#latencyMaxMs = latencyMs;
  }

  failure(what: string, { kind, detail, port }: Failure): void {
    this.#failedOn.push(port ?? 0);
    const count = (this.#failures.get(kind) ?? 0) + 1;
    this.#failures.set(kind, count);
    if (count <= EXAMPLES_PER_KIND) {
      this.#examples.push({ kind, what, detail, atMs: Math.round(performance.now() - this.#startMs) });
    }
  }

  report(): LoadReport {
    const { sent, unsent, answered, switches } = this;
    const failures = Object.fromEntries(FAILURE_KINDS.map((kind) => [kind, this.#failures.get(kind) ?? 0]));
    const { user, system } = process.cpuUsage(this.#cpu);
    const nowMs = performance.now();
    return {
      elapsedMs: nowMs - this.#startMs,
      sendingMs: (this.#stoppedMs ?? nowMs) - this.#startMs,
      sent,
      unsent,
      answered,
      failed: Object.values(failures).reduce((sum, count) => sum + count, 0),
      failures: failures as Record<FailureKind, number>,
      failedOn: [...this.#failedOn],
      examples: [...this.#examples],
      versions: Object.fromEntries([...this.#versions].map(([name, counts]) => [name, { ...counts }])),
      latencyMs: { p50: this.#at(0.5), p95: this.#at(0.95), p99: this.#at(0.99), max: this.#latencyMaxMs },
      uploads: { ...this.uploads },
      downloads: { ...this.downloads },
      streams: { ...this.streams },
      http2: { ...this.http2 },
      webSockets: { ...this.webSockets },
      switches,
      cpuMs: (user + system) / 1000,
    };
  }

  #of(version: string): Mutable<VersionCounts> {
    let counts = this.#versions.get(version);
    if (counts === undefined) {
      counts = { ok: 0, clientErrors: 0, serverErrors: 0 };
      this.#versions.set(version, counts);
    }
    return counts;
  }

  #at(quantile: number): number {
    const rank = Math.ceil(this.answered * quantile);
    let seen = 0;
    for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
      seen += this.#latency[bucket]!;
      if (seen >= rank && seen > 0) return Math.min(latencyBucketMs(bucket), this.#latencyMaxMs);
    }
    return 0;
  }
}
