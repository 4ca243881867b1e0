/** When a certificate is asked for. Pure. */

export type InUse = {
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

/** What became of the orders of a service since its last certificate. */
export type Tries = { readonly failures: number; readonly nextMs: number; readonly problem: string | null };

export const NO_TRIES: Tries = { failures: 0, nextMs: 0, problem: null };
/** Of all services together: an authority has limits of its own, and locks out for a week who does not keep them. */
export const MOST_AN_HOUR = 20;

const HOUR_MS = 3_600_000;
const FIRST_WAIT_MS = 300_000;
const LONGEST_WAIT_MS = 6 * HOUR_MS;
/** Doubled so often, the first wait is longer than the longest. */
const MOST_DOUBLINGS = 10;
/** Of the life: by so much earlier some are renewed than others. */
const SPREAD = 0.03;

/** `jitter`: 0 to 1, the same for as long as the proxy runs. */
export function isDue(
  names: readonly string[],
  held: InUse | null,
  { nowMs, jitter }: { readonly nowMs: number; readonly jitter: number },
): boolean {
  if (held === null || names.some((name) => !held.names.includes(name))) return true;
  const lifeMs = held.notAfterMs - held.notBeforeMs;
  return nowMs >= held.notAfterMs - lifeMs / 3 - lifeMs * SPREAD * jitter;
}

/** `jitter`: 0 to 1, drawn anew. */
export function afterFailure(before: Tries, problem: string, nowMs: number, jitter: number): Tries {
  const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(MOST_DOUBLINGS, before.failures));
  return { failures: before.failures + 1, nextMs: nowMs + waitMs * (0.9 + 0.2 * jitter), problem };
}

/** Those of the last hour: older ones say nothing any more, and what a clock that was set back left in the future neither. */
export function recentOf(orders: readonly number[], nowMs: number): readonly number[] {
  return orders.filter((atMs) => atMs > nowMs - HOUR_MS && atMs <= nowMs);
}
