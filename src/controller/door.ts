import type { Release } from '../release/release.ts';
import type { SlotName } from '../release/slot.ts';
import { placesOf } from '../rollout/places.ts';
import { previewOf, type ServiceState } from '../rollout/state.ts';
import type { Door } from '../traffic/router.ts';

/** The door as the proxy is to have it: each slot is probed as its own release asks. */
export function doorOf(state: ServiceState, release: (id: string) => Release | null): Door {
  const healthOf = (slot: SlotName) => {
    const { releaseId } = state.slots[slot];
    return (releaseId === null ? null : release(releaseId))?.spec.health ?? state.spec.release.health;
  };
  return {
    service: state.service,
    spec: state.spec.door,
    health: { blue: healthOf('blue'), green: healthOf('green') },
    sticky: state.rollout?.plan.sticky ?? state.spec.policy.sticky,
    salt: state.salt,
    slots: { blue: placesOf(state, 'blue'), green: placesOf(state, 'green') },
    preview: previewOf(state),
  };
}
