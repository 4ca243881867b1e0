import type { EventView, RolloutView, ServiceView, SideView, StepView } from '../controller/views.ts';

/** Views for tests: the shop of the documentation, in the middle of a canary, before it and after it. */

type CheckView = NonNullable<RolloutView['verdict']>['checks'][number];

export const BEGAN_MS = Date.UTC(2026, 2, 4, 14, 1, 7);

const SIDE: SideView = { requests: 3118, failed: 7, errorPercent: 0.21, p50Ms: 41, p95Ms: 183, p99Ms: 610 };

function step(
  kind: StepView['kind'],
  label: string,
  state: StepView['state'],
  seconds: number | null = null,
): StepView {
  const atLeastSeconds = kind === 'share' || kind === 'watch' ? 300 : null;
  return { kind, label, state, seconds, atLeastSeconds };
}

function check(
  name: string,
  unit: 'percent' | 'ms',
  values: readonly [candidate: number, stable: number, difference: number],
  bounds: { readonly interval: readonly [number, number]; readonly limit: number },
): CheckView {
  const [candidate, stable, difference] = values;
  const { interval, limit } = bounds;
  const judged = { state: 'not-worse', needRequests: null, required: true, logE: 0.1 } as const;
  return { name, unit, candidate, stable, difference, interval, limit, safeLimit: limit, ...judged };
}

/** `r-0193`: v43 at 25 %, second of four shares, 2 of 3 checks decided. */
export const CANARY: RolloutView = {
  id: 'r-0193',
  service: 'shop',
  purpose: 'deploy',
  label: 'v43',
  from: 'v42',
  actor: 'ana via CI #881 (unverified)',
  strategy: 'canary',
  startedAtMs: BEGAN_MS,
  endedAtMs: null,
  phase: 'dwelling',
  outcome: null,
  cause: null,
  reason: null,
  exitCode: null,
  approval: null,
  waiting: null,
  paused: false,
  byHand: false,
  sharePercent: 25,
  stepIndex: 3,
  steps: [
    step('start', 'start', 'done'),
    step('ready', 'ready', 'done'),
    step('share', '5%', 'done', 301),
    step('share', '25%', 'now', 71),
    step('share', '50%', 'todo'),
    step('full', '100%', 'todo'),
    step('watch', 'watch 5m', 'todo'),
  ],
  next: '50% at 14:11 at the earliest',
  verdict: {
    overall: 'undecided',
    unit: 'identity',
    candidateRequestsInStep: 3230,
    stableRequestsInStep: 9690,
    judgedSecondsInStep: 71,
    logE: 0.4,
    reason: 'p99 is not decided yet',
    checks: [
      check('error-rate', 'percent', [0.21, 0.19, 0.02], { interval: [-0.33, 0.37], limit: 0.5 }),
      check('p95', 'ms', [183, 171, 7], { interval: [-4, 18], limit: 20 }),
      {
        ...check('p99', 'ms', [610, 540, 13], { interval: [-14, 45], limit: 30 }),
        state: 'undecided',
        needRequests: 3400,
      },
    ],
    share: { askedPercent: 25, seenPercent: 24.8, mismatch: null, warning: null },
    looks: [],
    hold: null,
  },
  traffic: { stable: { ...SIDE, requests: 9690, failed: 18, errorPercent: 0.19 }, candidate: SIDE },
  allowedActions: ['pause', 'promote', 'promote-full', 'weight', 'abort', 'rollback'],
  refusedActions: [],
};

/** In its mirror: no user gets v43. */
export const MIRRORING: RolloutView = {
  ...CANARY,
  sharePercent: 0,
  stepIndex: 2,
  steps: [
    ...CANARY.steps.slice(0, 2),
    { ...step('mirror', 'mirror 20%', 'now', 71), atLeastSeconds: 120 },
    step('header-only', 'header-only', 'todo'),
    ...CANARY.steps.slice(2).map((one) => ({ ...one, state: 'todo' as const, seconds: null })),
  ],
  next: 'header-only once surely not worse, after 2m at least; undecided at 5m: goes on',
  verdict: null,
  early: [
    {
      kind: 'mirror',
      overall: 'undecided',
      reason: 'error-rate is not decided after 412 copies',
      hold: null,
      seconds: 71,
      candidateRequests: 412,
      stableRequests: 412,
      dropped: 9,
      checks: [
        {
          ...check('error-rate', 'percent', [0.73, 0.24, 0.49], { interval: [-0.33, 1.37], limit: 0.5 }),
          state: 'undecided',
        },
        check('p95', 'ms', [183, 171, 7], { interval: [-4, 18], limit: 20 }),
      ],
      looks: [],
      unseen: [
        'writes: only GET and HEAD are copied',
        'how people react: nobody sees what it answers',
        'cookies and sessions that its answers would set: no client gets them',
      ],
      traffic: {
        stable: { ...SIDE, requests: 412, failed: 1, errorPercent: 0.24 },
        candidate: { ...SIDE, requests: 412, failed: 3, errorPercent: 0.73 },
      },
    },
  ],
  traffic: {
    stable: { ...SIDE, requests: 2077, failed: 4, errorPercent: 0.19 },
    candidate: { ...SIDE, requests: 0, failed: 0, errorPercent: null },
  },
};

