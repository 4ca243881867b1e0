import { LOG_ZERO, logAddExp, logSumExp } from './logspace.ts';

/**
 * A bank that bets on several sizes of effect and several starting times at once (docs/judge.md, "The bet"):
 *   W_r ← (W_r + π_t)·gain_r      E = mean of W_r + (1 − Σπ)
 * A nonnegative supermartingale while no gain's expectation exceeds 1, so P(E ever reaches 1/α) ≤ α (Ville), however often
 * one looks. Without starting times, ten healthy minutes of lost bets would have to be won back first.
 */
export type Mixture = {
  /** ln W_r per bet. */
  readonly logW: readonly number[];
  /**
   * How fast ln W_r falls when the margin's Δ grows: mean over starting times, weighted by wealth, of the summed slopes of
   * `BetTable`. ln W_r is convex in Δ and ln Σexp above its mean, so that `logEAt` never overstates. Empty where unused.
   */
  readonly slope: readonly number[];
  /** Σπ so far, at most 1. */
  readonly prior: number;
};

/** ln W below which nothing more is lost: e^-80 of new wealth a second is nothing in ten thousand years. */
const MOST_LOST = -80;

/** Below it a few digits are enough. */
const NEARLY_LOST = -20;

export const NOTHING_WON: Mixture = { logW: [], slope: [], prior: 0 };

export type Gains = {
  /** Log gains of this second, one per bet. */
  readonly logGains: readonly number[];
  /** Slopes of this second, or null where no bound over Δ is wanted. */
  readonly slopes: readonly number[] | null;
  /** Mass π that starts before this second's bet. */
  readonly prior: number;
};

export function advanceMixture(mixture: Mixture, gains: Gains): Mixture {
  const { logGains, slopes, prior } = gains;
  const { logW: before, slope: slopeBefore } = mixture;
  const isNew = before.length === 0;
  const logPrior = prior > 0 ? Math.log(prior) : LOG_ZERO;
  const least = isNew ? LOG_ZERO : MOST_LOST;
  // Copied whole and changed in place: what is pushed one by one is copied again and again as it grows.
  const logW = logGains.slice();
  const slope = slopes === null ? [] : slopes.slice();
  for (let i = 0; i < logW.length; i++) {
    const former = isNew ? LOG_ZERO : before[i]!;
    const started = prior > 0 ? logAddExp(former, logPrior) : former;
    const now = started + logGains[i]!;
    logW[i] = Math.max(least, rounded(now, now < NEARLY_LOST ? 1e5 : 1e12));
    if (slopes === null) continue;
    const kept = former === started ? 1 : Math.exp(former - started);
    slope[i] = rounded((isNew ? 0 : slopeBefore[i]!) * kept + slopes[i]!, 1e4);
  }
  return {
    logW,
    slope,
    prior: prior > 0 ? Math.min(1, rounded(mixture.prior + prior, 1e12)) : mixture.prior,
  };
}

/** Digits that mean nothing would be half of the state's size. Slopes only move bounds that are shown. */
function rounded(value: number, per: number): number {
  // Plus 0: JSON knows no negative one.
  return Math.round(value * per) / per + 0;
}

/** ln E at the margin that was bet on. 0 before the first second. */
export function mixtureLogE(mixture: Mixture): number {
  return mixture.logW.length === 0 ? 0 : closing(mixture, mixture.logW);
}

/** A lower bound of ln E had the margin's Δ been larger by `offset`; exact at 0, and monotone. */
export function mixtureLogEAt(mixture: Mixture, offset: number): number {
  const { logW, slope } = mixture;
  if (logW.length === 0) return 0;
  let largest = LOG_ZERO;
  for (let i = 0; i < logW.length; i++) largest = Math.max(largest, logW[i]! - offset * (slope[i] ?? 0));
  let sum = 0;
  for (let i = 0; i < logW.length; i++) sum += Math.exp(logW[i]! - offset * (slope[i] ?? 0) - largest);
  return closed(mixture, largest + Math.log(sum) - Math.log(logW.length));
}

/** All wealth multiplied by one factor of at most 1 so that ln E is at most `limit`. Lowering a factor keeps validity. */
export function capMixture(mixture: Mixture, limit: number): Mixture {
  const logE = mixtureLogE(mixture);
  if (logE <= limit) return mixture;
  const allowed = Math.exp(limit) - (1 - mixture.prior);
  const factor = (allowed > 0 ? Math.log(allowed) : LOG_ZERO) - meanLog(mixture.logW);
  return { ...mixture, logW: mixture.logW.map((logW) => Math.max(LOG_ZERO, logW + factor)) };
}

function closing(mixture: Mixture, logW: readonly number[]): number {
  return closed(mixture, meanLog(logW));
}

/** With the mass that has not started yet. */
function closed(mixture: Mixture, mean: number): number {
  const waiting = 1 - mixture.prior;
  return waiting > 0 ? logAddExp(mean, Math.log(waiting)) : mean;
}

function meanLog(logW: readonly number[]): number {
  return logSumExp(logW) - Math.log(logW.length);
}
