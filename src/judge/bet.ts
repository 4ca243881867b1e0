/**
 * One second's bets on which side the events fall (docs/judge.md, "The bet").
 *
 * With share w of the traffic on the candidate, margin (ratio ρ, add Δ) and bet r:
 *   θ = wρ/(wρ+1−w)   D = 1+θ(r−1)
 * a candidate event multiplies the bank's wealth by r/D, a stable event by 1/D, every request by 1/(1+wΔ(r/D−1)).
 * At p_candidate = ρ·p_stable + Δ the expected factor of a request is exactly 1, whatever p_stable is in that second; r > 1
 * wins where the candidate is worse (tests harm), r < 1 where it is better (tests safety).
 * Golden values: test/vectors/judge-vectors.json (exact rationals, computed apart from this code).
 */
export type Margin = {
  /** ρ: factor on stable's rate. */
  readonly ratio: number;
  /** Δ: added rate, as a fraction of requests. */
  readonly add: number;
};

/** Bets for "the candidate is worse": a geometric ladder from a quarter more to a hundred times as many events. */
export const HARM_BETS: readonly number[] = [1.25, 1.6, 2.2, 3.2, 5, 10, 30, 100];
/** Bets for "the candidate is not worse by the margin". */
export const SAFE_BETS: readonly number[] = [0.02, 0.1, 0.3, 0.5, 0.7, 0.85];

const LEAST_SHARE = 1e-4;

/** Logarithms of the factors of each bet, index by index. */
export type BetTable = {
  readonly bets: readonly number[];
  /** Per event on the candidate (a). */
  readonly candidateEvent: readonly number[];
  /** Per event on stable (b). */
  readonly stableEvent: readonly number[];
  /** Per request on either side (c). */
  readonly request: readonly number[];
  /** −∂c/∂Δ at the margin: what a request costs more per unit of a wider margin. 0 where Δ is 0, of which no bounds are wanted. */
  readonly slope: readonly number[];
};

/** The factors of all bets at one margin and share (0 to 1, clamped away from both ends). */
export function betTable(bets: readonly number[], margin: Margin, share: number): BetTable {
  const w = Math.min(1 - LEAST_SHARE, Math.max(LEAST_SHARE, share));
  const theta = (w * margin.ratio) / (w * margin.ratio + 1 - w);
  // Copied whole and changed in place: pushed one by one, an array is copied each time that it grows.
  const candidateEvent = bets.slice();
  const stableEvent = bets.slice();
  const hasCost = margin.add !== 0;
  const request = bets.slice().fill(0);
  const slope = hasCost ? request.slice() : request;
  for (let i = 0; i < bets.length; i++) {
    const r = bets[i]!;
    const b = -Math.log1p(theta * (r - 1));
    const a = Math.log(r) + b;
    candidateEvent[i] = a;
    stableEvent[i] = b;
    if (!hasCost) continue;
    const excess = w * Math.expm1(a);
    request[i] = -Math.log1p(margin.add * excess);
    slope[i] = excess / (1 + margin.add * excess);
  }
  return { bets, candidateEvent, stableEvent, request, slope };
}

/** Events and requests of one second: candidate's events, stable's events, all requests of both. */
export type Events = { readonly candidate: number; readonly stable: number; readonly requests: number };

/** Log gain of the likelihood-ratio bet `index`: every event counts. Valid where events are independent. */
export function ratioGain(table: BetTable, index: number, events: Events): number {
  return (
    events.candidate * table.candidateEvent[index]! +
    events.stable * table.stableEvent[index]! +
    events.requests * table.request[index]!
  );
}

/**
 * Log gain of the share bet `index`: one bet a second on the candidate's share of that second's events. Its expectation
 * is 1 for any sizes of clusters within the second, where the likelihood ratio's can be 10^10 (vectors `share_bet`).
 */
export function shareGain(table: BetTable, index: number, events: Events): number {
  const paid = events.requests * table.request[index]!;
  const all = events.candidate + events.stable;
  if (all === 0) return paid;
  const share = events.candidate / all;
  return Math.log1p(share * (table.bets[index]! - 1)) + table.stableEvent[index]! + paid;
}

export type Damping = {
  /** What the log gain is divided by: φ or τ. */
  readonly by: number;
  /** The most that one bet may gain. */
  readonly cap: number;
};

/** Log gains of all likelihood-ratio bets of a table. */
export function ratioGains(table: BetTable, events: Events, damping: Damping): number[] {
  const gains = table.stableEvent.slice();
  setRatioGains(gains, { table, events, damping });
  return gains;
}

type Bets = { readonly table: BetTable; readonly events: Events; readonly damping: Damping };

/** The same into a list that is there already. */
export function setRatioGains(gains: number[], { table, events, damping }: Bets): void {
  const { by, cap } = damping;
  for (let i = 0; i < gains.length; i++) gains[i] = Math.min(cap, ratioGain(table, i, events) / by);
}

/** Log gains of all share bets of a table. */
export function shareGains(table: BetTable, events: Events, { by, cap }: Damping): number[] {
  const gains = table.stableEvent.slice();
  for (let i = 0; i < gains.length; i++) gains[i] = Math.min(cap, shareGain(table, i, events) / by);
  return gains;
}

/** What so many requests cost more per unit of a wider margin, bet by bet. */
export function slopesOf(table: BetTable, requests: number): number[] {
  const slopes = table.slope.slice();
  for (let i = 0; i < slopes.length; i++) slopes[i]! *= requests;
  return slopes;
}
