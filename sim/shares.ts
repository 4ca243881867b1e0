import type { Plan } from '../src/release/plan.ts';
import type { ServiceState } from '../src/rollout/state.ts';
import type { Route } from '../src/traffic/router.ts';
import type { Watched } from './audit.ts';
import type { Memory } from './memory.ts';

type Grown = {
  share: number;
  sinceMs: number;
  readonly disturbances: number;
  readonly typed: { promote: number; full: number; resume: number };
  readonly weightsFrom: number;
};

/** The candidate's share as the proxy has it: it grows by planned steps, each as long as planned, or because a person says so. */
export class Shares {
  readonly #world: Watched;
  readonly #memory: Memory;
  readonly #breach: (what: string) => void;
  readonly #rollouts = new Map<string, Grown>();

  constructor(world: Watched, memory: Memory, breach: (what: string) => void) {
    this.#world = world;
    this.#memory = memory;
    this.#breach = breach;
  }

  grew(state: ServiceState, after: Route): void {
    const { rollout } = state;
    if (rollout === null) return;
    const { monotonicMs } = this.#world.time;
    const share = shareOf(after, state);
    const grown = this.#rollouts.get(rollout.id) ?? this.#begun();
    this.#rollouts.set(rollout.id, grown);
    // What a proxy lost and was given again has not grown.
    const was = grown.share;
    if (share > was && rollout.ending === null) {
      const why = this.#whyNot(rollout.plan, { grown, share, was });
      if (why !== null) this.#breach(`the share of ${rollout.label} grows from ${was}% to ${share}%: ${why}`);
      const heldAt = this.#memory.held.get(rollout.id);
      if (heldAt !== undefined && after.revision > heldAt)
        this.#breach(`the share of ${rollout.label} grows from ${was}% to ${share}%, and it is paused`);
    }
    if (share !== grown.share) {
      grown.share = share;
      grown.sinceMs = monotonicMs;
    }
  }

  #begun(): Grown {
    const { typed, disturbances, weights } = this.#memory;
    return {
      share: 0,
      sinceMs: this.#world.time.monotonicMs,
      disturbances,
      typed: {
        promote: typed.get('promote') ?? 0,
        full: typed.get('promote-full') ?? 0,
        resume: typed.get('resume') ?? 0,
      },
      weightsFrom: weights.length,
    };
  }

  /** Null when it may grow. */
  #whyNot(
    plan: Plan,
    { grown, share, was }: { readonly grown: Grown; readonly share: number; readonly was: number },
  ): string | null {
    const { typed, weights, disturbances } = this.#memory;
    const asked = weights.slice(grown.weightsFrom).some(({ percent }) => percent === share);
    const full = share === 100 && (typed.get('promote-full') ?? 0) > grown.typed.full;
    if (asked || full) return null;
    const planned = plan.steps.flatMap((step) =>
      step.kind === 'share' ? [step.percent] : step.kind === 'full' ? [100] : [],
    );
    const promoted = (typed.get('promote') ?? 0) > grown.typed.promote;
    const byPerson = promoted || (typed.get('resume') ?? 0) > grown.typed.resume;
    if (share !== planned.find((percent) => percent > was) && !(promoted && planned.includes(share)))
      return `the plan says ${planned.join(', ')}`;
    if (was === 0 || byPerson || weights.length > grown.weightsFrom || disturbances > grown.disturbances)
      return null;
    const step = plan.steps.find((one) => one.kind === 'share' && one.percent === was);
    const least = step?.kind === 'share' ? step.atLeastMs : 0;
    const forMs = this.#world.time.monotonicMs - grown.sinceMs;
    if (plan.steps.some((one) => one.kind === 'ask') && share === 100) return 'a person was to be asked';
    return forMs < least ? `after ${forMs} ms at ${was}%, ${least} were planned` : null;
  }
}

/** The candidate's share of the users as a route asks for it. */
function shareOf(route: Route, state: ServiceState): number {
  const candidate = state.rollout?.candidate;
  if (candidate === undefined) return 0;
  if (route.serve === candidate) return 100;
  return route.split?.slot === candidate ? route.split.sharePercent : 0;
}
