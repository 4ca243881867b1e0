import { latencyBucketMs } from '../../src/traffic/counts.ts';
import type { Backends } from './counting-backends.ts';
import type { CountingClient } from './counting-client.ts';
import { cookieOf } from './counting-load.ts';
import { less, settled, type Settled } from './counting-world.ts';
import { machine } from './switches-report.ts';

/** Answers evenly between these, few at a time. */
const [FASTEST_MS, SLOWEST_MS] = [60, 400];
const TIMED = 2000;
const TIMED_LANES = 24;
const LATENCY_TRIES = 3;

type Timing = { readonly file: string; readonly backends: Backends; readonly before: Settled };

/**
 * Both from the request to the answer's head: the client's from its last byte sent, the proxy's from its connect. A client that
 * has to wait for a processor measures its own wait too, so on a busy machine it is tried again, and told.
 */
export async function compareLatency(
  client: CountingClient,
  port: number,
  { file, backends, before }: Timing,
): Promise<string[]> {
  let wrong: string[] = [];
  let former = before;
  for (let i = 0; i < LATENCY_TRIES && (i === 0 || wrong.length > 0); i += 1) {
    const timed = await measureLatency(client, port);
    const after = await settled(file, backends);
    const buckets = less(after.kept.latency['timed'] ?? {}, former.kept.latency['timed'] ?? {});
    former = after;
    wrong = [];
    for (const q of [0.5, 0.95, 0.99]) {
      const theirs = timed[Math.ceil(timed.length * q) - 1]!;
      const ours = quantile(buckets, q);
      const off = (ours / theirs - 1) * 100;
      const both = `the client measured ${theirs.toFixed(1)} ms, counted ${ours.toFixed(1)} ms`;
      console.log(`p${q * 100}: ${both} (${off.toFixed(1)} %); ${machine()}`);
      if (!(Math.abs(off) <= 2)) wrong.push(`p${q * 100} is ${off.toFixed(1)} % off`);
    }
  }
  return wrong;
}

async function measureLatency(client: CountingClient, port: number): Promise<number[]> {
  const took: number[] = [];
  let sent = 0;
  const lane = async (): Promise<void> => {
    while (sent < TIMED) {
      const n = sent++;
      const ms = FASTEST_MS + ((n * 617) % TIMED) * ((SLOWEST_MS - FASTEST_MS) / TIMED);
      const { tookMs } = await client.ask({ port, path: `/slow?ms=${ms}`, cookie: cookieOf(n) });
      took.push(tookMs);
    }
  };
  await Promise.all(Array.from({ length: TIMED_LANES }, lane));
  return took.toSorted((a, b) => a - b);
}

/** Within the bucket in which it falls, as if those in it were spread evenly. */
function quantile(buckets: Readonly<Record<number, number>>, q: number): number {
  const found = Object.entries(buckets)
    .map(([bucket, count]) => [Number(bucket), count] as const)
    .filter(([bucket]) => latencyBucketMs(bucket) > FASTEST_MS / 2);
  const rank = q * found.reduce((sum, [, count]) => sum + count, 0);
  let below = 0;
  for (const [bucket, count] of found.toSorted(([a], [b]) => a - b)) {
    if (below + count >= rank) {
      const [low, high] = [latencyBucketMs(bucket - 1), latencyBucketMs(bucket)];
      return low + ((high - low) * (rank - below)) / count;
    }
    below += count;
  }
  return Number.NaN;
}
