import { LATENCY_BUCKETS, type ReplicaSecond } from './counts.ts';

/** Index into `ReplicaTally`'s counters; the order of `ClassCounts`. */
export const CLASS = {
  ok: 0,
  clientError: 1,
  serverError: 2,
  connectFailure: 3,
  timeout: 4,
  clientAbort: 5,
} as const;
export type ClassIndex = (typeof CLASS)[keyof typeof CLASS];

export function classOfStatus(statusCode: number): ClassIndex {
  if (statusCode >= 500) return CLASS.serverError;
  return statusCode >= 400 ? CLASS.clientError : CLASS.ok;
}

/** No response head came. */
export const NO_LATENCY = -1;

export type Counted = Pick<ReplicaSecond, 'attempts' | 'requests' | 'classes' | 'latency'>;

/** What one replica did for one worker since the last `take`. */
export class ReplicaTally {
  private readonly classes = new Uint32Array(6);
  private readonly latency = new Uint32Array(LATENCY_BUCKETS);
  private attempts = 0;
  private requests = 0;

  /** `bucket`: see `latencyBucket`, or NO_LATENCY. `isFinal`: the request ended with this attempt. */
  add(classIndex: ClassIndex, bucket: number, isFinal: boolean): void {
    this.attempts += 1;
    this.classes[classIndex]! += 1;
    if (isFinal) this.requests += 1;
    if (bucket !== NO_LATENCY) this.latency[bucket]! += 1;
  }

  /** The counts since the last call, or null for none. */
  take(): Counted | null {
    if (this.attempts === 0) return null;
    const [ok, clientError, serverError, connectFailure, timeout, clientAbort] = this.classes;
    const counted: Counted = {
      attempts: this.attempts,
      requests: this.requests,
      classes: {
        ok: ok!,
        clientError: clientError!,
        serverError: serverError!,
        connectFailure: connectFailure!,
        timeout: timeout!,
        clientAbort: clientAbort!,
      },
      latency: sparse(this.latency),
    };
    this.attempts = 0;
    this.requests = 0;
    this.classes.fill(0);
    this.latency.fill(0);
    return counted;
  }
}

function sparse(counts: Uint32Array): [number, number][] {
  const pairs: [number, number][] = [];
  for (let bucket = 0; bucket < counts.length; bucket += 1) {
    if (counts[bucket]! > 0) pairs.push([bucket, counts[bucket]!]);
  }
  return pairs;
}
