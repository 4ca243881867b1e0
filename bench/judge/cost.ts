/** What judging costs: CPU time for a second judged and for a verdict, bytes of state. */
import { judgeSecond, startJudge } from '../../src/judge/judge.ts';
import type { JudgedSecond, JudgeState } from '../../src/judge/state.ts';
import { verdictOf } from '../../src/judge/verdict.ts';
import type { Check, JudgePolicy } from '../../src/release/service.ts';
import { DEFAULT_JUDGING, rngOf } from '../../test/judge-traffic.ts';
import { USUAL, trafficOf } from './traffic.ts';

const SECONDS = 3000;
/** Judges at once, and seconds of each, for the cost of many. */
const LIVE = { judges: 1000, seconds: 5 };

export type Cost = {
  readonly name: string;
  readonly secondMicros: number;
  readonly verdictMicros: number;
  readonly stateBytes: number;
  /** Of a state after one hour more. */
  readonly laterBytes: number;
};

const QUANTILES = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999];
/** Error rate, client error rate, six quantiles named, and the two that ten take. */
const TEN: JudgePolicy = {
  checks: [
    { kind: 'error-rate', worseByPp: 0.5 },
    { kind: 'client-error-rate', worseByPp: 1 },
    ...[...QUANTILES, 0.25, 0.98].map((quantile): Check => ({
      kind: 'latency',
      quantile,
      worseByPercent: 20,
    })),
  ],
  warmUpMs: 10_000,
};

export function costs(): readonly Cost[] {
  return [10, 100, 1000].flatMap((rps) => [
    costOf(`defaults, ${rps} requests a second`, rps, DEFAULT_JUDGING),
    costOf(`10 checks, ${rps} requests a second`, rps, TEN),
  ]);
}

/** Part of one core that so many judges take, each judged and asked for its word once a second. */
export function coreForLive(): { readonly judges: number; readonly part: number } {
  const { start, seconds } = recorded(100, DEFAULT_JUDGING, 60);
  const warm = seconds.reduce(judgeSecond, start);
  const more = seconds.slice(0, LIVE.seconds);
  const states: JudgeState[] = Array.from({ length: LIVE.judges }, () => warm);
  const micros = cpuMicros(() => {
    for (const second of more) {
      for (let i = 0; i < states.length; i++) {
        states[i] = judgeSecond(states[i]!, { ...second, second: 2_000_000 + second.second, stepIndex: 0 });
        verdictOf(states[i]!);
      }
    }
  });
  return { judges: LIVE.judges, part: micros / 1e6 / LIVE.seconds };
}

function costOf(name: string, rps: number, policy: JudgePolicy): Cost {
  const { start, seconds } = recorded(rps, policy, SECONDS);
  let state = start;
  const fold = (): void => {
    state = seconds.reduce(judgeSecond, start);
  };
  fold();
  const secondMicros = Math.min(cpuMicros(fold), cpuMicros(fold), cpuMicros(fold)) / SECONDS;
  const verdicts = cpuMicros(() => {
    for (let i = 0; i < 1000; i++) verdictOf(state);
  });
  const later = seconds.reduce(
    (one, second) => judgeSecond(one, { ...second, stepIndex: second.stepIndex + 9 }),
    state,
  );
  const [stateBytes, laterBytes] = [state, later].map((one) => JSON.stringify(one).length);
  return {
    name,
    secondMicros,
    verdictMicros: verdicts / 1000,
    stateBytes: stateBytes!,
    laterBytes: laterBytes!,
  };
}

function recorded(
  rps: number,
  policy: JudgePolicy,
  count: number,
): { readonly start: JudgeState; readonly seconds: readonly JudgedSecond[] } {
  const version = { errorRate: 0.005, latency: USUAL };
  const next = trafficOf({ rps, stable: () => version, candidate: () => version }, rngOf(1));
  const baselineBefore = Array.from({ length: 600 }, (_, i) => next(i - 600, 0).replicas).flat();
  const seconds = Array.from({ length: count }, (_, age): JudgedSecond => {
    const stepIndex = Math.floor(age / 600);
    const askedSharePercent = 10 * (stepIndex + 1);
    return { second: age, stepIndex, askedSharePercent, ...next(age, askedSharePercent / 100) };
  });
  const sides = { stable: 'blue', candidate: 'green' } as const;
  const start = startJudge({ policy, unit: 'request', ...sides, plannedSeconds: count, baselineBefore });
  return { start, seconds };
}

/** Of this process, so that what else the machine does is not counted. */
function cpuMicros(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
