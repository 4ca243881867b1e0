import type { Address } from '../lib/address.ts';
import type { Upstream } from '../lib/upstream.ts';
import { isEarly, type EarlyStep, type Plan, type Step } from '../release/plan.ts';
import type { ServiceSpec } from '../release/service.ts';
import type { SlotName } from '../release/slot.ts';
import type { Freeze, Hold, Lock } from './guard.ts';

/**
 * Everything that deciding about one service needs. Plain JSON; the journal keeps the latest one. Times are by the steady
 * clock (lib/clock.ts) but for those of locks and freezes.
 */
export type ServiceState = {
  readonly service: string;
  /** As last applied: door, scale, and the policy of the next rollout. */
  readonly spec: ServiceSpec;
  /** 128 random bits in hex, for the life of the service. */
  readonly salt: string;
  /** Reserved for what Bascule runs, or the targets of somebody else. `placesOf` says where a slot is reached. */
  readonly addresses: Readonly<Record<SlotName, readonly Upstream[]>>;
  /** What served before the first deploy and was adopted as stable, or null. */
  readonly adopted: { readonly releaseId: string; readonly at: Upstream } | null;
  /** Where each slot is reached alone, once that was needed; from then on for the life of the service. */
  readonly preview?: Previews;
  readonly slots: Readonly<Record<SlotName, Slot>>;
  readonly rollout: Rollout | null;
  readonly route: { readonly revision: number; readonly proven: boolean };
  /** Replicas are to change once the route that counts them is proven. */
  readonly scaling: boolean;
  readonly removing: boolean;
  /** Who alone may start and promote. Left out as long as nobody ever locked it; so are the freezes. */
  readonly lock?: Lock | null;
  /** Freezes by people on this service alone; those of the whole server come with each event. */
  readonly freezes?: readonly Freeze[];
  /** Numbers commands and stages; never reused. */
  readonly counter: number;
};

export type Previews = Readonly<Record<SlotName, Address>>;

export type Slot = {
  readonly role: 'free' | 'stable' | 'candidate' | 'kept' | 'leaving';
  readonly releaseId: string | null;
  /** Replicas that the runtime has started: 0 until then, so that no proxy chooses what is not there. */
  readonly replicas: number;
  /** Healthy replicas as the proxy last saw them. */
  readonly healthy: number;
  /** When, by the steady clock, a kept slot is given up, or null while its rollout goes on. */
  readonly keptUntilMs: number | null;
};

export const FREE_SLOT: Slot = { role: 'free', releaseId: null, replicas: 0, healthy: 0, keptUntilMs: null };

export type Phase =
  /** The slot is being emptied. */
  | 'clearing'
  /** The runtime prepares, builds and starts. */
  | 'starting'
  /** Every replica is to become healthy through the proxy. */
  | 'probing'
  /** Its own checks run on the preview address. Once they hold it is probing again, for a last look at its health. */
  | 'verifying'
  /** A route was commanded and is not proven yet. */
  | 'shifting'
  /** At a share, being judged. */
  | 'dwelling'
  /** Waits for a person. */
  | 'asking'
  /** At 100 %, the old version still warm. */
  | 'watching'
  /** All traffic is on its way back to stable; nothing stands before it. */
  | 'returning'
  /** Traffic is back; the candidate is drained and stopped. */
  | 'retiring';

export type Rollout = {
  readonly id: string;
  readonly purpose: 'deploy' | 'rollback';
  readonly releaseId: string;
  readonly label: string;
  readonly candidate: SlotName;
  /** What was stable when it began; null for a first deploy. */
  readonly from: { readonly slot: SlotName; readonly releaseId: string; readonly label: string } | null;
  readonly plan: Plan;
  /** 128 random bits in hex: this rollout's draw of people. */
  readonly seed: string;
  readonly actor: string;
  /** The actor is somebody, by a token. Absent: just says so. */
  readonly known?: true;
  /** Who agreed to what, oldest first. Absent: nobody yet. */
  readonly approvals?: readonly Approval[];
  readonly startedAtMs: number;
  readonly phase: Phase;
  /** Index in `plan.steps` of the step it is at. */
  readonly stepIndex: number;
  readonly stepSinceMs: number;
  /** Changes with every change of the share, so that counts are never laid to the wrong one. */
  readonly stage: number;
  /** Every share that was proven so far, oldest first: which seconds of counts belong to which. */
  readonly spans: readonly StageSpan[];
  /** The candidate's asked share. */
  readonly sharePercent: number;
  readonly promoted: boolean;
  /** Its checks held. Absent where they did not yet, or the plan has none. */
  readonly verified?: true;
  readonly paused: Pause | null;
  /** Freezes hold it where it is; goes by itself. */
  readonly held?: Hold | null;
  /** Why freezes do not hold it, or null. */
  readonly overridesFreeze?: string | null;
  /** The judge sees why it is no time to go on; goes by itself. Absent: it never did. */
  readonly judgeHolds?: boolean;
  /** The share was set by hand: statistical verdicts are advice until `resume`. */
  readonly byHand: boolean;
  /** Why it asks a person, or null. */
  readonly asks: string | null;
  /** Crash exits of candidate replicas before this stage, and in all. */
  readonly crashesBefore: number;
  readonly crashes: number;
  /** Second from which harm counts anew, because a person saw the verdict and went on; or null. */
  readonly overlookedUntil: number | null;
  /** Seconds whose counts are lost: never judged. Oldest first. */
  readonly lost: readonly SecondRange[];
  readonly ending: Ending | null;
  /** What comes after it: a deploy that supersedes it. */
  readonly next: DeployRequest | null;
};

