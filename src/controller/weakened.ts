import { OperatingError } from '../lib/errors.ts';
import { keepsApprovals } from '../release/approval.ts';
import type { ServiceSpec } from '../release/service.ts';
import type { ServiceState } from '../rollout/state.ts';
import type { Caller } from './controller.ts';

/**
 * Approvals stand in the file of the service, and whoever deploys sends that. So that nobody deploys their way around them,
 * taking one away, or asking for less, is for an admin. Error: APPROVALS_WEAKER.
 */
export function assertKeepsApprovals(state: ServiceState | null, spec: ServiceSpec, caller: Caller): void {
  if (state === null || caller.role === 'admin') return;
  if (keepsApprovals(state.spec.policy.approvals, spec.policy.approvals)) return;
  throw new OperatingError(
    'APPROVALS_WEAKER',
    `the file asks for fewer approvals than ${spec.name} has now, and that takes an admin; nothing changed. Put them back as "bascule config" showed them, or have an admin run "bascule apply".`,
    { retryable: false },
  );
}