export const DONE: RolloutView = {
  ...CANARY,
  id: 'r-0192',
  label: 'v42',
  from: 'v41',
  startedAtMs: BEGAN_MS - 86_400_000,
  endedAtMs: BEGAN_MS - 86_400_000 + 1_930_000,
  phase: 'over',
  outcome: 'done',
  cause: 'promoted',
  reason: 'v42 serves all traffic',
  exitCode: 0,
  sharePercent: 100,
  stepIndex: 7,
  steps: CANARY.steps.map((one) => ({ ...one, state: 'done' as const, seconds: null })),
  next: null,
  verdict: null,
  allowedActions: [],
  refusedActions: [],
};

/** `r-0193` as it ends when v43 is worse. */
export const ROLLED_BACK: RolloutView = {
  ...CANARY,
  steps: CANARY.steps.map((one) => (one.state === 'now' ? { ...one, state: 'todo', seconds: null } : one)),
  verdict: {
    ...CANARY.verdict!,
    overall: 'harmful',
    logE: 5.1,
    reason:
      'error-rate +1.2pp [+0.60 … +1.9] is over +0.50pp, after 3 118 requests on the candidate in this step',
    checks: [
      {
        ...check('error-rate', 'percent', [1.4, 0.19, 1.2], { interval: [0.6, 1.9], limit: 0.5 }),
        state: 'worse',
      },
      ...CANARY.verdict!.checks.slice(1),
    ],
  },
  phase: 'over',
  endedAtMs: BEGAN_MS + 517_000,
  outcome: 'rolled-back',
  cause: 'harmful',
  reason: 'error-rate +1.2pp [+0.6 … +1.9] is over +0.5pp, after 3 118 requests on v43',
  exitCode: 10,
  sharePercent: 0,
  next: null,
  allowedActions: [],
  refusedActions: [],
};

export const IDLE: ServiceView = {
  name: 'shop',
  users: '100% on v42',
  condition: 'serving',
  door: 'http://127.0.0.1:8080',
  stable: 'v42',
  slots: {
    blue: {
      role: 'stable',
      label: 'v42',
      replicas: 2,
      healthy: 2,
      addresses: ['127.0.0.1:8200', '127.0.0.1:8201'],
      preview: null,
      keptUntilMs: null,
    },
    green: {
      role: 'free',
      label: null,
      replicas: 0,
      healthy: 0,
      addresses: ['127.0.0.1:8202', '127.0.0.1:8203'],
      preview: null,
      keptUntilMs: null,
    },
  },
  rollout: null,
  last: DONE,
  lock: null,
  freezes: [],
  allowedActions: ['deploy', 'rollback', 'apply', 'remove'],
  refusedActions: [],
};

export const PROGRESSING: ServiceView = {
  ...IDLE,
  users: '75% on v42, 25% on v43',
  slots: {
    ...IDLE.slots,
    green: { ...IDLE.slots.green, role: 'candidate', label: 'v43', replicas: 2, healthy: 2 },
  },
  rollout: CANARY,
  allowedActions: [...CANARY.allowedActions, 'supersede'],
  refusedActions: [],
};

/** What `r-0193` recorded until it reached 25 %. */
export const STORY: readonly EventView[] = [
  said(1, 0, 'deploy', 'plan: canary 5% → 25% → 50% → 100%, judge error-rate p95 p99'),
  said(2, 2000, 'slotStarted', 'v43 started on 127.0.0.1:8202 127.0.0.1:8203'),
  said(3, 4100, 'healthSeen', 'v43 is ready: 2 of 2 healthy through the proxy (2.1s)'),
  said(4, 4100, 'routeProven', 'step 1/4: 5%'),
  said(5, 303_000, 'judged', 'step 2/4: 25%'),
];

export function said(seq: number, afterMs: number, kind: string, ...says: string[]): EventView {
  return {
    seq,
    atMs: BEGAN_MS + afterMs,
    service: 'shop',
    rollout: 'r-0193',
    actor: 'bascule',
    kind,
    says,
  };
}
