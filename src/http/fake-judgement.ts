import type { ForesightView } from '../controller/foresight-view.ts';
import type { WhyView } from '../controller/views.ts';

/** Of 45 requests a second: enough for errors at 5 %, too little for p99. */
export const FORESIGHT: ForesightView = {
  traffic: { hours: 24, perSecond: 45.2, unit: 'request', bestCase: false, errorPercent: 0.12 },
  steps: [
    {
      sharePercent: 5,
      atLeastSeconds: 300,
      atMostSeconds: 600,
      candidatePerMinute: 135.6,
      checks: [
        { name: 'error-rate', unit: 'pp', foundAtLeast: 1.24, foundAtMost: 0.71, safeAfterSeconds: 210 },
        { name: 'p99', unit: '%', foundAtLeast: null, foundAtMost: 151, safeAfterSeconds: null },
      ],
    },
    {
      sharePercent: 25,
      atLeastSeconds: 300,
      atMostSeconds: 600,
      candidatePerMinute: 678,
      checks: [
        { name: 'error-rate', unit: 'pp', foundAtLeast: 0.42, foundAtMost: 0.31, safeAfterSeconds: 190 },
        { name: 'p99', unit: '%', foundAtLeast: 84, foundAtMost: 61, safeAfterSeconds: 240 },
      ],
    },
  ],
  faults: [
    { fault: 'every request fails', foundAfterSeconds: 9, sharePercent: 5, hit: 20 },
    { fault: '+0.1pp errors', foundAfterSeconds: null, sharePercent: null, hit: null },
  ],
  hanging: { proxy: 'builtin', silenceSeconds: 60, foundAfterSeconds: 69 },
  advice: ['no step finds p99 +40%: a step of 50% would, within its dwell'],
};

/** What stands behind every rollout of the fake controller: two failures, and a second that the proxy lost. */
export const BEHIND: Omit<WhyView, 'rollout' | 'sentence' | 'events' | 'chain'> = {
  rule: 'surely worse than stable by more than a limit allows: back at once',
  rules: ['judge error-rate +0.5pp, p95 +20%; worse: back at once', 'undecided after 10m: ask a person'],
  shares: [
    { sharePercent: 5, fromMs: Date.UTC(2026, 2, 4, 14, 1, 10), seconds: 300 },
    { sharePercent: 25, fromMs: Date.UTC(2026, 2, 4, 14, 6, 11), seconds: 213 },
  ],
  gaps: [{ fromMs: Date.UTC(2026, 2, 4, 14, 7, 0), seconds: 1 }],
  watch: null,
  failed: [
    {
      atMs: Date.UTC(2026, 2, 4, 14, 1, 12),
      replica: 0,
      kind: 'serverError',
      status: 502,
      method: 'POST',
      path: '/orders/*/pay',
    },
    {
      atMs: Date.UTC(2026, 2, 4, 14, 1, 13),
      replica: 1,
      kind: 'timeout',
      status: null,
      method: null,
      path: null,
    },
  ],
  judged: { toMs: Date.UTC(2026, 2, 4, 14, 9, 44), version: 1 },
};
