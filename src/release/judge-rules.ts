/** Judges other than the bets, for those who know them from elsewhere. What they look at is named as in the file. */
export type OtherJudge = LimitsRule | KayentaRule;

/**
 * Plain limits: every interval each value is held against its limit; an interval in which one is broken is a failure, and
 * failures are never forgotten.
 */
export type LimitsRule = {
  readonly use: 'limits';
  readonly everyMs: number;
  /** More failures than this go back. */
  readonly failureLimit: number;
  /** What an interval without a value is. */
  readonly noData: 'fail' | 'skip';
  readonly limits: readonly Limit[];
};

/** `error-rate` and `client-error-rate` in percent, quantiles in milliseconds, other measures as their source gives them. */
export type Limit = { readonly measure: string; readonly max: number | null; readonly min: number | null };

export type KayentaRule = {
  readonly use: 'kayenta';
  /** Length of a point. */
  readonly everyMs: number;
  /** Time between two judgements. */
  readonly judgeEveryMs: number;
  /** How far back a judgement looks; null: to the begin of the rollout. */
  readonly lookbackMs: number | null;
  readonly pass: number;
  readonly marginal: number;
  readonly groups: Readonly<Record<string, number>>;
  readonly metrics: readonly KayentaCheck[];
};

export type KayentaCheck = {
  readonly measure: string;
  readonly group: string;
  readonly direction: 'increase' | 'decrease' | 'either';
  readonly critical: boolean;
  readonly mustHaveData: boolean;
  readonly nan: 'remove' | 'replace';
  readonly outliers: 'keep' | 'remove';
  readonly outlierFactor: number;
  readonly effect: 'mean-ratio' | 'cles';
  /** High only from this effect on, Low only up to that one: 1 for ratios, 0.5 for `cles`, are no limits. */
  readonly allowedIncrease: number;
  readonly allowedDecrease: number;
  readonly criticalIncrease: number;
  readonly criticalDecrease: number;
};
