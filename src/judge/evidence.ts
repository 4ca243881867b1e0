import { SAFE_BETS, ratioGains, slopesOf, type BetTable, type Events, type Margin } from './bet.ts';
import { harmShiftOf, safeMargin, safeShiftOf } from './checks.ts';
import { phiOf, tauOf } from './dispersion.ts';
import { TAU_LASTING, advanceHarm, idleHarm, quietHarm } from './harm.ts';
import { LADDER_SHIFTS, advanceLadder, restartLadderSafe } from './ladder.ts';
import { NOTHING_WON, advanceMixture, type Mixture } from './mixture.ts';
import { eventsOn, type Reading } from './reading.ts';
import { FIRST_PRIOR } from './start-prior.ts';
import { NO_EVENTS, type CheckCounts, type CheckState, type EventCounts } from './state.ts';

/** What all checks share in one second. */
export type CheckContext = {
  readonly reading: Reading;
  /** The candidate's share of the judged units, 0 to 1. */
  readonly share: number;
  readonly replicaShare: number;
  readonly askedShare: number;
  /** Units are people, who are new to the candidate when a larger share moves them: the margin is paid for each of those. */
  readonly perCandidate: boolean;
  readonly prior: number;
  /** Warm-up, or the pause after latency alone crossed once. */
  readonly linesMuted: boolean;
  readonly table: (bets: readonly number[], margin: Margin, share: number) => BetTable;
};

const LINE_MARGIN: Margin = { ratio: 1, add: 0 };
const LOWEST_SHIFT = Math.min(0, ...LADDER_SHIFTS);

export function advanceCheck(state: CheckState, context: CheckContext): CheckState {
  const { check, line } = state;
  const prior = state.harm.ratio.prior === 0 ? FIRST_PRIOR : context.prior;
  if (check.kind === 'line' && (context.linesMuted || line === null)) {
    return { ...state, harm: idleHarm(state.harm, prior) };
  }
  const { candidate, stable } = context.reading;
  const isRate = check.kind === 'rate';
  const x = eventsOn(candidate, check, line, isRate ? 0 : harmShiftOf(check));
  const y = eventsOn(stable, check, line, 0);
  const requests = context.perCandidate ? candidate.units / context.share : candidate.units + stable.units;
  const [phi, tau] = [phiOf(state.dispersion), tauOf(state.dispersion)];
  const seen: EventCounts = [x, y, candidate.units, stable.units];
  const counts: CheckCounts = {
    ...state.counts,
    step: sum(state.counts.step, seen),
    bet: isRate ? NO_EVENTS : sum(state.counts.bet, seen),
    recent: isRate ? recently(state.counts.recent, seen) : NO_EVENTS,
  };
  if (prior === 0 && tau <= TAU_LASTING && isQuiet(state, context.reading))
    return { ...state, harm: quietHarm(state.harm), counts };
  const ladderPrior = state.ladder?.harmPrior === 0 ? FIRST_PRIOR : context.prior;
  return {
    ...state,
    harm: advanceHarm(state.harm, {
      events: { candidate: x, stable: y, requests },
      margin: isRate ? check.harm : LINE_MARGIN,
      trafficShare: context.share,
      replicaShare: context.replicaShare,
      phi,
      tau,
      prior,
      overDelta: isRate,
      table: context.table,
    }),
    safe: !check.required ? state.safe : advanceSafe(state, context, { y, requests, phi }),
    ladder:
      state.ladder === null
        ? null
        : advanceLadder(state.ladder, {
            candidateBeyond: (shift) => eventsOn(candidate, check, line, shift),
            stableBeyond: y,
            share: context.share,
            phi,
            prior: ladderPrior,
            table: context.table,
          }),
    counts,
  };
}

/** Whether nobody was beyond a line, on either side and at any rung: then no bet on it, already under way, wins or loses. */
function isQuiet({ check, line, harm, safe, ladder }: CheckState, { candidate, stable }: Reading): boolean {
  if (check.kind === 'rate' || harm.recent.length > 0 || ladder?.harmPrior === 0) return false;
  if (check.required && safe.logW.length === 0) return false;
  return eventsOn(stable, check, line, 0) === 0 && eventsOn(candidate, check, line, LOWEST_SHIFT) === 0;
}

/** A new step: safety must be shown again at its share; the finished one's counts become a stratum. */
export function startStepOf(state: CheckState): CheckState {
  return {
    ...state,
    safe: NOTHING_WON,
    ladder: state.ladder === null ? null : restartLadderSafe(state.ladder),
    counts: { ...state.counts, step: NO_EVENTS, strata: withStratum(state) },
  };
}

/** Quantiles are shown in milliseconds and need no strata. */
function withStratum({ check, counts }: CheckState): CheckCounts['strata'] {
  if (check.kind === 'line' && check.times === 1) return counts.strata;
  const [x, y, mine, theirs] = counts.step;
  const [candidate, stable, weight] = counts.strata;
  const all = Math.max(1, mine + theirs);
  return [candidate + (x * theirs) / all, stable + (y * mine) / all, weight + (mine * theirs) / all];
}

function advanceSafe(
  state: CheckState,
  context: CheckContext,
  seen: { readonly y: number; readonly requests: number; readonly phi: number },
): Mixture {
  const { check, line } = state;
  const isRate = check.kind === 'rate';
  const margin = isRate ? safeMargin(check, context.askedShare) : LINE_MARGIN;
  const table = context.table(SAFE_BETS, margin, context.share);
  const x = eventsOn(context.reading.candidate, check, line, isRate ? 0 : safeShiftOf(check));
  const events: Events = { candidate: x, stable: seen.y, requests: seen.requests };
  return advanceMixture(state.safe, {
    logGains: ratioGains(table, events, { by: seen.phi, cap: Infinity }),
    slopes: isRate ? slopesOf(table, seen.requests / seen.phi) : null,
    prior: state.safe.prior === 0 ? 1 : 0,
  });
}

function sum(a: EventCounts, b: EventCounts): EventCounts {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]];
}

/** Half-life of a minute; thousandths are enough for a value that is shown. */
function recently(before: EventCounts, seen: EventCounts): EventCounts {
  const [x, y, mine, theirs] = sum(before, seen);
  return [faded(x), faded(y), faded(mine), faded(theirs)];
}

function faded(count: number): number {
  return Math.round(count * 0.5 ** (1 / 60) * 1000) / 1000;
}
