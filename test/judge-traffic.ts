/**
 * Traffic for simulations of the judge: Poisson arrivals whose rate wanders (AR(1) of its logarithm, sd 0.2, correlation
 * 0.95 a second), independent errors, lognormal latency. Everything follows from a seed.
 */
import type { JudgePolicy } from '../src/release/service.ts';
import {
  LATENCY_BUCKETS,
  LATENCY_FLOOR_MS,
  LATENCY_GAMMA,
  latencyBucket,
  type IdentitySecond,
  type ReplicaSecond,
  type SparseHistogram,
} from '../src/traffic/counts.ts';
import { judgeSecond, startJudge } from '../src/judge/judge.ts';
import type { JudgedSecond, JudgeState } from '../src/judge/state.ts';
import { verdictOf } from '../src/judge/verdict.ts';

export type Rng = () => number;

/** mulberry32: small, fast, good enough for simulations. */
export function rngOf(seed: number): Rng {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng())) * Math.cos(2 * Math.PI * rng());
}

export function poisson(rng: Rng, mean: number): number {
  if (mean > 200) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(rng)));
  const limit = Math.exp(-mean);
  let product = rng();
  let count = 0;
  while (product > limit) {
    product *= rng();
    count += 1;
  }
  return count;
}

export function binomial(rng: Rng, n: number, p: number): number {
  if (p <= 0 || n === 0) return 0;
  if (p >= 1) return n;
  if (n * p < 20) {
    // Geometric jumps from hit to hit.
    let hits = 0;
    let at = 0;
    for (;;) {
      at += Math.floor(Math.log(1 - rng()) / Math.log1p(-p)) + 1;
      if (at > n) return hits;
      hits += 1;
    }
  }
  const draw = Math.round(n * p + Math.sqrt(n * p * (1 - p)) * normal(rng));
  return Math.min(n, Math.max(0, draw));
}

/** Latency as 4,096 equally likely fine buckets. */
export type LatencyTable = Uint16Array;

/** Lognormal: median in ms, σ of the logarithm (0.6: p99 is four times the median); `tail` multiplies all beyond p95. */
export function lognormalTable(medianMs: number, sigma: number, tail = 1): LatencyTable {
  const edges: number[] = [];
  for (let i = 0; i < LATENCY_BUCKETS; i++) {
    edges.push(normalCdf(Math.log((LATENCY_FLOOR_MS * LATENCY_GAMMA ** i) / medianMs) / sigma));
  }
  const table = new Uint16Array(4096);
  let bucket = 0;
  for (let i = 0; i < table.length; i++) {
    const q = (i + 0.5) / table.length;
    while (bucket < LATENCY_BUCKETS - 1 && edges[bucket]! < q) bucket += 1;
    const ms = LATENCY_FLOOR_MS * LATENCY_GAMMA ** (bucket - 0.5);
    table[i] = q > 0.95 ? latencyBucket(ms * tail) : bucket;
  }
  return table;
}

function normalCdf(z: number): number {
  // Abramowitz and Stegun 26.2.17: exact to 7.5e-8.
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const poly =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const upper = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return z >= 0 ? 1 - upper : upper;
}

export function histogramOf(rng: Rng, table: LatencyTable, n: number): SparseHistogram {
  const counts = new Map<number, number>();
  for (let i = 0; i < n; i++) {
    const bucket = table[Math.floor(rng() * table.length)]!;
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => a[0] - b[0]);
}

/** One version at one time. */
export type Version = { readonly errorRate: number; readonly latency: LatencyTable | null };

export const USUAL_LATENCY = lognormalTable(50, 0.6);

export type World = {
  readonly rng: Rng;
  /** Requests per second, both sides. */
  readonly rps: number;
  readonly stableReplicas: number;
  /** Age in seconds since the rollout began. */
  readonly stable: (age: number) => Version;
  readonly candidate: (age: number) => Version;
  /** What the candidate's share really is, given what was asked for (0 to 1). */
  readonly realShare?: (asked: number) => number;
};

