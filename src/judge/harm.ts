import {
  HARM_BETS,
  ratioGains,
  shareGains,
  slopesOf,
  type BetTable,
  type Events,
  type Margin,
} from './bet.ts';
import { logAddExp } from './logspace.ts';
import {
  NOTHING_WON,
  advanceMixture,
  capMixture,
  mixtureLogE,
  mixtureLogEAt,
  type Mixture,
} from './mixture.ts';

/** Evidence against the candidate in one check: half the wealth on every event, half on the share of each second. */
export type Harm = {
  readonly ratio: Mixture;
  readonly share: Mixture;
  /** ln E of the share half in the last ⌈4τ⌉ seconds while τ is high (the window cap); else empty. */
  readonly recent: readonly number[];
  /** ln of the check's e-value at its margin: what all of this comes to. */
  readonly logE: number;
};

const LOG_HALF = Math.log(0.5);
const NO_GAINS: readonly number[] = HARM_BETS.map(() => 0);

export const NO_HARM: Harm = { ratio: NOTHING_WON, share: NOTHING_WON, recent: [], logE: 0 };

/** Chance of ever going back from a candidate that is not worse than its margins: the whole rollout, all checks, all looks. */
export const HARM_ALPHA = 0.01;
/**
 * What one second may win at most: a third of the way from a prior of ½ on one of 8 bets of one of 2 halves of a check of
 * weight ½ to 1/α. So no two seconds, whatever happened in them, take a version back; and where people are counted, each once
 * in a rollout, no two people do.
 */
export const TICK_CAP = (Math.log(1 / HARM_ALPHA) + Math.log((2 * 8 * 2) / 0.5)) / 3;
/** Above it stable's own events come in bursts, and the likelihood-ratio half bets nothing. */
const PHI_OFF = 2;
/** Above it stable's own imbalances last, and the share bet is made as if whole replicas were drawn. */
export const TAU_LASTING = 1.2;

export type HarmSecond = {
  readonly events: Events;
  readonly margin: Margin;
  /** The candidate's share of the traffic, 0 to 1. */
  readonly trafficShare: number;
  /** The candidate's share of the replicas, 0 to 1, used in place of a smaller traffic share where τ is high. */
  readonly replicaShare: number;
  /** Learned from seconds before this one. */
  readonly phi: number;
  readonly tau: number;
  readonly prior: number;
  /** Whether bounds over Δ are wanted later (`harmLogEAt`): for rates. */
  readonly overDelta: boolean;
  /** Tables of this second, so that checks of one margin share them. */
  readonly table: (bets: readonly number[], margin: Margin, share: number) => BetTable;
};

export function advanceHarm(harm: Harm, second: HarmSecond): Harm {
  const { events, margin, trafficShare, replicaShare, phi, tau, prior } = second;
  const ratioTable = second.table(HARM_BETS, margin, trafficShare);
  const lasting = tau > TAU_LASTING;
  const shareTable = lasting
    ? second.table(HARM_BETS, margin, Math.max(trafficShare, replicaShare))
    : ratioTable;
  const isOff = phi > PHI_OFF;
  const ratio = advanceMixture(harm.ratio, {
    logGains: isOff ? NO_GAINS : ratioGains(ratioTable, events, { by: phi, cap: TICK_CAP }),
    slopes: second.overDelta ? slopesOf(ratioTable, isOff ? 0 : events.requests / phi) : null,
    prior,
  });
  const share = advanceMixture(harm.share, {
    logGains: shareGains(shareTable, events, { by: tau, cap: TICK_CAP }),
    slopes: second.overDelta ? slopesOf(shareTable, events.requests / tau) : null,
    prior,
  });
  if (!lasting) return { ratio, share, recent: [], logE: bothHalves(ratio, share) };
  const capped = capByWindow(share, windowOf(harm), Math.ceil(4 * tau));
  return { ratio, ...capped, logE: bothHalves(ratio, capped.share) };
}

/** A second in which nothing is bet on a latency line, such as one of the warm-up: only the mass that starts now is added. */
export function idleHarm(harm: Harm, prior: number): Harm {
  const nothing = { logGains: NO_GAINS, slopes: null, prior };
  return {
    ...harm,
    ratio: advanceMixture(harm.ratio, nothing),
    share: advanceMixture(harm.share, nothing),
  };
}

/** A second in which no bet wins or loses and none starts: the evidence is that of all bets so far. */
export function quietHarm(harm: Harm): Harm {
  return { ...harm, logE: bothHalves(harm.ratio, harm.share) };
}

function bothHalves(ratio: Mixture, share: Mixture): number {
  return LOG_HALF + logAddExp(mixtureLogE(ratio), mixtureLogE(share));
}

/**
 * A lower bound of ln E had the margin's Δ been larger by `offset`, exact at 0. Below Δ = 0 the share bet proves nothing
 * (its proof needs Δ ≥ 0), so that only the likelihood-ratio half is counted there.
 */
export function harmLogEAt(harm: Harm, offset: number, margin: Margin): number {
  const ratio = mixtureLogEAt(harm.ratio, offset);
  if (margin.add + offset < 0) return LOG_HALF + ratio;
  return LOG_HALF + logAddExp(ratio, mixtureLogEAt(harm.share, offset));
}

/** ln W_t ≤ min over the last ⌈4τ⌉ seconds + one tick cap: a burst that lasts for τ seconds wins once, not τ times. */
function capByWindow(
  share: Mixture,
  window: readonly number[],
  length: number,
): Pick<Harm, 'share' | 'recent'> {
  const recent = window.slice(-length);
  const capped = capMixture(share, windowLimit(recent));
  return { share: capped, recent: [...recent, mixtureLogE(capped)].slice(-length) };
}

function windowOf(harm: Harm): readonly number[] {
  return harm.recent.length === 0 ? [mixtureLogE(harm.share)] : harm.recent;
}

/** The most that ln W may be after the given former values. */
export function windowLimit(recent: readonly number[], cap: number = TICK_CAP): number {
  return cap + Math.min(...recent);
}
