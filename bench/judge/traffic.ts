/**
 * Traffic for the comparison of judges: Poisson arrivals whose rate wanders (AR(1) of its logarithm, sd 0.2, correlation 0.95 a
 * second), requests drawn to a side one by one, lognormal latency. Everything follows from a seed. Where many requests come,
 * each latency bucket is drawn as a Poisson count of its own, which is the same as drawing every request.
 */
import type { ReplicaSecond, SparseHistogram } from '../../src/traffic/counts.ts';
import {
  binomial,
  histogramOf,
  lognormalTable,
  normal,
  poisson,
  replicaRow,
  type LatencyTable,
  type Rng,
  type Rollout,
} from '../../test/judge-traffic.ts';

export type Traffic = Rollout['traffic'];

export type Shape = {
  readonly table: LatencyTable;
  readonly buckets: readonly (readonly [bucket: number, chance: number])[];
};

export type Version = { readonly errorRate: number; readonly latency: Shape };

export type World = {
  /** Requests a second, both sides. */
  readonly rps: number;
  /** Age in seconds since the rollout began. */
  readonly stable: (age: number) => Version;
  readonly candidate: (age: number) => Version;
  /** What the candidate's share really is, given what was asked for (0 to 1). */
  readonly realShare?: (asked: number) => number;
  /** Errors come in clusters of about so many, each on one side, within a second. */
  readonly cluster?: number;
  /** Single replicas (2 of 10 are the candidate's) fail 30 % of their requests for so long, every so often. */
  readonly hiccups?: { readonly seconds: number; readonly every: number };
};

/** Median 50 ms, p99 about 202 ms. */
export const USUAL = shape(1);
const REPLICAS = { stable: 2, candidate: 1 };
const HICCUP_REPLICAS = { stable: 8, candidate: 2 };
const HICCUP_RATE = 0.3;
/** From so many requests on, drawing buckets is cheaper than drawing requests. */
const MANY = 80;

/** All requests `times` as slow; `tail` multiplies the slowest 5 % alone. */
export function shape(times: number, tail = 1): Shape {
  const table = lognormalTable(50 * times, 0.6, tail);
  const counts = new Map<number, number>();
  for (const bucket of table) counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  const buckets = [...counts].toSorted(([a], [b]) => a - b);
  return { table, buckets: buckets.map(([bucket, count]) => [bucket, count / table.length] as const) };
}

export function trafficOf(world: World, rng: Rng): Traffic {
  const replicas = world.hiccups === undefined ? REPLICAS : HICCUP_REPLICAS;
  const sick = new Map<string, number>();
  let logRate = 0.2 * normal(rng);
  return (age, share) => {
    logRate = 0.95 * logRate + 0.2 * Math.sqrt(1 - 0.95 ** 2) * normal(rng);
    const rate = world.rps * Math.exp(logRate);
    const real = world.realShare === undefined || share === 0 ? share : world.realShare(share);
    const rows: ReplicaSecond[] = [];
    for (const slot of ['blue', 'green'] as const) {
      const [side, part] = slot === 'blue' ? (['stable', 1 - real] as const) : (['candidate', real] as const);
      if (part === 0) continue;
      for (let replica = 0; replica < replicas[side]; replica++) {
        const version = world[side](age);
        const isSick = world.hiccups !== undefined && hiccup(sick, `${slot}${replica}`, world.hiccups, rng);
        const errorRate = isSick ? HICCUP_RATE : version.errorRate;
        const mean = (rate * part) / replicas[side];
        rows.push(
          rowOf(world, { ...version, errorRate }, { slot, replica, second: secondOf(age), mean }, rng),
        );
      }
    }
    return { replicas: rows, identities: [] };
  };
}

export function secondOf(age: number): number {
  return 1_000_000 + age;
}

function hiccup(
  sick: Map<string, number>,
  replica: string,
  of: NonNullable<World['hiccups']>,
  rng: Rng,
): boolean {
  const left = sick.get(replica) ?? 0;
  const now = left > 0 ? left - 1 : rng() < 1 / of.every ? of.seconds - 1 : -1;
  sick.set(replica, Math.max(0, now));
  return left > 0 || now >= 0;
}

function rowOf(
  world: World,
  version: Version,
  at: { slot: 'blue' | 'green'; replica: number; second: number; mean: number },
  rng: Rng,
): ReplicaSecond {
  const latency =
    at.mean < MANY
      ? null
      : version.latency.buckets.flatMap(([bucket, chance]) => drawn(bucket, at.mean * chance, rng));
  const n = latency === null ? poisson(rng, at.mean) : latency.reduce((sum, [, count]) => sum + count, 0);
  const failed =
    world.cluster === undefined
      ? binomial(rng, n, version.errorRate)
      : clustered(n, version.errorRate, world.cluster, rng);
  return replicaRow(at, n, failed, latency ?? histogramOf(rng, version.latency.table, n));
}

function drawn(bucket: number, mean: number, rng: Rng): SparseHistogram {
  const count = poisson(rng, mean);
  return count === 0 ? [] : [[bucket, count]];
}

/** Clusters of geometric size; as many errors in the mean as without. */
function clustered(n: number, rate: number, size: number, rng: Rng): number {
  let failed = 0;
  for (let left = poisson(rng, (n * rate) / size); left > 0; left--)
    failed += 1 + Math.floor(Math.log(1 - rng()) / Math.log1p(-1 / size));
  return Math.min(n, failed);
}