/** A source of seconds; call in order. */
export function trafficOf(world: World): (age: number, share: number) => readonly ReplicaSecond[] {
  let logRate = 0.2 * normal(world.rng);
  return (age, share) => {
    logRate = 0.95 * logRate + 0.2 * Math.sqrt(1 - 0.95 ** 2) * normal(world.rng);
    const rate = world.rps * Math.exp(logRate);
    const real = world.realShare === undefined ? share : world.realShare(share);
    const perReplica = (rate * (1 - real)) / world.stableReplicas;
    const rows: ReplicaSecond[] = [];
    for (let replica = 0; replica < world.stableReplicas; replica++) {
      rows.push(row(world, { slot: 'blue', replica, age, mean: perReplica }));
    }
    if (share > 0) rows.push(row(world, { slot: 'green', replica: 0, age, mean: rate * real }));
    return rows;
  };
}

function row(
  world: World,
  of: { slot: 'blue' | 'green'; replica: number; age: number; mean: number },
): ReplicaSecond {
  const version = of.slot === 'blue' ? world.stable(of.age) : world.candidate(of.age);
  const n = poisson(world.rng, of.mean);
  const failed = binomial(world.rng, n, version.errorRate);
  const latency = version.latency === null ? [] : histogramOf(world.rng, version.latency, n);
  return replicaRow({ ...of, second: 1_000_000 + of.age }, n, failed, latency);
}

export function replicaRow(
  of: { readonly slot: 'blue' | 'green'; readonly replica: number; readonly second: number },
  n: number,
  failed: number,
  latency: SparseHistogram = [],
): ReplicaSecond {
  return {
    second: of.second,
    slot: of.slot,
    replica: of.replica,
    attempts: n,
    requests: n,
    classes: {
      ok: n - failed,
      clientError: 0,
      serverError: failed,
      connectFailure: 0,
      timeout: 0,
      clientAbort: 0,
    },
    latency,
  };
}

export const DEFAULT_JUDGING: JudgePolicy = { checks: [], warmUpMs: 10_000 };

export type Ladder = {
  readonly stepsPercent: readonly number[];
  readonly atLeast: number;
  readonly atMost: number;
  /** Least seconds at the last step. */
  readonly bake: number;
};

/** The ladder of the goal figures. */
export const GOAL_LADDER: Ladder = { stepsPercent: [10, 20, 30, 40, 50], atLeast: 10, atMost: 60, bake: 0 };

export type Outcome = {
  readonly end: 'promoted' | 'harmful' | 'severe';
  readonly seconds: number;
  readonly candidateRequests: number;
  readonly reason: string;
};

export type Rollout = {
  readonly ladder: Ladder;
  readonly policy: JudgePolicy;
  readonly unit: 'request' | 'identity';
  readonly baselineSeconds: number;
  /** Whether the severe rule may end it; off where the statistics alone are measured. */
  readonly severeActs: boolean;
  readonly traffic: (age: number, share: number) => Pick<JudgedSecond, 'replicas' | 'identities'>;
};

