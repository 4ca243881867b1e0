/** What is known of one service's releases when old ones are about to be deleted. All are ids of releases. */
export type RetentionFacts = {
  /** In any slot: stable, candidate, kept for the way back, draining. */
  readonly inSlots: readonly string[];
  /** Candidates and former stables of rollouts under way, queued ones included. */
  readonly inRollouts: readonly string[];
  /** Named by a plan that can still be deployed. */
  readonly inPlans: readonly string[];
  /** Every promotion, newest first; the same release may come several times. */
  readonly promotions: readonly string[];
  /** Every release that a rollout tried and did not promote, newest first; for a person who looks at what went wrong, and for `retry`. */
  readonly tried: readonly string[];
  /** How many of `tried` stay. */
  readonly keepTried: number;
  /** How many different releases of `promotions` a rollback may name, at least 1. */
  readonly keepPromoted: number;
};

/**
 * The releases whose artifact and directory must stay. Pure. Everything that runs, that a rollout or plan under way may still
 * start, what `rollback V` may name, and the last ones that failed; nothing else, so that the disk is bounded.
 */
export function releasesToKeep(facts: RetentionFacts): ReadonlySet<string> {
  const promoted = [...new Set(facts.promotions)].slice(0, facts.keepPromoted);
  const tried = [...new Set(facts.tried)].slice(0, facts.keepTried);
  return new Set([...tried, ...facts.inSlots, ...facts.inRollouts, ...facts.inPlans, ...promoted]);
}
