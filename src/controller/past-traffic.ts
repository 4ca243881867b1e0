import type { SampleRange } from '../journal/samples.ts';
import type { PastTraffic } from '../judge/foresee.ts';
import type { IdentitySecond, ReplicaSecond, SparseHistogram } from '../traffic/counts.ts';

/** A day of it, so that the quiet night counts as well. */
export const PAST_HOURS = 24;
const PAST_SECONDS = PAST_HOURS * 3600;

export type KnownPast = PastTraffic & { readonly seconds: number; readonly bestCase: boolean };

/**
 * The traffic of the last day as the judge would count it; null where there was none. People are known from rollouts alone:
 * without one in that time every request is taken for a new person.
 */
export function pastTraffic(range: SampleRange, unit: 'request' | 'identity'): KnownPast | null {
  const { replicas, identities, upToSecond } = range;
  const first = replicas[0]?.second;
  if (first === undefined || upToSecond === null) return null;
  const seconds = Math.min(PAST_SECONDS, upToSecond - first + 1);
  const requests = ofRequests(replicas, seconds);
  if (requests === null || unit === 'request') return requests;
  return ofPeople(identities, requests, range.minutesUntil ?? 0) ?? { ...requests, bestCase: true };
}

function ofRequests(rows: readonly ReplicaSecond[], seconds: number): KnownPast | null {
  let [decided, failed, clientError] = [0, 0, 0];
  for (const { attempts, classes } of rows) {
    decided += attempts - classes.clientAbort;
    failed += classes.serverError + classes.connectFailure + classes.timeout;
    clientError += classes.clientError;
  }
  if (decided <= 0) return null;
  return {
    seconds,
    perSecond: decided / seconds,
    errorRate: failed / decided,
    clientErrorRate: clientError / decided,
    latency: summed(rows),
    bestCase: false,
  };
}

/** New people by second of past rollouts, and what part of them ever failed. */
function ofPeople(
  rows: readonly IdentitySecond[],
  requests: KnownPast,
  minutesUntil: number,
): KnownPast | null {
  const seconds = new Map<number, number>();
  let [active, failed, clientError] = [0, 0, 0];
  for (const row of rows) {
    seconds.set(row.second, row.second < minutesUntil ? 60 : 1);
    active += row.active;
    failed += row.failed;
    clientError += row.clientError;
  }
  const counted = [...seconds.values()].reduce((sum, one) => sum + one, 0);
  if (active === 0) return null;
  const [errorRate, clientErrorRate] = [failed / active, clientError / active];
  return { ...requests, perSecond: active / counted, errorRate, clientErrorRate };
}

function summed(rows: readonly ReplicaSecond[]): SparseHistogram {
  const counts = new Map<number, number>();
  for (const { latency } of rows) {
    for (const [bucket, count] of latency) counts.set(bucket, (counts.get(bucket) ?? 0) + count);
  }
  return [...counts].toSorted(([one], [other]) => one - other);
}
