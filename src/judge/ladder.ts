import { setRatioGains, type BetTable, type Margin } from './bet.ts';
import { LOG_ZERO, logAddExp, logSumExp } from './logspace.ts';
import { TICK_CAP } from './harm.ts';

/**
 * Bounds for how much slower the candidate is: the exceedance bets of a line, run at a fixed set of shifts beside the one
 * that decides. Fewer bets each (three) and the likelihood-ratio half only, since nothing but a shown bound hangs on them.
 */
export type Ladder = {
  /** ln W, shift by shift, bet by bet. */
  readonly harm: readonly number[];
  readonly safe: readonly number[];
  /** Mass that has started, over the rollout. */
  readonly harmPrior: number;
};

/** In fine buckets (3.2 % each): 0.83 to 5.2 times. */
export const LADDER_SHIFTS: readonly number[] = [-6, -3, 0, 3, 6, 9, 13, 20, 32, 52];
const LADDER_HARM_BETS: readonly number[] = [1.4, 3, 12];
const LADDER_SAFE_BETS: readonly number[] = [0.1, 0.5, 0.8];
/** Bets of each kind on a rung. */
const EACH = 3;
/** ln W below which the ladder counts no further. */
const MOST_LOST = -30;
/** Below it one digit is enough. */
const NEARLY_LOST = -15;
const LINE_MARGIN: Margin = { ratio: 1, add: 0 };

export const NEW_LADDER: Ladder = {
  harm: LADDER_SHIFTS.flatMap(() => LADDER_HARM_BETS.map(() => MOST_LOST)),
  safe: LADDER_SHIFTS.flatMap(() => LADDER_SAFE_BETS.map(() => 0)),
  harmPrior: 0,
};

export type LadderSecond = {
  /** The candidate's units beyond stable's line shifted by `shift`. */
  readonly candidateBeyond: (shift: number) => number;
  readonly stableBeyond: number;
  readonly share: number;
  readonly phi: number;
  readonly prior: number;
  readonly table: (bets: readonly number[], margin: Margin, share: number) => BetTable;
};

export function advanceLadder(ladder: Ladder, second: LadderSecond): Ladder {
  const { phi, prior } = second;
  const harmTable = second.table(LADDER_HARM_BETS, LINE_MARGIN, second.share);
  const safeTable = second.table(LADDER_SAFE_BETS, LINE_MARGIN, second.share);
  const logPrior = prior > 0 ? Math.log(prior) : LOG_ZERO;
  // Copied whole and changed in place: sixty numbers a second for each line would be most of what a judge costs.
  const harm = ladder.harm.slice();
  const safe = ladder.safe.slice();
  const [harmGains, safeGains] = [harmTable.stableEvent.slice(), safeTable.stableEvent.slice()];
  const events = { candidate: -1, stable: second.stableBeyond, requests: 0 };
  const harmBets = { table: harmTable, events, damping: { by: phi, cap: TICK_CAP } };
  const safeBets = { table: safeTable, events, damping: { by: phi, cap: Infinity } };
  for (let rung = 0; rung < LADDER_SHIFTS.length; rung++) {
    const candidate = second.candidateBeyond(LADDER_SHIFTS[rung]!);
    if (candidate !== events.candidate) {
      // Far out, one rung after the other has the same few requests beyond it.
      events.candidate = candidate;
      setRatioGains(harmGains, harmBets);
      setRatioGains(safeGains, safeBets);
    }
    const at = rung * EACH;
    for (let i = 0; i < EACH; i++) {
      const started = prior > 0 ? logAddExp(harm[at + i]!, logPrior) : harm[at + i]!;
      harm[at + i] = kept(started + harmGains[i]!);
      safe[at + i] = kept(safe[at + i]! + safeGains[i]!);
    }
  }
  return { harm, safe, harmPrior: Math.min(1, Math.round((ladder.harmPrior + prior) * 1e12) / 1e12) };
}

/** A new step: what is surely not slower must be shown again. */
export function restartLadderSafe(ladder: Ladder): Ladder {
  return { ...ladder, safe: NEW_LADDER.safe };
}

/** The largest shift at which "at most that much slower" is refuted, or null. */
export function refutedShift(
  ladder: Ladder,
  logLimit: number,
  within: (shift: number) => boolean,
): number | null {
  const waiting = 1 - ladder.harmPrior;
  for (let rung = LADDER_SHIFTS.length - 1; rung >= 0; rung--) {
    const shift = LADDER_SHIFTS[rung]!;
    // What has not started yet adds one to the wealth at most.
    if (!within(shift) || isFarBelow(ladder.harm, rung, logLimit)) continue;
    const mean = rungMean(ladder.harm, rung);
    const logE = waiting > 0 ? logAddExp(mean, Math.log(waiting)) : mean;
    if (logE >= logLimit) return shift;
  }
  return null;
}

/** The smallest shift at which "at least that much slower" is refuted, or null. */
export function safeShift(
  ladder: Ladder,
  logLimit: number,
  within: (shift: number) => boolean,
): number | null {
  for (let rung = 0; rung < LADDER_SHIFTS.length; rung++) {
    const shift = LADDER_SHIFTS[rung]!;
    if (!within(shift) || isFarBelow(ladder.safe, rung, logLimit)) continue;
    if (rungMean(ladder.safe, rung) >= logLimit) return shift;
  }
  return null;
}

/** Whether no bet of a rung is near the limit: then their mean is not, and need not be worked out. */
function isFarBelow(values: readonly number[], rung: number, logLimit: number): boolean {
  const at = rung * EACH;
  for (let i = 0; i < EACH; i++) if (values[at + i]! > logLimit - 1) return false;
  return true;
}

function rungMean(values: readonly number[], rung: number): number {
  return logSumExp(values.slice(rung * EACH, (rung + 1) * EACH)) - Math.log(EACH);
}

/** Thousandths are enough for a bound that is shown, and what is lost beyond e^-30 is lost; both keep the state small. */
function kept(logW: number): number {
  if (logW < MOST_LOST) return MOST_LOST;
  // Plus 0: JSON knows no negative one.
  return (logW < NEARLY_LOST ? Math.round(logW * 10) / 10 : Math.round(logW * 1e3) / 1e3) + 0;
}
