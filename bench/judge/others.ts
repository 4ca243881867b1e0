/**
 * What other tools decide by, each on its own way through the same shares (10 to 50 %), as their documentation has it. None of them
 * is run here: these are their rules, from their published source.
 */
import type { KayentaCheck } from '../../src/release/judge-rules.ts';
import { classify } from '../../src/judge/kayenta/classify.ts';
import { NEW_INTERVAL, lengthened, valuesOf, type Interval } from '../../src/judge/interval.ts';
import type { ReplicaSecond } from '../../src/traffic/counts.ts';
import { binomial, type Rng } from '../../test/judge-traffic.ts';
import { requestsOn, type Outcome } from './outcome.ts';
import type { Traffic } from './traffic.ts';

const SHARES = [0.1, 0.2, 0.3, 0.4, 0.5];
const MINUTE = 60;

/** Goes through time at the share that `at` says, until the rule says how it ends. */
function drive(
  traffic: Traffic,
  rule: (age: number, rows: readonly ReplicaSecond[]) => { readonly share: number } | Outcome['end'],
): Outcome {
  let [share, requests] = [SHARES[0]!, 0];
  for (let age = 0; ;) {
    const { replicas } = traffic(age, share);
    age += 1;
    requests += requestsOn('green', replicas);
    const answer = rule(age, replicas);
    if (typeof answer === 'string') return { end: answer, seconds: age, requests };
    share = answer.share;
  }
}

/**
 * Every minute the candidate's success rate and p99 against fixed limits; failures are never forgotten, a failed minute holds the
 * share, and the rollback comes with the look after the fifth. No data is a failure.
 */
export function flagger(traffic: Traffic): Outcome {
  let [interval, failures, step] = [NEW_INTERVAL, 0, 0];
  return drive(traffic, (age, rows) => {
    interval = candidateOnly(interval, rows);
    if (age % MINUTE !== 0) return { share: SHARES[step]! };
    const [errors, p99] = [valuesOf(interval, 'error-rate').candidate, valuesOf(interval, 'p99').candidate];
    interval = NEW_INTERVAL;
    if (failures >= 5) return 'back';
    if (typeof errors !== 'number' || errors > 1 || typeof p99 !== 'number' || p99 > 500) failures += 1;
    else step += 1;
    return step === SHARES.length ? 'promoted' : { share: SHARES[step]! };
  });
}

/** A share a minute whatever is seen; beside it, every minute, the candidate's success rate against 95 %. NaN is a failure. */
export function argo(failureLimit: number): (traffic: Traffic) => Outcome {
  return (traffic) => {
    let [interval, failures] = [NEW_INTERVAL, 0];
    return drive(traffic, (age, rows) => {
      interval = candidateOnly(interval, rows);
      if (age % MINUTE === 0) {
        const errors = valuesOf(interval, 'error-rate').candidate;
        interval = NEW_INTERVAL;
        if (typeof errors !== 'number' || errors > 5) failures += 1;
        if (failures > failureLimit) return 'back';
      }
      const step = Math.floor(age / MINUTE);
      return step === SHARES.length ? 'promoted' : { share: SHARES[step]! };
    });
  };
}

const KAYENTA_EVERY = 5 * MINUTE;
const KAYENTA_CHECK: KayentaCheck = {
  measure: 'error-rate',
  group: 'all',
  direction: 'increase',
  critical: false,
  mustHaveData: false,
  nan: 'remove',
  outliers: 'keep',
  outlierFactor: 3,
  effect: 'mean-ratio',
  allowedIncrease: 1,
  allowedDecrease: 1,
  criticalIncrease: 1,
  criticalDecrease: 1,
};

/**
 * Points of a minute (errors in percent, p99), judged every five minutes over all so far, any High fails. Beside the candidate
 * stands a baseline of its own size, as the tool advises: here a part of stable's traffic, drawn at random.
 */
export function kayenta(rng: Rng): (traffic: Traffic) => Outcome {
  return (traffic) => {
    let interval = NEW_INTERVAL;
    const points = ['error-rate', 'p99'].map((measure) => ({
      measure,
      mine: [] as number[],
      theirs: [] as number[],
    }));
    return drive(traffic, (age, rows) => {
      const step = Math.min(SHARES.length - 1, Math.floor((age - 1) / KAYENTA_EVERY));
      const part = SHARES[step]! / (1 - SHARES[step]!);
      const [mine, theirs] = [
        rows.filter((row) => row.slot === 'green'),
        rows.filter((row) => row.slot === 'blue'),
      ];
      interval = lengthened(interval, {
        candidate: mine,
        stable: theirs.map((row) => thinned(row, part, rng)),
        measured: [],
      });
      if (age % MINUTE === 0) {
        for (const one of points) addPoint(one, interval);
        interval = NEW_INTERVAL;
      }
      if (age % KAYENTA_EVERY === 0) {
        const isHigh = points.some((one) => classify(one.mine, one.theirs, KAYENTA_CHECK).label === 'High');
        if (isHigh) return 'back';
        if (age === KAYENTA_EVERY * SHARES.length) return 'promoted';
      }
      return { share: SHARES[Math.floor(age / KAYENTA_EVERY)]! };
    });
  };
}

function addPoint(one: { measure: string; mine: number[]; theirs: number[] }, interval: Interval): void {
  const { candidate, stable } = valuesOf(interval, one.measure);
  if (typeof candidate === 'number') one.mine.push(candidate);
  if (typeof stable === 'number') one.theirs.push(stable);
}

function thinned(row: ReplicaSecond, part: number, rng: Rng): ReplicaSecond {
  const failed = binomial(rng, row.classes.serverError, part);
  const ok = binomial(rng, row.attempts - row.classes.serverError, part);
  const latency = row.latency.flatMap(([bucket, count]) => {
    const kept = binomial(rng, count, part);
    return kept === 0 ? [] : [[bucket, kept] as const];
  });
  return { ...row, attempts: failed + ok, classes: { ...row.classes, ok, serverError: failed }, latency };
}

/** The straw man: an ordinary test of two proportions, looked at every second. */
export function peeking(traffic: Traffic): Outcome {
  const sums = { green: [0, 0], blue: [0, 0] } as Record<string, [number, number]>;
  return drive(traffic, (age, rows) => {
    for (const row of rows) {
      sums[row.slot]![0] += row.attempts;
      sums[row.slot]![1] += row.classes.serverError;
    }
    const [[n, x], [m, y]] = [sums['green']!, sums['blue']!];
    const pooled = (x + y) / Math.max(1, n + m);
    const spread = Math.sqrt(pooled * (1 - pooled) * (1 / Math.max(1, n) + 1 / Math.max(1, m)));
    if (spread > 0 && n > 0 && m > 0 && (x / n - y / m) / spread > 2.33) return 'back';
    const step = Math.floor(age / MINUTE);
    return step === SHARES.length ? 'promoted' : { share: SHARES[step]! };
  });
}

function candidateOnly(interval: Interval, rows: readonly ReplicaSecond[]): Interval {
  const mine = rows.filter((row) => row.slot === 'green');
  return lengthened(interval, { candidate: mine, stable: [], measured: [] });
}
