/** What judging costs: time per second judged, time per verdict, bytes of state. `node bench/judge.ts` */
import { judgeSecond, startJudge } from '../src/judge/judge.ts';
import type { JudgedSecond, JudgeState } from '../src/judge/state.ts';
import { verdictOf } from '../src/judge/verdict.ts';
import { DEFAULT_JUDGING, USUAL_LATENCY, rngOf, trafficOf, type Version } from '../test/judge-traffic.ts';

const SECONDS = 3000;
const GOALS = { tickMicros: 50, stateBytes: 8192 };

function healthy(): Version {
  return { errorRate: 0.005, latency: USUAL_LATENCY };
}

function recorded(rps: number): { readonly start: JudgeState; readonly seconds: readonly JudgedSecond[] } {
  const next = trafficOf({ rng: rngOf(1), rps, stableReplicas: 2, stable: healthy, candidate: healthy });
  const before = Array.from({ length: 600 }, (_, i) => next(i - 600, 0)).flat();
  const seconds = Array.from({ length: SECONDS }, (_, age): JudgedSecond => {
    const stepIndex = Math.floor(age / 600);
    const askedSharePercent = 10 * (stepIndex + 1);
    const replicas = next(age, askedSharePercent / 100);
    return { second: age, stepIndex, askedSharePercent, replicas, identities: [] };
  });
  const start = startJudge({
    policy: DEFAULT_JUDGING,
    unit: 'request',
    stable: 'blue',
    candidate: 'green',
    plannedSeconds: SECONDS,
    baselineBefore: before,
  });
  return { start, seconds };
}

function microsPer(count: number, work: () => void): number {
  const began = performance.now();
  work();
  return (1000 * (performance.now() - began)) / count;
}

for (const rps of [10, 100, 1000]) {
  const { start, seconds } = recorded(rps);
  let state = start;
  const fold = (): void => {
    state = seconds.reduce(judgeSecond, start);
  };
  fold();
  const tick = Math.min(microsPer(SECONDS, fold), microsPer(SECONDS, fold), microsPer(SECONDS, fold));
  const verdict = microsPer(1000, () => {
    for (let i = 0; i < 1000; i++) verdictOf(state);
  });
  const bytes = JSON.stringify(state).length;
  console.log(
    `${String(rps).padStart(5)} req/s  ${tick.toFixed(1)} µs a second judged (goal ${GOALS.tickMicros})  ` +
      `${verdict.toFixed(1)} µs a verdict  ${bytes} bytes of state (goal ${GOALS.stateBytes})`,
  );
}
