import type { IdentitySecond, ReplicaSecond, SparseHistogram } from '../traffic/counts.ts';
import type { SlotName } from '../release/slot.ts';
import type { JudgedCheck } from './checks.ts';
import { beyondLine, crossedOf, cumulativeOf, type Beyond, type Cumulative } from './latency.ts';
import type { Attempts } from './severe.ts';
import type { JudgeState, JudgedSecond } from './state.ts';

/** What one side did in one second, in judged units: attempts without client aborts, or identities. */
export type Side = {
  readonly units: number;
  readonly failed: number;
  readonly clientError: number;
  readonly beyond: Beyond | Cumulative;
};

/** One second, added up as the checks need it. Lives for that second only. */
export type Reading = {
  readonly candidate: Side;
  readonly stable: Side;
  /** Stable's even replicas, or null where it has but one or where identities are counted. */
  readonly firstHalf: Side | null;
  readonly requests: readonly [candidate: number, stable: number];
  /** Decided attempts without client aborts, and those that failed, whatever is counted. */
  readonly attempts: readonly [candidate: Attempts, stable: Attempts];
  /** What the draw gave each side: identities new to the rollout where sticky, else requests. */
  readonly drawn: readonly [candidate: number, stable: number];
  readonly latencies: { readonly candidate: Histograms; readonly stable: Histograms };
};

type Histograms = readonly SparseHistogram[];

export function readSecond(state: JudgeState, second: JudgedSecond): Reading {
  const candidate = second.replicas.filter((replica) => replica.slot === state.candidate);
  const stable = second.replicas.filter((replica) => replica.slot === state.stable);
  const requests = [sumOf(candidate, requestsOf), sumOf(stable, requestsOf)] as const;
  const attempts = [attemptsOf(candidate), attemptsOf(stable)] as const;
  const latencies = { candidate: candidate.map(latencyOf), stable: stable.map(latencyOf) };
  if (state.unit === 'identity') {
    const people = (slot: SlotName): readonly IdentitySecond[] =>
      second.identities.filter((identity) => identity.slot === slot);
    const [mine, theirs] = [people(state.candidate), people(state.stable)];
    const drawn = [sumOf(mine, assignedOf), sumOf(theirs, assignedOf)] as const;
    return {
      candidate: peopleSide(mine),
      stable: peopleSide(theirs),
      firstHalf: null,
      requests,
      attempts,
      drawn,
      latencies,
    };
  }
  return {
    candidate: sideOf(candidate),
    stable: sideOf(stable),
    firstHalf: state.replicas.stable > 1 ? firstHalfOf(stable) : null,
    requests,
    attempts,
    drawn: requests,
    latencies,
  };
}

/** What several replicas did together. */
export function sideOf(rows: readonly ReplicaSecond[]): Side {
  return {
    units: sumOf(rows, decidedOf),
    failed: sumOf(rows, failuresOf),
    clientError: sumOf(rows, clientErrorsOf),
    beyond: cumulativeOf(rows.map(latencyOf)),
  };
}

/** What the even replicas did: the odd ones are the other half of stable. */
export function firstHalfOf(rows: readonly ReplicaSecond[]): Side {
  return sideOf(rows.filter((row) => row.replica % 2 === 0));
}

function peopleSide(people: readonly IdentitySecond[]): Side {
  return {
    units: sumOf(people, (one) => one.active),
    failed: sumOf(people, (one) => one.failed),
    clientError: sumOf(people, (one) => one.clientError),
    beyond: crossedOf(people.flatMap((one) => one.records)),
  };
}

/** Events of a check on one side; `shift` raises a line for the candidate. */
export function eventsOn(side: Side, check: JudgedCheck, line: number | null, shift: number): number {
  if (check.kind === 'rate') return side[check.signal];
  return line === null ? 0 : beyondLine(side.beyond, line + shift);
}

/** Attempts that the judge counts: a client that left says nothing about the version. */
export function decidedOf(replica: ReplicaSecond): number {
  return Math.max(0, replica.attempts - replica.classes.clientAbort);
}

export function failuresOf(replica: ReplicaSecond): number {
  return replica.classes.serverError + replica.classes.connectFailure + replica.classes.timeout;
}

export function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  let sum = 0;
  for (const item of items) sum += value(item);
  return sum;
}

function attemptsOf(replicas: readonly ReplicaSecond[]): Attempts {
  return [sumOf(replicas, decidedOf), sumOf(replicas, failuresOf)];
}

function clientErrorsOf(replica: ReplicaSecond): number {
  return replica.classes.clientError;
}

function requestsOf(replica: ReplicaSecond): number {
  return replica.requests;
}

function assignedOf(identity: IdentitySecond): number {
  return identity.assigned;
}

function latencyOf(replica: ReplicaSecond): SparseHistogram {
  return replica.latency;
}
