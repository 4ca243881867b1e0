import { onAddress } from '../lib/upstream.ts';
import type { Plan, Step } from '../release/plan.ts';
import type { ServiceSpec } from '../release/service.ts';
import type { RolloutEvent } from './event.ts';
import { FREE_SLOT, type DeployRequest, type ServiceState } from './state.ts';

/** A service for tests and simulation: canary, two replicas, nothing deployed. */
export const SPEC: ServiceSpec = {
  name: 'shop',
  release: {
    run: 'node server.mjs',
    build: null,
    env: {},
    user: null,
    health: { path: '/healthz', intervalMs: 1000, timeoutMs: 1000, rise: 3, fall: 2 },
    readyWithinMs: 60_000,
    stopGraceMs: 10_000,
  },
  scale: { replicas: 2, maxReplicas: 4 },
  policy: {
    strategy: 'canary',
    preset: 'quick',
    stepsPercent: [10, 50, 100],
    dwell: { atLeastMs: 10_000, atMostMs: 60_000 },
    bakeMs: 0,
    askBeforeFull: false,
    sticky: { by: 'cookie' },
    judge: { checks: [], warmUpMs: 10_000 },
    whenWorse: 'rollback',
    whenUnsure: { waitMs: 0, then: 'advance' },
    watchMs: 120_000,
    keepOldMs: 300_000,
  },
  door: {
    listen: { address: '127.0.0.1', port: 8080 },
    host: null,
    path: '/',
    proxy: { kind: 'builtin' },
    drainMs: 30_000,
    streamGraceMs: 60_000,
    trustForwarded: false,
    maxBodyBytes: null,
  },
  targets: null,
  current: null,
};

export const CANARY_STEPS: readonly Step[] = [
  { kind: 'start' },
  { kind: 'ready' },
  { kind: 'share', percent: 10, atLeastMs: 10_000, atMostMs: 60_000, bake: false },
  { kind: 'share', percent: 50, atLeastMs: 10_000, atMostMs: 60_000, bake: true },
  { kind: 'full' },
  { kind: 'watch', forMs: 120_000 },
];

/** What comes before the first share. */
export const EARLY: readonly Step[] = [
  {
    kind: 'mirror',
    percent: 20,
    methods: ['GET', 'HEAD'],
    because: null,
    atLeastMs: 10_000,
    atMostMs: 60_000,
  },
  {
    kind: 'header-only',
    header: 'X-Version',
    requests: 50,
    maxErrorsPercent: 5,
    atLeastMs: 10_000,
    atMostMs: 60_000,
  },
];

export function planWith(steps: readonly Step[], change: Partial<Plan> = {}): Plan {
  const { policy } = SPEC;
  return {
    strategy: policy.strategy,
    steps,
    sticky: policy.sticky,
    judge: policy.judge,
    whenWorse: policy.whenWorse,
    whenUnsure: policy.whenUnsure,
    keepOldMs: policy.keepOldMs,
    askDeadlineMs: 86_400_000,
    readyWithinMs: 60_000,
    ...change,
  };
}

export const VERIFY: Step = {
  kind: 'verify',
  checks: [
    {
      kind: 'http',
      method: 'GET',
      path: '/checkout',
      status: { from: 200, to: 299 },
      contains: null,
      headers: {},
      withinMs: 5000,
      attempts: 1,
    },
  ],
};

const FIRST_STEPS: readonly Step[] = [{ kind: 'start' }, { kind: 'ready' }, { kind: 'full' }];

export function requestOf(
  label: string,
  steps: readonly Step[] = CANARY_STEPS,
  plan: Partial<Plan> = {},
): DeployRequest {
  return {
    rollout: `r-${label}`,
    purpose: 'deploy',
    releaseId: `shop/${label}`,
    label,
    plan: planWith(steps, plan),
    seed: '00'.repeat(16),
    actor: 'ana',
    remark: null,
  };
}

export const firstRequest = (label: string): DeployRequest => requestOf(label, FIRST_STEPS);

export function emptyService(): ServiceState {
  return {
    service: 'shop',
    spec: SPEC,
    salt: '11'.repeat(16),
    addresses: { blue: addresses(8200), green: addresses(8210) },
    adopted: null,
    preview: { blue: addresses(8220)[0]!, green: addresses(8221)[0]! },
    slots: { blue: FREE_SLOT, green: FREE_SLOT },
    rollout: null,
    route: { revision: 0, proven: true },
    scaling: false,
    removing: false,
    counter: 0,
  };
}

/** Adds the envelope, both clocks alike. */
export function at(atMs: number, event: Parameters<typeof stamp>[0], actor = 'ana'): RolloutEvent {
  return stamp(event, atMs, actor);
}

function addresses(from: number): ServiceState['addresses']['blue'] {
  return [0, 1, 2, 3].map((index) => onAddress({ host: '127.0.0.1', port: from + index }));
}

type Bare<E> = E extends unknown ? Omit<E, 'atMs' | 'wallMs' | 'actor'> : never;

function stamp(event: Bare<RolloutEvent>, atMs: number, actor: string): RolloutEvent {
  return { ...event, atMs, wallMs: atMs, actor };
}
