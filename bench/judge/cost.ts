/** What judging costs: CPU time for a second judged and for a verdict, memory asked for and held. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deflateRawSync } from 'node:zlib';
import { judgeSecond, startJudge } from '../../src/judge/judge.ts';
import type { JudgedSecond, JudgeState } from '../../src/judge/state.ts';
import { verdictOf, wordOf } from '../../src/judge/verdict.ts';
import type { Check, JudgePolicy } from '../../src/release/service.ts';
import { DEFAULT_JUDGING, rngOf } from '../../test/judge-traffic.ts';
import { USUAL, trafficOf } from './traffic.ts';

const SECONDS = 3000;
/** Judges at once, and seconds of each, for the cost of many. */
const LIVE = { judges: 1000, seconds: 10 };
/** So few that what they ask for is never collected while it is counted. */
const COUNTED_SECONDS = 40;

export type Costs = { readonly rows: readonly Cost[]; readonly live: readonly Live[] };

export type Cost = {
  readonly checks: number;
  readonly rps: number;
  readonly secondMicros: number;
  /** All that is shown, intervals and all. */
  readonly verdictMicros: number;
  readonly stateBytes: number;
  /** The same JSON, deflated. */
  readonly packedBytes: number;
  /** Of a state after an hour more. */
  readonly laterBytes: number;
  /** Bytes that a second asks for, most of them for that second only. */
  readonly allocated: number;
  readonly allocatedLater: number;
};

/** 1,000 judges, each judged and asked for its word once a second, as the controller does. */
export type Live = {
  readonly checks: number;
  /** Part of one core. */
  readonly part: number;
  /** Bytes of heap that each holds. */
  readonly heldBytes: number;
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

const POLICIES = [
  { checks: 6, policy: DEFAULT_JUDGING },
  { checks: 10, policy: TEN },
] as const;

export function costs(): Costs {
  const rows = [10, 100, 1000].flatMap((rps) => POLICIES.map((one) => costOf(one, rps)));
  return { rows, live: POLICIES.map(liveCost) };
}

function liveCost({ checks, policy }: (typeof POLICIES)[number]): Live {
  const { start, seconds } = recorded(100, policy, 300 + LIVE.seconds);
  const warm = seconds.slice(0, 300).reduce(judgeSecond, start);
  const more = seconds.slice(300);
  const heapBefore = heapNow();
  const states: JudgeState[] = Array.from({ length: LIVE.judges }, () => warm);
  const micros = cpuMicros(() => {
    for (const second of more) {
      for (let i = 0; i < states.length; i++) {
        states[i] = judgeSecond(states[i]!, second);
        wordOf(states[i]!);
      }
    }
  });
  const heldBytes = (heapNow() - heapBefore) / states.length;
  return { checks, part: micros / 1e6 / LIVE.seconds, heldBytes };
}

function costOf({ checks, policy }: (typeof POLICIES)[number], rps: number): Cost {
  const { start, seconds } = recorded(rps, policy, SECONDS);
  const later = seconds.map((second) => ({ ...second, stepIndex: second.stepIndex + 9 }));
  let state = start;
  const fold = (): void => {
    state = seconds.reduce(judgeSecond, start);
  };
  for (let warming = 0; warming < 3; warming++) fold();
  const secondMicros = Math.min(cpuMicros(fold), cpuMicros(fold), cpuMicros(fold)) / SECONDS;
  const verdicts = cpuMicros(() => {
    for (let i = 0; i < SECONDS; i++) verdictOf(state);
  });
  const hourLater = later.reduce(judgeSecond, state);
  const [json, laterJson] = [JSON.stringify(state), JSON.stringify(hourLater)];
  return {
    checks,
    rps,
    secondMicros,
    verdictMicros: verdicts / SECONDS,
    stateBytes: json.length,
    packedBytes: deflateRawSync(json).length,
    laterBytes: laterJson.length,
    allocated: allocatedBy(seconds.slice(0, 60).reduce(judgeSecond, start), seconds.slice(60)),
    allocatedLater: allocatedBy(hourLater, later),
  };
}

/** Bytes that one of the first seconds asks for. */
function allocatedBy(state: JudgeState, seconds: readonly JudgedSecond[]): number {
  const before = heapNow();
  for (let i = 0; i < COUNTED_SECONDS; i++) state = judgeSecond(state, seconds[i]!);
  return (process.memoryUsage().heapUsed - before) / COUNTED_SECONDS;
}

/** Bytes of heap in use once nothing is left to collect. */
function heapNow(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
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
