import type { CodeEntry } from './code-entry.ts';

/** What can be wrong with another judge than the bets. Part of FILE_CODES. */
export const JUDGE_USE_CODES = {
  E070: {
    title: 'a limit in the wrong unit',
    cause:
      'error-rate and client-error-rate are limited by a percentage, quantiles by a duration, measures of your own by a number as their source gives it.',
    fix: 'Write {error-rate: 1%, p99: 500ms, signups: 20}.',
  },
  E071: {
    title: 'nothing is measured under this name',
    cause:
      'Limits and metrics name what the proxy sees (error-rate, client-error-rate, p50 to p99.9) or a measure that stands under judge.',
    fix: 'Correct the name, or add the measure under judge.',
  },
  E072: {
    title: 'margins beside another judge',
    cause:
      'worse-by is what the bets hold the candidate against. Fixed limits and Kayenta decide by what stands in use, so that the margin would be written and never used.',
    fix: 'Take the check out, or the other judge.',
  },
  E073: {
    title: 'a judge without anything to decide by',
    cause: 'Fixed limits need at least one limit, or every rollout would pass.',
    fix: 'Write {limits: {max: {error-rate: 1%}}}.',
  },
  E074: {
    title: 'scores that leave nothing to pass by',
    cause:
      'A score passes from pass on and goes back when it is not above marginal, so that marginal must be below pass; weights of groups are parts of 100.',
    fix: 'Write {pass: 95, marginal: 75}, and weights that are 100 at most together.',
  },
  E075: {
    title: 'one judge decides',
    cause: 'use names one of bets, limits and kayenta. Two could disagree, and none decides nothing.',
    fix: 'Keep one of them.',
  },
} as const satisfies Record<string, CodeEntry>;