/** A rollout as judge.md's policy drives it: on when safe, on at the end of a dwell without suspicion, back when harmful. */
export function runRollout(rollout: Rollout): Outcome {
  const { ladder } = rollout;
  const baselineBefore: ReplicaSecond[] = [];
  for (let age = -rollout.baselineSeconds; age < 0; age++) {
    baselineBefore.push(...rollout.traffic(age, 0).replicas);
  }
  let state: JudgeState = startJudge({
    policy: rollout.policy,
    unit: rollout.unit,
    stable: 'blue',
    candidate: 'green',
    plannedSeconds: ladder.stepsPercent.length * ladder.atMost,
    baselineBefore,
  });
  let age = 0;
  let candidateRequests = 0;
  for (let stepIndex = 0; stepIndex < ladder.stepsPercent.length; stepIndex++) {
    const askedSharePercent = ladder.stepsPercent[stepIndex]!;
    const isLast = stepIndex === ladder.stepsPercent.length - 1;
    for (let dwell = 1; ; dwell++) {
      const second: JudgedSecond = {
        second: 1_000_000 + age,
        stepIndex,
        askedSharePercent,
        ...rollout.traffic(age, askedSharePercent / 100),
      };
      age += 1;
      for (const one of second.replicas) if (one.slot === 'green') candidateRequests += one.requests;
      state = judgeSecond(state, second);
      const verdict = verdictOf(state);
      const ended = verdict.overall === 'harmful' || (verdict.overall === 'severe' && rollout.severeActs);
      if (ended || (verdict.overall === 'severe' && state.harm !== null)) {
        const end = verdict.overall === 'severe' && rollout.severeActs ? 'severe' : 'harmful';
        return { end, seconds: age, candidateRequests, reason: verdict.reason };
      }
      const long = dwell >= (isLast ? Math.max(ladder.bake, ladder.atLeast) : ladder.atLeast);
      if (long && verdict.overall === 'safe') break;
      const suspicious = verdict.logE >= Math.log(5) || verdict.overall === 'suspicious';
      const enough = !suspicious && verdict.candidateRequestsInStep >= 20;
      if (dwell >= Math.max(ladder.atMost, isLast ? ladder.bake : 0) && (enough || dwell >= 300)) break;
    }
  }
  return { end: 'promoted', seconds: age, candidateRequests, reason: '' };
}

/** People with a bucket each, some of whom always fail; visits follow Zipf's law. */
export type Crowd = {
  readonly rng: Rng;
  readonly rps: number;
  readonly people: number;
  /** Exponent of Zipf's law; 0 for equal visitors. */
  readonly zipf: number;
  /** Whether a person fails on every version. */
  readonly alwaysFails: (person: number) => boolean;
  /** A first person whose part of the traffic is fixed, or 0. */
  readonly heavyPart: number;
  /** Chance of an error per request on the candidate. */
  readonly candidateErrorRate: number;
};

export function crowdTraffic(crowd: Crowd): Rollout['traffic'] {
  const { rng, people } = crowd;
  const buckets = Array.from({ length: people }, () => Math.floor(rng() * 1000));
  const cumulative: number[] = [];
  let sum = 0;
  for (let i = 0; i < people; i++) cumulative.push((sum += (i + 1) ** -crowd.zipf));
  const seen = { blue: new Set<number>(), green: new Set<number>() };
  const failedOnce = new Set<number>();
  const pick = (): number => {
    if (crowd.heavyPart > 0 && rng() < crowd.heavyPart) return 0;
    const at = rng() * sum;
    let [low, high] = [0, people - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return (age, share) => {
    const tally = { blue: empty(), green: empty() };
    for (let i = poisson(rng, crowd.rps); i > 0; i--) {
      const person = pick();
      const slot = buckets[person]! < Math.round(share * 1000) ? 'green' : 'blue';
      const fails = crowd.alwaysFails(person) || (slot === 'green' && rng() < crowd.candidateErrorRate);
      const side = tally[slot];
      side.n += 1;
      if (fails) side.failed += 1;
      if (age < 0) continue;
      if (!seen.blue.has(person) && !seen.green.has(person)) side.assigned += 1;
      if (!seen[slot].has(person)) side.active += 1;
      seen[slot].add(person);
      if (fails && !failedOnce.has(person)) {
        failedOnce.add(person);
        side.firstFailures += 1;
      }
    }
    const second = 1_000_000 + age;
    return {
      replicas: (['blue', 'green'] as const).map((slot) =>
        replicaRow({ slot, replica: 0, second }, tally[slot].n, tally[slot].failed),
      ),
      identities: (['blue', 'green'] as const).map((slot): IdentitySecond => {
        const { active, assigned, firstFailures } = tally[slot];
        return { second, slot, active, assigned, failed: firstFailures, clientError: 0, records: [] };
      }),
    };
  };
}

function empty(): { n: number; failed: number; active: number; assigned: number; firstFailures: number } {
  return { n: 0, failed: 0, active: 0, assigned: 0, firstFailures: 0 };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