/** `atMs` by the wall clock. */
export type Approval = {
  readonly stepIndex: number;
  readonly by: string;
  readonly atMs: number;
  readonly reason: string | null;
};

export type StageSpan = {
  readonly stage: number;
  readonly stepIndex: number;
  readonly sharePercent: number;
  /** What was judged before the first share. Absent: a share. */
  readonly early?: EarlyStep['kind'];
  /** First whole second with this share. */
  readonly fromSecond: number;
  /** Last one, or null while it goes on. */
  readonly toSecond: number | null;
};

export type SecondRange = { readonly fromSecond: number; readonly toSecond: number };

export type Pause = { readonly by: string; readonly atMs: number; readonly reason: string };

export type Ending = {
  readonly outcome: Outcome;
  /** What kind of reason: `harmful`, `severe`, `watch`, `gate`, `person`, ... */
  readonly cause: Cause;
  /** One sentence with the numbers. */
  readonly reason: string;
  readonly by: string;
  readonly decidedAtMs: number;
};

export type Outcome =
  | 'done'
  | 'rolled-back'
  | 'aborted'
  | 'undecided'
  | 'superseded'
  | 'never-ready'
  | 'unproven';

export type Cause =
  | 'promoted'
  | 'harmful'
  | 'severe'
  | 'watch'
  | 'route'
  | 'person'
  | 'unsure'
  | 'superseded'
  | 'start'
  | 'gate'
  | 'verify'
  | 'machine';

export type DeployRequest = {
  readonly rollout: string;
  readonly purpose: 'deploy' | 'rollback';
  readonly releaseId: string;
  readonly label: string;
  readonly plan: Plan;
  readonly seed: string;
  readonly actor: string;
  readonly known?: true;
  /** Said when it begins: what a person should know and nothing waits for. */
  readonly remark: string | null;
  /** Why it begins in spite of a freeze. */
  readonly override?: string | null;
};

export function stepOf(rollout: Rollout): Step | undefined {
  return rollout.plan.steps[rollout.stepIndex];
}

/** The part before the first share that it is in, or null: the candidate is there and users get stable. */
export function earlyStepOf(rollout: Rollout): EarlyStep | null {
  const step = stepOf(rollout);
  const isThere = ['shifting', 'dwelling', 'asking'].includes(rollout.phase) && rollout.ending === null;
  return isEarly(step) && isThere && rollout.sharePercent === 0 && !rollout.byHand ? step : null;
}

export function slotWithRole(state: ServiceState, role: Slot['role']): SlotName | null {
  if (state.slots.blue.role === role) return 'blue';
  return state.slots.green.role === role ? 'green' : null;
}

/** Where going back leads: the stable slot, or the warm former one while the new one is watched. */
export function wayBack(state: ServiceState): SlotName | null {
  const from = state.rollout?.from;
  if (from === undefined || from === null) return null;
  return ['stable', 'kept'].includes(state.slots[from.slot].role) ? from.slot : null;
}

/** Whether a person or a freeze keeps it from going on by itself. */
export function standsStill(rollout: Rollout): boolean {
  return rollout.paused !== null || (rollout.held ?? null) !== null;
}

/** Where each slot is reached alone: as long as the file asks for it, or the rollout under way is checked there. */
export function previewOf({ spec, rollout, preview }: ServiceState): Previews | null {
  const isChecked = rollout?.plan.steps.some((step) => step.kind === 'verify') === true;
  const isAsked = spec.door.preview === true || (spec.release.verify ?? []).length > 0;
  return isAsked || isChecked ? (preview ?? null) : null;
}

/** The span of the present stage, or null while its route is not proven. */
export function spanOf(rollout: Rollout): StageSpan | null {
  const last = rollout.spans.at(-1);
  return last !== undefined && last.stage === rollout.stage && last.toSecond === null ? last : null;
}

/** The label of a release id (`shop/v42` -> `v42`). */
export function labelOf(releaseId: string): string {
  return releaseId.slice(releaseId.indexOf('/') + 1);
}
