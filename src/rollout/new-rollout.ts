import { assert } from '../lib/assert.ts';
import { otherSlot, type SlotName } from '../release/slot.ts';
import { labelOf, slotWithRole, type DeployRequest, type Rollout, type ServiceState } from './state.ts';

/** The rollout that a request becomes in this state, before its first step. */
export function newRollout(state: ServiceState, request: DeployRequest, atMs: number): Rollout {
  const stable = slotWithRole(state, 'stable');
  return {
    id: request.rollout,
    purpose: request.purpose,
    releaseId: request.releaseId,
    label: request.label,
    candidate: warmSlotOf(state, request) ?? (stable === null ? freeSlot(state) : otherSlot(stable)),
    from: stable === null ? null : fromOf(state, stable),
    plan: request.plan,
    seed: request.seed,
    actor: request.actor,
    ...(request.known === true && { known: true as const }),
    startedAtMs: atMs,
    phase: 'clearing',
    stepIndex: 0,
    stepSinceMs: atMs,
    stage: state.counter,
    spans: [],
    sharePercent: 0,
    promoted: false,
    paused: null,
    ...(request.override !== undefined && { overridesFreeze: request.override }),
    byHand: false,
    asks: null,
    crashesBefore: 0,
    crashes: 0,
    overlookedUntil: null,
    lost: [],
    ending: null,
    next: null,
  };
}

/** Where the release of a way back still stands. */
export function warmSlotOf(state: ServiceState, request: DeployRequest): SlotName | null {
  if (request.purpose !== 'rollback') return null;
  const kept = slotWithRole(state, 'kept');
  return kept !== null && state.slots[kept].releaseId === request.releaseId ? kept : null;
}

function fromOf(state: ServiceState, slot: SlotName): Rollout['from'] {
  const { releaseId } = state.slots[slot];
  assert(releaseId !== null, `stable slot ${slot} of ${state.service} has no release`);
  return { slot, releaseId, label: labelOf(releaseId) };
}

function freeSlot(state: ServiceState): SlotName {
  return state.slots.blue.role === 'free' ? 'blue' : 'green';
}
