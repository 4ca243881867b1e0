import { formatElapsed } from '../../../src/lib/duration.ts';

/** `3m12s ago`. */
export function ago(atMs: number, nowMs: number): string {
  return `${formatElapsed(Math.max(0, nowMs - atMs))} ago`;
}

/** A number of requests, a share, as people read it: `3 230`, `24.8 %`. */
export function percentWords(percent: number): string {
  return `${Number(percent.toFixed(1))} %`;
}
