import { type BetTable, type Margin, ratioGain, type Events } from './bet.ts';
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
  const harmTable = second.table(LADDER_HARM_BETS, LINE_MARGIN, second.share);
  const safeTable = second.table(LADDER_SAFE_BETS, LINE_MARGIN, second.share);
  const logPrior = second.prior > 0 ? Math.log(second.prior) : LOG_ZERO;
  // Copied whole and changed in place: sixty numbers a second for each line would be most of what a judge costs.
  const harm = ladder.harm.slice();
  const safe = ladder.safe.slice();
  const [harmBets, safeBets] = [LADDER_HARM_BETS.length, LADDER_SAFE_BETS.length];
  for (let rung = 0; rung < LADDER_SHIFTS.length; rung++) {
    const candidate = second.candidateBeyond(LADDER_SHIFTS[rung]!);
    const events: Events = { candidate, stable: second.stableBeyond, requests: 0 };
    for (let i = 0; i < harmBets; i++) {
      const at = rung * harmBets + i;
      const started = second.prior > 0 ? logAddExp(harm[at]!, logPrior) : harm[at]!;
      harm[at] = kept(started + Math.min(TICK_CAP, ratioGain(harmTable, i, events) / second.phi));
    }
    for (let i = 0; i < safeBets; i++) {
      const at = rung * safeBets + i;
      safe[at] = kept(safe[at]! + ratioGain(safeTable, i, events) / second.phi);
    }
  }
  return { harm, safe, harmPrior: Math.min(1, Math.round((ladder.harmPrior + second.prior) * 1e12) / 1e12) };
}

/** A new step: what is surely not slower must be shown again. */
export function restartLadderSafe(ladder: Ladder): Ladder {
  return { ...ladder, safe: NEW_LADDER.safe };
}

/** The largest shift below `under` at which "at most that much slower" is refuted, or null. */
export function refutedShift(
  ladder: Ladder,
  logLimit: number,
  within: (shift: number) => boolean,
): number | null {
  let found: number | null = null;
  const waiting = 1 - ladder.harmPrior;
  LADDER_SHIFTS.forEach((shift, rung) => {
    if (!within(shift)) return;
    const mean = rungMean(ladder.harm, rung, LADDER_HARM_BETS.length);
    const logE = waiting > 0 ? logAddExp(mean, Math.log(waiting)) : mean;
    if (logE >= logLimit) found = shift;
  });
  return found;
}

/** The smallest shift at which "at least that much slower" is refuted, or null. */
export function safeShift(
  ladder: Ladder,
  logLimit: number,
  within: (shift: number) => boolean,
): number | null {
  for (let rung = 0; rung < LADDER_SHIFTS.length; rung++) {
    const shift = LADDER_SHIFTS[rung]!;
    if (within(shift) && rungMean(ladder.safe, rung, LADDER_SAFE_BETS.length) >= logLimit) return shift;
  }
  return null;
}

function rungMean(values: readonly number[], rung: number, length: number): number {
  return logSumExp(values.slice(rung * length, (rung + 1) * length)) - Math.log(length);
}

/** Thousandths are enough for a bound that is shown, and what is lost beyond e^-30 is lost; both keep the state small. */
function kept(logW: number): number {
  if (logW < MOST_LOST) return MOST_LOST;
  // Plus 0: JSON knows no negative one.
  return (logW < NEARLY_LOST ? Math.round(logW * 10) / 10 : Math.round(logW * 1e3) / 1e3) + 0;
}
