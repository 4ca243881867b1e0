import type { EarlyStage, ServiceSpec } from '../src/release/service.ts';
import { SPEC, VERIFY } from '../src/rollout/fixtures.ts';
import { Draw } from './draw.ts';

export const SERVICE = 'shop';

/** The service of a seed: short times, every kind of policy. */
export function drawSpec(draw: Draw): ServiceSpec {
  const isCanary = draw.chance(0.7);
  const stepsPercent = isCanary
    ? draw.pick([
        [25, 50, 100],
        [10, 100],
        [5, 20, 100],
      ])
    : draw.pick([[100], [100], [25, 100]]);
  const atLeastMs = draw.whole(1, 3) * 1000;
  return {
    ...SPEC,
    name: SERVICE,
    release: {
      ...SPEC.release,
      health: { ...SPEC.release.health, intervalMs: 200, rise: 2, fall: 2 },
      readyWithinMs: 8000,
      stopGraceMs: 1000,
      ...(draw.chance(0.6) && VERIFY.kind === 'verify'
        ? { verify: VERIFY.checks.map((check) => ({ ...check, attempts: draw.pick([1, 3]) })) }
        : {}),
    },
    scale: { replicas: draw.whole(1, 3), maxReplicas: 3 },
    policy: {
      ...SPEC.policy,
      strategy: isCanary ? 'canary' : 'blue-green',
      sticky: { by: 'none' },
      stepsPercent,
      dwell: { atLeastMs, atMostMs: atLeastMs + 3000 },
      bakeMs: draw.pick([0, 0, 2000]),
      askBeforeFull: draw.chance(0.15),
      whenWorse: draw.chance(0.85) ? 'rollback' : 'pause',
      whenUnsure: { waitMs: 1000, then: draw.pick(['advance', 'advance', 'ask', 'rollback'] as const) },
      watchMs: draw.pick([0, 3000, 4000]),
      keepOldMs: draw.whole(3, 15) * 1000,
      // Latency costs most of a judge's time, and is its own tests' business: now and then.
      judge: { checks: draw.chance(0.1) ? [] : [{ kind: 'error-rate', worseByPp: 5 }], warmUpMs: 0 },
    },
    door: { ...SPEC.door, drainMs: 1500, streamGraceMs: 1500 },
  };
}

/** One seed in seven; none of those that once found something is among them, so that they stay the stories that they were. */
const EARLY = { every: 7, at: 2 } as const;
/** A stream of its own: the rest of a seed's story is as without it. */
const EARLY_STREAM = 0x5eed;

/** With copies, a step for those who choose the candidate, or both, before the first share. */
export function withEarly(spec: ServiceSpec, seed: number): ServiceSpec {
  if (seed % EARLY.every !== EARLY.at) return spec;
  const draw = new Draw(seed + EARLY_STREAM);
  const forMs = draw.whole(1, 3) * 1000;
  const mirror: EarlyStage = {
    kind: 'mirror',
    sharePercent: draw.pick([10, 50, 100]),
    methods: ['GET', 'HEAD'],
    because: null,
    forMs,
  };
  const headerOnly: EarlyStage = { kind: 'header-only', requests: 20, maxErrorsPercent: 5, forMs };
  const early = draw.pick([[mirror], [mirror], [headerOnly], [mirror, headerOnly]]);
  const allow = { kind: 'networks', networks: ['10.0.0.0/8'] } as const;
  return {
    ...spec,
    policy: { ...spec.policy, early },
    door: { ...spec.door, override: { header: 'X-Version', allow } },
  };
}
