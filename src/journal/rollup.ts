import type { ClassCounts, IdentitySecond, ReplicaSecond, SparseHistogram } from '../traffic/counts.ts';
import { addApart, type CountsRow } from '../traffic/counts-row.ts';

export const MINUTE = 60;

export function minuteOf(second: number): number {
  return Math.floor(second / MINUTE) * MINUTE;
}

/** The sum of rows under one second: counts and histograms add up exactly, nothing is averaged. */
export function sumRows(second: number, rows: readonly CountsRow[]): CountsRow {
  const replicas = new Map<string, ReplicaSecond>();
  const identities = new Map<string, IdentitySecond>();
  for (const row of rows) {
    for (const replica of row.replicas) {
      const name = `${replica.slot} ${String(replica.replica).padStart(6, '0')}`;
      replicas.set(name, addReplica(replicas.get(name), { ...replica, second }));
    }
    for (const identity of row.identities) {
      identities.set(identity.slot, addIdentity(identities.get(identity.slot), { ...identity, second }));
    }
  }
  const measured = rows.flatMap((row) => row.measured ?? []);
  // A rollout is judged by seconds: in a minute nobody asks for what was counted apart.
  const apart = rows.every((row) => row.second === second)
    ? rows.flatMap((row) => (row.apart === undefined ? [] : [row.apart]))
    : [];
  const sum = {
    second,
    replicas: inOrder(replicas),
    identities: inOrder(identities),
    ...(apart.length > 0 && { apart: apart.reduce(addApart) }),
  };
  return measured.length === 0 ? sum : { ...sum, measured };
}

function addReplica(sum: ReplicaSecond | undefined, more: ReplicaSecond): ReplicaSecond {
  if (sum === undefined) return more;
  return {
    ...sum,
    attempts: sum.attempts + more.attempts,
    requests: sum.requests + more.requests,
    classes: addClasses(sum.classes, more.classes),
    latency: addHistograms(sum.latency, more.latency),
  };
}

function addClasses(one: ClassCounts, other: ClassCounts): ClassCounts {
  return {
    ok: one.ok + other.ok,
    clientError: one.clientError + other.clientError,
    serverError: one.serverError + other.serverError,
    connectFailure: one.connectFailure + other.connectFailure,
    timeout: one.timeout + other.timeout,
    clientAbort: one.clientAbort + other.clientAbort,
  };
}

function addHistograms(one: SparseHistogram, other: SparseHistogram): SparseHistogram {
  const counts = new Map(one);
  for (const [bucket, count] of other) counts.set(bucket, (counts.get(bucket) ?? 0) + count);
  return [...counts].toSorted((a, b) => a[0] - b[0]);
}

function addIdentity(sum: IdentitySecond | undefined, more: IdentitySecond): IdentitySecond {
  if (sum === undefined) return more;
  const records = new Map<string, readonly [from: number, to: number, count: number]>();
  for (const [from, to, count] of [...sum.records, ...more.records]) {
    const name = `${from} ${to}`;
    records.set(name, [from, to, count + (records.get(name)?.[2] ?? 0)]);
  }
  return {
    ...sum,
    active: sum.active + more.active,
    assigned: sum.assigned + more.assigned,
    failed: sum.failed + more.failed,
    clientError: sum.clientError + more.clientError,
    records: [...records.values()].toSorted((a, b) => a[0] - b[0] || a[1] - b[1]),
  };
}

function inOrder<T>(byName: ReadonlyMap<string, T>): readonly T[] {
  return [...byName].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, value]) => value);
}
