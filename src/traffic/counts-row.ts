import type { MeasuredPoint, MeasuredSecond } from '../metrics/measured.ts';
import type { IdentitySecond, ReplicaSecond, TrafficBatch } from './counts.ts';

/** Counted apart from users, for judging a candidate before its first share. */
export type ApartCounts = {
  readonly mirrored: readonly ReplicaSecond[];
  readonly copied: readonly ReplicaSecond[];
  readonly overrides: readonly ReplicaSecond[];
  /** Copies that were due and not sent. */
  readonly dropped: number;
};

/** All that one service did in one second, or in the minute that begins with it. */
export type CountsRow = {
  readonly second: number;
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
  /** Absent for none, and where nothing is judged by it. */
  readonly apart?: ApartCounts;
  /** What came in of measures. Absent for none. */
  readonly measured?: readonly MeasuredPoint[];
};

type Filling = {
  second: number;
  replicas: ReplicaSecond[];
  identities: IdentitySecond[];
  apart?: ApartCounts;
  measured?: MeasuredPoint[];
};

type Counts = Pick<CountsRow, 'replicas' | 'identities'> & {
  readonly apart?: readonly ApartSecond[];
  readonly measured?: readonly MeasuredSecond[];
};

export type ApartSecond = ApartCounts & { readonly second: number };

const NOTHING_APART: ApartCounts = { mirrored: [], copied: [], overrides: [], dropped: 0 };

/** What a batch counted apart, by second; copies that were dropped count for its last one. */
export function apartOf(
  batch: Pick<TrafficBatch, 'mirrored' | 'copied' | 'overrides' | 'mirrorDropped' | 'upToSecond'>,
): readonly ApartSecond[] {
  const { upToSecond, mirrorDropped = 0 } = batch;
  const seconds = new Map<number, ApartSecond>();
  const at = (second: number): ApartSecond => seconds.get(second) ?? { second, ...NOTHING_APART };
  for (const lane of ['mirrored', 'copied', 'overrides'] as const) {
    for (const row of batch[lane] ?? []) {
      const one = at(row.second);
      seconds.set(row.second, { ...one, [lane]: [...one[lane], row] });
    }
  }
  if (mirrorDropped > 0) seconds.set(upToSecond, { ...at(upToSecond), dropped: mirrorDropped });
  return [...seconds.values()];
}

/** Both together. */
export function addApart(one: ApartCounts | undefined, other: ApartCounts): ApartCounts {
  const { mirrored, copied, overrides, dropped } = one ?? NOTHING_APART;
  return {
    mirrored: [...mirrored, ...other.mirrored],
    copied: [...copied, ...other.copied],
    overrides: [...overrides, ...other.overrides],
    dropped: dropped + other.dropped,
  };
}

/** One row for each second, in order. */
export function rowsOf(counts: Counts): readonly CountsRow[] {
  const rows = new Map<number, Filling>();
  function rowOf(second: number): Filling {
    let row = rows.get(second);
    if (row === undefined) rows.set(second, (row = { second, replicas: [], identities: [] }));
    return row;
  }
  for (const replica of counts.replicas) rowOf(replica.second).replicas.push(replica);
  for (const identity of counts.identities) rowOf(identity.second).identities.push(identity);
  for (const { second, ...apart } of counts.apart ?? []) {
    const row = rowOf(second);
    row.apart = addApart(row.apart, apart);
  }
  for (const { second, point } of counts.measured ?? []) (rowOf(second).measured ??= []).push(point);
  return [...rows.values()].toSorted((one, other) => one.second - other.second);
}

/** What rows hold of measures, as a part of a range: absent for none. */
export function measuredIn(rows: readonly CountsRow[]): { readonly measured?: readonly MeasuredSecond[] } {
  const measured = rows.flatMap(({ second, measured: points = [] }) =>
    points.map((point) => ({ second, point })),
  );
  return measured.length === 0 ? {} : { measured };
}

/** What rows hold apart, as a part of a range: absent for none. */
export function apartIn(rows: readonly CountsRow[]): { readonly apart?: readonly ApartSecond[] } {
  const apart = rows.flatMap(({ second, apart: counted }) =>
    counted === undefined ? [] : [{ second, ...counted }],
  );
  return apart.length === 0 ? {} : { apart };
}
