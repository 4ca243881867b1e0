/** Part of the wealth that is bet from the first second. */
const AT_ONCE = 0.5;
/** Spread over blocks of the planned time, for faults that start later. */
const DURING_PLAN = 0.3;
const BLOCK_SECONDS = 15;
/** Halved from step to step: a new share may bring a fault out. */
const AT_STEPS = 0.16;
/** For rollouts that take longer than planned, getting smaller for ever. */
const PAST_PLAN = 0.04;

/**
 * π_t of the start-time mixture: which part of the wealth starts betting in this second. Sums to at most 1 over any rollout.
 * `second` counts judged seconds from 0; `stepsBefore` is 0 except in the second that enters a step after the first.
 */
export function startPrior(at: {
  readonly second: number;
  readonly plannedSeconds: number;
  readonly stepsBefore: number;
}): number {
  const { second, plannedSeconds, stepsBefore } = at;
  if (second === 0) return AT_ONCE;
  const step = stepsBefore > 0 ? AT_STEPS * 0.5 ** stepsBefore : 0;
  if (second < plannedSeconds) {
    const block = second % BLOCK_SECONDS === 0 ? (DURING_PLAN * BLOCK_SECONDS) / plannedSeconds : 0;
    return block + step;
  }
  const past = second - Math.ceil(plannedSeconds);
  if (past % BLOCK_SECONDS !== 0) return step;
  const block = past / BLOCK_SECONDS;
  return PAST_PLAN / ((block + 1) * (block + 2)) + step;
}

/** The same for evidence that starts later than the judge: its first mass is that of a first second. */
export const FIRST_PRIOR = AT_ONCE;
