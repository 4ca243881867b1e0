import type { ReplicaSecond } from '../../src/traffic/counts.ts';

/** How one rollout under one judge ended. */
export type Outcome = {
  /** `asks`: a person decides. `held`: still waiting after a quarter of an hour, and says why. */
  readonly end: 'promoted' | 'back' | 'undecided' | 'asks' | 'held';
  /** Since its first traffic. */
  readonly seconds: number;
  /** Requests that the candidate served. */
  readonly requests: number;
};

export function requestsOn(slot: 'blue' | 'green', rows: readonly ReplicaSecond[]): number {
  let sum = 0;
  for (const row of rows) if (row.slot === slot) sum += row.requests;
  return sum;
}
