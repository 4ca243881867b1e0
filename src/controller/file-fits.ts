import { OperatingError } from '../lib/errors.ts';
import type { ServiceSpec } from '../release/service.ts';
import { slotWithRole, type ServiceState } from '../rollout/state.ts';
import { differences } from './differences.ts';

/** Error: DOOR_DIFFERS: a deploy changes no door and no scale. */
export function assertSameDoor(state: ServiceState, spec: ServiceSpec): void {
  // Nobody was served by the door yet: the file's own is taken.
  const neverServed = slotWithRole(state, 'stable') === null && state.rollout === null;
  if (neverServed) return assertScaleFits(state, spec);
  const differs = differences(state.spec, spec)
    .filter(({ part }) => part === 'door')
    .map(({ line }) => line);
  if (differs.length === 0) return;
  throw new OperatingError(
    'DOOR_DIFFERS',
    `the file differs from what is applied to ${state.service}; nothing was started, nothing changed: ${differs.join(', ')}. A deploy changes no door and no scale: run "bascule apply ${state.service}" first, or put the file right.`,
    { retryable: false },
  );
}

/** Error: SCALE_ABOVE_RESERVED. */
export function assertScaleFits(state: ServiceState, spec: ServiceSpec): void {
  const reserved = state.addresses.blue.length;
  if (spec.targets !== null || spec.scale.replicas <= reserved) return;
  throw new OperatingError(
    'SCALE_ABOVE_RESERVED',
    `${spec.name} has ${reserved} addresses per slot, reserved when it was first deployed; ${spec.scale.replicas} replicas do not fit. Nothing was applied.`,
    { retryable: false },
  );
}
