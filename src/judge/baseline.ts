import type { ReplicaSecond } from '../traffic/counts.ts';
import { learnHalves, learnSecond, type Dispersion } from './dispersion.ts';
import { incidentAfter } from './incident.ts';
import {
  FINE_PER_COARSE,
  addLatencies,
  beyondOf,
  faded,
  latencyShift,
  quantileBucket,
  totalWeight,
} from './latency.ts';
import { decidedOf, eventsOn, failuresOf, firstHalfOf, sideOf, sumOf, type Reading } from './reading.ts';
import { advanceSevere } from './severe.ts';
import type { CheckState, JudgeState } from './state.ts';

/** Seconds between two looks at where stable's quantiles lie. */
const LINE_EVERY_SECONDS = 5;
/** A quantile of fewer requests is no line. */
const LEAST_LINE_WEIGHT = 20;
/** Silent seconds between rows count; more than ten minutes are not looked at. */
const MOST_SECONDS_BEFORE = 600;

/**
 * What stable was like before the rollout, in order. People are not counted then, so that only lines and the severe rule
 * learn where they are.
 */
export function learnBefore(state: JudgeState, rows: readonly ReplicaSecond[]): JudgeState {
  const stable = rows.filter((one) => one.slot === state.stable);
  const level = [sumOf(stable, decidedOf), sumOf(stable, failuresOf)] as const;
  let learned: JudgeState = {
    ...state,
    incident: incidentAfter(level, beyondOf(stable.map((row) => row.latency))),
  };
  for (const replicas of bySecond(stable)) learned = learnSecondBefore(learned, replicas);
  return relined(learned);
}

/** Highest replica index seen plus one, by side. */
export function replicasOf(state: JudgeState, replicas: readonly ReplicaSecond[]): JudgeState['replicas'] {
  let { candidate, stable } = state.replicas;
  for (const { slot, replica } of replicas) {
    if (slot === state.candidate) candidate = Math.max(candidate, replica + 1);
    if (slot === state.stable) stable = Math.max(stable, replica + 1);
  }
  return { candidate, stable };
}

/** Stable's lines, φ and τ, for the seconds after this one: a bet may only know the past. */
export function learn(state: JudgeState, reading: Reading): JudgeState {
  const checks = state.checks.map((check) => {
    if (check.check.kind === 'line' && check.line === null) return check;
    return { ...check, dispersion: learnCheck(check, reading, state.unit === 'identity') };
  });
  const latency = {
    stable: addLatencies(state.latency.stable, reading.latencies.stable),
    candidate: addLatencies(state.latency.candidate, reading.latencies.candidate),
    learned: state.latency.learned + 1,
  };
  const learned = { ...state, checks, latency };
  return latency.learned % LINE_EVERY_SECONDS === 0 ? relined(withFaded(learned)) : learned;
}

function learnCheck(
  check: CheckState,
  { stable, firstHalf }: Pick<Reading, 'stable' | 'firstHalf'>,
  people: boolean,
): Dispersion {
  const both = eventsOn(stable, check.check, check.line, 0);
  // First failures follow who is there, not who is new: two seconds in a row are alike.
  if (people) return learnSecond(check.dispersion, both, 1);
  if (firstHalf === null) return learnSecond(check.dispersion, both, stable.units);
  return learnHalves(check.dispersion, {
    first: eventsOn(firstHalf, check.check, check.line, 0),
    both,
    share: stable.units > 0 ? firstHalf.units / stable.units : 0.5,
  });
}

function learnSecondBefore(state: JudgeState, replicas: readonly ReplicaSecond[]): JudgeState {
  const counted = { ...state, replicas: replicasOf(state, replicas) };
  const stable = sideOf(replicas);
  const firstHalf = counted.replicas.stable > 1 ? firstHalfOf(replicas) : null;
  const checks = counted.checks.map((check) => {
    if (state.unit === 'identity' || (check.check.kind === 'line' && check.line === null)) return check;
    return { ...check, dispersion: learnCheck(check, { stable, firstHalf }, false) };
  });
  const latency = {
    ...state.latency,
    stable: addLatencies(
      state.latency.stable,
      replicas.map((replica) => replica.latency),
    ),
    learned: state.latency.learned + 1,
  };
  const severe = advanceSevere(state.severe, {
    second: replicas[0]?.second ?? 0,
    candidate: [0, 0],
    stable: [stable.units, stable.failed],
    people: { failed: 0, active: 0 },
  });
  const learned = { ...counted, checks, latency, severe };
  if (latency.learned % LINE_EVERY_SECONDS !== 0) return learned;
  return state.unit === 'request' ? relined(withFaded(learned)) : withFaded(learned);
}

function withFaded(state: JudgeState): JudgeState {
  const { stable, candidate, learned } = state.latency;
  const [first, second] = [faded(stable, LINE_EVERY_SECONDS), faded(candidate, LINE_EVERY_SECONDS)];
  return { ...state, latency: { stable: first, candidate: second, learned } };
}

/** Lines where stable's quantiles lie now. Where people are counted a line stays, so that "first crossing" means one thing. */
function relined(state: JudgeState): JudgeState {
  if (totalWeight(state.latency.stable) < LEAST_LINE_WEIGHT) return state;
  const checks = state.checks.map((check) => {
    if (check.check.kind === 'rate' || (state.unit === 'identity' && check.line !== null)) return check;
    const bucket = quantileBucket(state.latency.stable, check.check.quantile);
    if (bucket === null) return check;
    const raised = check.check.times === 1 ? 0 : latencyShift(1);
    return { ...check, line: bucket * FINE_PER_COARSE + raised };
  });
  return { ...state, checks };
}

/** Rows by second, silent seconds in between included. */
function bySecond(rows: readonly ReplicaSecond[]): readonly (readonly ReplicaSecond[])[] {
  const first = rows[0]?.second;
  const last = rows.at(-1)?.second;
  if (first === undefined || last === undefined) return [];
  const from = Math.max(first, last - MOST_SECONDS_BEFORE + 1);
  const seconds: ReplicaSecond[][] = Array.from({ length: last - from + 1 }, () => []);
  for (const row of rows) seconds[row.second - from]?.push(row);
  return seconds;
}
