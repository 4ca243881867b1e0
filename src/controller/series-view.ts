import type { CheckResult } from '../judge/describe.ts';
import type { Look } from '../judge/rule.ts';
import type { Verdict } from '../judge/verdict.ts';

/** How a rollout came to its verdict: what the judge knew at moments of it, oldest first. For plots. */
export type SeriesView = {
  readonly rollout: string;
  /** Between two points. */
  readonly everySeconds: number;
  readonly points: readonly SeriesPoint[];
};

export type SeriesPoint = {
  /** The end of the seconds that it sums up. */
  readonly atMs: number;
  /** The share that was asked for; null: the second of a change, or counts that are lost. */
  readonly askedPercent: number | null;
  /** Of the requests since the point before. */
  readonly seenPercent: number | null;
  readonly stable: SeriesSide;
  readonly candidate: SeriesSide;
  readonly overall: Verdict['overall'] | null;
  readonly checks: readonly SeriesCheck[];
  /** Measured elsewhere. Absent for none. */
  readonly measures?: readonly SeriesMeasure[];
  /** Of a judge other than the bets. Absent where those decide. */
  readonly looks?: readonly SeriesLook[];
};

/** Since the point before. */
export type SeriesSide = { readonly requests: number; readonly failed: number };

export type SeriesCheck = Pick<
  CheckResult,
  'name' | 'unit' | 'candidate' | 'stable' | 'difference' | 'interval' | 'limit' | 'state'
>;

export type SeriesMeasure = Pick<
  NonNullable<Verdict['measures']>[number],
  'name' | 'kind' | 'limit' | 'candidate' | 'stable' | 'difference' | 'interval' | 'state'
>;

export type SeriesLook = Pick<Look, 'name' | 'state'>;
