import type { MeasuredPoint, MeasuredSecond } from '../metrics/measured.ts';
import type { IdentitySecond, ReplicaSecond } from './counts.ts';

/** All that one service did in one second, or in the minute that begins with it. */
export type CountsRow = {
  readonly second: number;
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
  /** What came in of measures. Absent for none. */
  readonly measured?: readonly MeasuredPoint[];
};

type Filling = {
  second: number;
  replicas: ReplicaSecond[];
  identities: IdentitySecond[];
  measured?: MeasuredPoint[];
};

type Counts = Pick<CountsRow, 'replicas' | 'identities'> & { readonly measured?: readonly MeasuredSecond[] };

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
