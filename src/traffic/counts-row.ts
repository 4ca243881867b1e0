import type { IdentitySecond, ReplicaSecond } from './counts.ts';

/** All that one service did in one second, or in the minute that begins with it. */
export type CountsRow = {
  readonly second: number;
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
};

/** One row for each second, in order. */
export function rowsOf(counts: Pick<CountsRow, 'replicas' | 'identities'>): readonly CountsRow[] {
  const rows = new Map<number, { second: number; replicas: ReplicaSecond[]; identities: IdentitySecond[] }>();
  function rowOf(second: number) {
    let row = rows.get(second);
    if (row === undefined) rows.set(second, (row = { second, replicas: [], identities: [] }));
    return row;
  }
  for (const replica of counts.replicas) rowOf(replica.second).replicas.push(replica);
  for (const identity of counts.identities) rowOf(identity.second).identities.push(identity);
  return [...rows.values()].toSorted((one, other) => one.second - other.second);
}
