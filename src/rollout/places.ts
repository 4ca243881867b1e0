import type { Upstream } from '../lib/upstream.ts';
import type { SlotName } from '../release/slot.ts';
import type { ServiceState } from './state.ts';

/** Where the release in a slot is reached. What was adopted stays where it is, in whichever slot it counts. */
export function placesOf({ adopted, slots, addresses }: ServiceState, slot: SlotName): readonly Upstream[] {
  return adopted !== null && slots[slot].releaseId === adopted.releaseId ? [adopted.at] : addresses[slot];
}

/** How many replicas the release in a slot is to have. */
export function replicasFor(state: ServiceState, slot: SlotName): number {
  const places = placesOf(state, slot).length;
  return state.spec.targets === null ? Math.min(state.spec.scale.replicas, places) : places;
}

/** Whether somebody else runs it, so that Bascule neither starts nor stops it. */
export function isOutside({ spec, adopted }: ServiceState, releaseId: string): boolean {
  return spec.targets !== null || adopted?.releaseId === releaseId;
}
