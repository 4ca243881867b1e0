import { run } from './child.ts';
import type { Latencies } from './open-loop.ts';

export const PER_SECOND = 1000;
export const QUANTILES = [0.5, 0.99, 0.999] as const;

/** One round of requests that come when they come, far from as many as the proxy could bear. */
export async function openLoop(
  port: number,
  seconds: number,
  cookies: readonly string[],
): Promise<Latencies> {
  return (await run('open-loop.ts', [port, PER_SECOND, seconds, ...cookies])) as Latencies;
}

/** In milliseconds. */
export function quantileMs(ascending: readonly number[], quantile: number): number {
  const at = Math.min(ascending.length - 1, Math.floor(ascending.length * quantile));
  return (ascending[at] ?? Number.NaN) / 1000;
}
