/**
 * Traffic of real processes, made again: both versions were served half of the requests, so that any share can be made of it by
 * leaving requests out at random. A trace is gone through again and again. Recorded by `node bench/judge/record.ts`.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { ReplicaSecond, SparseHistogram } from '../../src/traffic/counts.ts';
import { binomial, replicaRow, type Rng } from '../../test/judge-traffic.ts';
import type { Scenario } from './scenarios.ts';
import { secondOf, type Traffic } from './traffic.ts';

/** One side in one second: attempts, failures, latencies. */
export type TraceSide = readonly [attempts: number, failed: number, latency: SparseHistogram];

export type Trace = {
  readonly name: string;
  readonly kind: Scenario['kind'];
  readonly says: string;
  /** What happens in it happens at its age: it is gone through from its start, and what is longer goes on as its end does. */
  readonly ages?: true;
  readonly seconds: readonly { readonly stable: TraceSide; readonly candidate: TraceSide }[];
};

/** Every trace of a folder as a scenario; none where there is no such folder. */
export function tracesIn(folder: string): readonly Scenario[] {
  if (folder === '' || !existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json.gz'))
    .toSorted()
    .map((file) => scenarioOf(JSON.parse(gunzipSync(readFileSync(join(folder, file))).toString()) as Trace));
}

function scenarioOf(trace: Trace): Scenario {
  // At a share of one half each side shows all of its half.
  const requests = trace.seconds.reduce((sum, { stable, candidate }) => sum + stable[0] + candidate[0], 0);
  const rps = Math.round(requests / 2 / trace.seconds.length);
  return {
    id: `trace-${trace.name}`,
    kind: trace.kind,
    says: `real processes: ${trace.says}`,
    rps,
    traffic: (rng) => replayed(trace, rng),
  };
}

/** Seconds at the end of a trace by its age, of which what is longer is made. */
const END_SECONDS = 60;

function replayed(trace: Trace, rng: Rng): Traffic {
  const { length } = trace.seconds;
  const from = trace.ages === true ? 0 : Math.floor(rng() * length);
  const over = length - END_SECONDS;
  return (age, share) => {
    const at = trace.ages === true && age >= length ? over + ((age - over) % END_SECONDS) : from + age;
    const second = trace.seconds[((at % length) + length) % length]!;
    // What differed by chance is no chance any more once it is heard again and again: sides of one version are drawn anew.
    const isTurned = trace.kind === 'healthy' && age >= length && rng() < 0.5;
    const [stable, candidate] = isTurned
      ? [second.candidate, second.stable]
      : [second.stable, second.candidate];
    const rows = [thinned(stable, 1 - share, { slot: 'blue', replica: 0, second: secondOf(age) }, rng)];
    if (share > 0)
      rows.push(thinned(candidate, share, { slot: 'green', replica: 0, second: secondOf(age) }, rng));
    return { replicas: rows, identities: [] };
  };
}

function thinned(
  [attempts, failed, latency]: TraceSide,
  part: number,
  at: Pick<ReplicaSecond, 'slot' | 'replica' | 'second'>,
  rng: Rng,
): ReplicaSecond {
  const bad = binomial(rng, failed, part);
  const all = bad + binomial(rng, attempts - failed, part);
  const kept = latency.flatMap(([bucket, count]) => {
    const some = binomial(rng, count, part);
    return some === 0 ? [] : [[bucket, some] as const];
  });
  return replicaRow(at, all, bad, kept);
}
