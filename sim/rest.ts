import { SLOT_NAMES } from '../src/release/slot.ts';
import type { SimWorld } from './world.ts';

/** Longest back-offs (a crashed replica's, and of a stable version that did not start) are over by then. */
const RESTS_MS = 75_000;

/** Waits until nothing is on its way any more, and looks whether everything is as the records say. */
export async function restRight(world: SimWorld): Promise<void> {
  const until = world.time.monotonicMs + RESTS_MS;
  do {
    await world.until(() => isSound(world), RESTS_MS);
    await world.pass(1500);
  } while (!isSound(world) && world.time.monotonicMs < until && world.audit.breaches.length === 0);
  if (world.audit.breaches.length === 0) world.audit.atRest();
}

/**
 * The controller looks at what is at rest every two seconds: until then it goes by what it saw last, and rightly refuses to
 * empty the slot of what stood in.
 */
function isSound(world: SimWorld): boolean {
  return [...world.live.values()].every(
    ({ slots, service, route, removing, spec }) =>
      route.proven &&
      !removing &&
      SLOT_NAMES.every(
        (slot) =>
          slots[slot].role === 'free' ||
          (slots[slot].role !== 'leaving' &&
            slots[slot].healthy === spec.scale.replicas &&
            world.proxy.healthyIn(service, slot) === spec.scale.replicas &&
            world.machine.slots.get(`${service}/${slot}`)?.processes.length === spec.scale.replicas),
      ),
  );
}
