import { refused, type Answer } from './answer.ts';
import { otherSlot, type SlotName } from '../release/slot.ts';
import { labelOf, slotWithRole, type ServiceState } from './state.ts';

/** While stable is down, what is kept warm is what users get. */
export function standsIn({ slots }: ServiceState, kept: SlotName): boolean {
  return slots[kept].healthy > 0 && slots[otherSlot(kept)].healthy === 0;
}

/** A rollout takes the slot of what is kept: refused while that is what users get. Null when nothing is in the way. */
export function slotInUse(state: ServiceState): Answer | null {
  const kept = slotWithRole(state, 'kept');
  if (kept === null || !standsIn(state, kept)) return null;
  const { releaseId } = state.slots[kept];
  const stable = state.slots[otherSlot(kept)].releaseId;
  if (releaseId === null || stable === null) return null;
  const [warm, down] = [labelOf(releaseId), labelOf(stable)];
  return refused(
    'KEPT_SERVES',
    `${down} has no healthy replica, and users get ${warm} from the slot that this would empty; nothing was started. Go back to it first (bascule rollback ${state.service} ${warm}, at once), or mend ${down}.`,
  );
}
