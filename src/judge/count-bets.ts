import { SAFE_BETS, betTable, ratioGain, type BetTable, type Events, type Margin } from './bet.ts';
import { NO_HARM, TICK_CAP, advanceHarm, type Harm } from './harm.ts';
import { LOG_ZERO, logAddExp, logSumExp } from './logspace.ts';
import { NOTHING_WON, advanceMixture, type Mixture } from './mixture.ts';

/**
 * Bets on counts of a measure, one a window: those of formula (1) of docs/judge.md with Δ = 0, half of the wealth on every event, half
 * on the candidate's share of the window's events. "Fewer than stable by 10 %" is "stable has more than 1/0.9 of the candidate's": the
 * same bets with the sides changed, so that one proof serves both.
 */
export type CountBets = {
  readonly harm: Harm;
  /** Since the step began. */
  readonly safe: Mixture;
  readonly rungs: Rungs;
};

/** ln W of few bets at other ratios than the one that decides, for bounds that are shown. */
type Rungs = {
  readonly harm: readonly number[];
  readonly safe: readonly number[];
  readonly harmPrior: number;
};

/** Ratios of the candidate's rate to stable's, as people see them: from a tenth to ten times. */
export const RUNG_RATIOS: readonly number[] = [
  0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 1.5, 2, 4, 10,
];
const RUNG_HARM_BETS: readonly number[] = [1.3, 2.2, 10];
const RUNG_SAFE_BETS: readonly number[] = [0.1, 0.5, 0.8];
const MOST_LOST = -40;

export const NO_COUNT_BETS: CountBets = {
  harm: NO_HARM,
  safe: NOTHING_WON,
  rungs: {
    harm: RUNG_RATIOS.flatMap(() => RUNG_HARM_BETS.map(() => MOST_LOST)),
    safe: RUNG_RATIOS.flatMap(() => RUNG_SAFE_BETS.map(() => 0)),
    harmPrior: 0,
  },
};

export type CountWindow = {
  readonly candidate: number;
  readonly stable: number;
  /** The candidate's share of the requests in the window, 0 to 1. */
  readonly share: number;
  readonly harm: 'more' | 'fewer';
  /** ρ as people say it: 1.1 for more by 10 %, 0.9 for fewer by 10 %. */
  readonly ratio: number;
  readonly phi: number;
  readonly tau: number;
  readonly prior: number;
};

export function advanceCounts(bets: CountBets, window: CountWindow): CountBets {
  const side = sideOf(window);
  const margin = marginAt(window, window.ratio);
  const { phi, tau, prior } = window;
  return {
    harm: advanceHarm(bets.harm, {
      events: side.events,
      margin,
      trafficShare: side.share,
      replicaShare: side.share,
      phi,
      tau,
      prior,
      overDelta: false,
      table: betTable,
    }),
    safe: advanceMixture(bets.safe, {
      logGains: gains(betTable(SAFE_BETS, margin, side.share), side.events, phi),
      slopes: null,
      prior: bets.safe.prior === 0 ? 1 : 0,
    }),
    rungs: advanceRungs(bets.rungs, window, prior),
  };
}

/** A new step: safety must be shown again. */
export function restartCountSafety(bets: CountBets): CountBets {
  return { ...bets, safe: NOTHING_WON, rungs: { ...bets.rungs, safe: NO_COUNT_BETS.rungs.safe } };
}

/** Evidence of harm begins anew. */
export function forgetCountHarm(bets: CountBets): CountBets {
  const { harm, harmPrior } = NO_COUNT_BETS.rungs;
  return { ...bets, harm: NO_HARM, rungs: { ...bets.rungs, harm, harmPrior } };
}

/** Where the ratio surely lies: its bound on the side of harm by the evidence for harm, the other by that for safety. */
export function ratioBounds(
  bets: CountBets,
  at: {
    readonly harm: 'more' | 'fewer';
    readonly ratio: number;
    readonly isWorse: boolean;
    readonly isSafe: boolean;
    readonly harmLimit: number;
    readonly safeLimit: number;
  },
): { readonly towardsHarm: number | null; readonly towardsSafety: number | null } {
  const { rungs } = bets;
  const waiting = 1 - rungs.harmPrior;
  // From the most harmless ratio to the most harmful one.
  const order = RUNG_RATIOS.map((_, rung) => rung);
  if (at.harm === 'fewer') order.reverse();
  let refuted: number | null = null;
  let safe: number | null = null;
  for (const rung of order) {
    const ratio = RUNG_RATIOS[rung]!;
    const beyond = at.harm === 'more' ? ratio > at.ratio : ratio < at.ratio;
    if (ratio === at.ratio) continue;
    const mean = rungMean(rungs.harm, rung, RUNG_HARM_BETS.length);
    const logE = waiting > 0 ? logAddExp(mean, Math.log(waiting)) : mean;
    if (beyond === at.isWorse && logE >= at.harmLimit) refuted = ratio;
    const isSafe = rungMean(rungs.safe, rung, RUNG_SAFE_BETS.length) >= at.safeLimit;
    if (safe === null && beyond !== at.isSafe && isSafe) safe = ratio;
  }
  return {
    towardsHarm: refuted ?? (at.isWorse ? at.ratio : null),
    towardsSafety: safe ?? (at.isSafe ? at.ratio : null),
  };
}

type Side = { readonly events: Events; readonly share: number };

/** The side that has more where there is harm stands first. */
function sideOf({ candidate, stable, share, harm }: CountWindow): Side {
  return harm === 'more'
    ? { events: { candidate, stable, requests: 0 }, share }
    : { events: { candidate: stable, stable: candidate, requests: 0 }, share: 1 - share };
}

function marginAt({ harm }: CountWindow, ratio: number): Margin {
  return { ratio: harm === 'more' ? ratio : 1 / ratio, add: 0 };
}

function advanceRungs(rungs: Rungs, window: CountWindow, prior: number): Rungs {
  const { events, share } = sideOf(window);
  const logPrior = prior > 0 ? Math.log(prior) : LOG_ZERO;
  const harm: number[] = [];
  const safe: number[] = [];
  RUNG_RATIOS.forEach((ratio, rung) => {
    const margin = marginAt(window, ratio);
    gains(betTable(RUNG_HARM_BETS, margin, share), events, window.phi).forEach((gain, i) => {
      const before = rungs.harm[rung * RUNG_HARM_BETS.length + i]!;
      const started = prior > 0 ? logAddExp(before, logPrior) : before;
      harm.push(kept(started + Math.min(TICK_CAP, gain)));
    });
    gains(betTable(RUNG_SAFE_BETS, margin, share), events, window.phi).forEach((gain, i) =>
      safe.push(kept(rungs.safe[rung * RUNG_SAFE_BETS.length + i]! + gain)),
    );
  });
  return { harm, safe, harmPrior: Math.min(1, Math.round((rungs.harmPrior + prior) * 1e12) / 1e12) };
}

function gains(table: BetTable, events: Events, phi: number): readonly number[] {
  return table.bets.map((_, i) => ratioGain(table, i, events) / phi);
}

function rungMean(values: readonly number[], rung: number, length: number): number {
  return logSumExp(values.slice(rung * length, (rung + 1) * length)) - Math.log(length);
}

function kept(logW: number): number {
  return logW < MOST_LOST ? MOST_LOST : Math.round(logW * 1e4) / 1e4;
}
