import { LOG_ZERO, logAddExp, logSumExp } from './logspace.ts';

/**
 * Is the mean of some values above zero, asked after every value: a t-test that may be looked at at any time.
 *
 * For values d_1 … d_n, S = Σd, V = Σd² and a width c of the prior on mean/deviation:
 *   ln E = ½·ln(c²/(n+c²)) − n/2·ln(1 − S²/(V·(n+c²)))
 * With independent normal values of any unknown deviation this is a martingale that begins at 1 if their mean is 0 (likelihood
 * ratio of the scale-free parts of the values, effect ~ N(0, 1/c²), the deviation integrated out by its Haar measure; Lai 1976;
 * Wang and Ramdas 2024, "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown variance"). The means
 * that it does not refute are a confidence sequence; "the mean is at most 0" is refuted as far as 0 is refuted and S > 0.
 *
 * The values here are d = x − ρ·y for a candidate's x and stable's y of one window, or d = x − m for a number m. All sums are kept
 * apart, so that one state answers for every ρ.
 */
export type MeanProcess = {
  readonly starts: readonly MeanSums[];
};

/** Sums since one starting time. */
export type MeanSums = {
  /** Part of the wealth that starts here. */
  readonly prior: number;
  readonly n: number;
  readonly x: number;
  readonly y: number;
  readonly xx: number;
  readonly xy: number;
  readonly yy: number;
};

export const NO_MEANS: MeanProcess = { starts: [] };

/** c²: one prior for effects of several deviations, which five values show, one for effects of half a deviation. */
const WIDTHS: readonly number[] = [0.05, 4];
/** Steps set by hand for a day do not fill the state; those past it begin no evidence of their own. */
const MOST_STARTS = 24;
/** A millionth of a value is no deviation: what differs by less is the same number twice. */
const LEAST_RELATIVE = 1e-12;

/** A new starting time, of the given part of the wealth; none where nothing is left for it. */
export function startMeans(process: MeanProcess, prior: number): MeanProcess {
  const given = process.starts.reduce((sum, start) => sum + start.prior, 0);
  if (process.starts.length >= MOST_STARTS || given + prior > 1) return process;
  return { starts: [...process.starts, { prior, n: 0, x: 0, y: 0, xx: 0, xy: 0, yy: 0 }] };
}

export function addMeans(process: MeanProcess, x: number, y: number): MeanProcess {
  return {
    starts: process.starts.map((sums) => ({
      prior: sums.prior,
      n: sums.n + 1,
      x: sums.x + x,
      y: sums.y + y,
      xx: sums.xx + x * x,
      xy: sums.xy + x * y,
      yy: sums.yy + y * y,
    })),
  };
}

/** ln E against "the mean of x − ρ·y is at most 0"; with `sign` −1 against "at least 0". 0 before the first value. */
export function meanLogE(process: MeanProcess, ratio: number, sign: 1 | -1): number {
  const waiting = 1 - process.starts.reduce((sum, { prior }) => sum + prior, 0);
  const bets = logSumExp(process.starts.map((sums) => Math.log(sums.prior) + startLogE(sums, ratio, sign)));
  return waiting > 0 ? logAddExp(bets, Math.log(waiting)) : bets;
}

function startLogE(sums: MeanSums, ratio: number, sign: 1 | -1): number {
  const { n } = sums;
  if (n === 0) return 0;
  const s = sign * (sums.x - ratio * sums.y);
  const size = sums.xx + ratio * ratio * sums.yy;
  const v = Math.max(0, sums.xx - 2 * ratio * sums.xy + ratio * ratio * sums.yy);
  if (v <= LEAST_RELATIVE * size) return 0;
  const logs = WIDTHS.map((width) => oneWidth(n, s > 0 ? (s * s) / v : 0, width));
  return Math.max(LOG_ZERO, logSumExp(logs) - Math.log(WIDTHS.length));
}

/** `t` = S²/V, from 0 to n. Below a mean of zero the best of the null is the mean itself, where t is 0. */
function oneWidth(n: number, t: number, width: number): number {
  return 0.5 * Math.log(width / (n + width)) - (n / 2) * Math.log1p(-t / (n + width));
}
