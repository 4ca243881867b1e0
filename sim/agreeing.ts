import type { ServiceSpec } from '../src/release/service.ts';
import { approvalNow } from '../src/rollout/agreement.ts';
import type { Rollout } from '../src/rollout/state.ts';
import { Draw } from './draw.ts';
import { SERVICE } from './spec.ts';
import type { SimWorld } from './world.ts';

/** Seeds from here on, every fourth: what was found with a seed below is found with it again. */
const FIRST_SEED = 5000;
const LOOK_MS = 700;
const OTHERS = ['ben', 'cleo', 'dee'] as const;

export function isAgreed(seed: number): boolean {
  return seed >= FIRST_SEED && seed % 4 === 0;
}

/** Whoever starts it is not known: one more than this is needed. */
export function withApprovals(spec: ServiceSpec): ServiceSpec {
  const approvals = [
    { before: 'start' as const, need: 1, of: null },
    { before: 100, need: 1, of: [...OTHERS] },
  ];
  return { ...spec, policy: { ...spec.policy, approvals } };
}

/** Others look now and then, and agree to what waits for them; by draws of their own, so that all else stays as it is. */
export function agreeNowAndThen(world: SimWorld, seed: number): void {
  const draw = new Draw(seed ^ 0x5bd1_e995);
  const look = (): void => {
    const rollout = world.live.get(SERVICE)?.rollout ?? null;
    if (world.isAlive && rollout !== null && approvalNow(rollout) !== null) {
      const actor = draw.pick(OTHERS);
      const ask = { service: SERVICE, rollout: rollout.id, step: rollout.stepIndex, reason: null };
      world.tell(() => `> approve (${actor})`);
      world.controller.guard
        .approve(ask, { actor, role: 'operator', verified: true })
        .catch((error: unknown) => world.audit.mustBeTheWorlds(error));
    }
    world.time.at(LOOK_MS, look);
  };
  world.time.at(LOOK_MS, look);
}

/** A person who agreed twice, or to their own, or too few: held against what is recorded, whatever the transition thinks. */
export function agreementBreached(is: Rollout | null, was: number): string | null {
  if (is === null || is.ending !== null || is.sharePercent <= was) return null;
  for (const [index, step] of is.plan.steps.entries()) {
    if (step.kind !== 'approval' || index >= is.stepIndex) continue;
    const people = new Set(
      (is.approvals ?? []).filter(({ stepIndex }) => stepIndex === index).map(({ by }) => by),
    );
    people.delete(is.actor);
    if (people.size < step.need + (is.known === true ? 0 : 1))
      return `the share of ${is.label} grows, and only ${people.size} people agreed before step ${index}`;
  }
  return null;
}
