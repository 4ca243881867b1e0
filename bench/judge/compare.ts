import { rngOf } from '../../test/judge-traffic.ts';
import { CONTENDERS, REFERENCE_ID, type Contender } from './contenders.ts';
import type { Outcome } from './outcome.ts';
import type { Scenario } from './scenarios.ts';

/** All rollouts of one judge through one scenario. */
export type Cell = {
  readonly contender: string;
  readonly scenario: string;
  readonly runs: number;
  readonly back: number;
  readonly held: number;
  readonly asks: number;
  /** Seconds until back, sorted, of those that went back. */
  readonly backSeconds: readonly number[];
  /** Requests that the candidate served until then, sorted. */
  readonly backRequests: readonly number[];
  /** Seconds until the last step was over, sorted, of those that were promoted. */
  readonly doneSeconds: readonly number[];
};

const LEAST_RUNS = 10;

export function cellOf(contender: Contender, scenario: Scenario, reps: number): Cell {
  const times = contender.id === REFERENCE_ID ? (scenario.times ?? 1) : 1;
  const runs = Math.max(LEAST_RUNS, Math.round(reps * times * contender.part));
  const outcomes = Array.from({ length: runs }, (_, run) => {
    // Every judge meets the same draws, as far as its own shares let it.
    const rng = rngOf(seedOf(scenario.id) + run * 7919);
    return contender.run(scenario.traffic(rng), scenario, rngOf(run + 1));
  });
  const ended = (end: Outcome['end']): readonly Outcome[] => outcomes.filter((one) => one.end === end);
  const back = ended('back');
  return {
    contender: contender.id,
    scenario: scenario.id,
    runs,
    back: back.length,
    held: ended('held').length,
    asks: ended('asks').length,
    backSeconds: sorted(back.map((one) => one.seconds)),
    backRequests: sorted(back.map((one) => one.requests)),
    doneSeconds: sorted(ended('promoted').map((one) => one.seconds)),
  };
}

export function takersOf(scenario: Scenario): readonly Contender[] {
  return CONTENDERS.filter((one) => one.takes?.(scenario) ?? true);
}

/** The value that a part of all do not exceed; NaN without any. */
export function quantile(values: readonly number[], part: number): number {
  return values[Math.min(values.length - 1, Math.floor(part * values.length))] ?? Number.NaN;
}

function sorted(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b);
}

function seedOf(id: string): number {
  let hash = 7;
  for (const char of id) hash = (Math.imul(hash, 31) + char.codePointAt(0)!) >>> 0;
  return hash;
}
