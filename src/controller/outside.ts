import type { Journal } from '../journal/journal.ts';
import { OperatingError } from '../lib/errors.ts';
import { withPath } from '../lib/upstream.ts';
import { configDigest } from '../release/digest.ts';
import type { Release } from '../release/release.ts';
import type { ReleaseSpec, ServiceSpec } from '../release/service.ts';
import { newRollout } from '../rollout/new-rollout.ts';
import { labelOf, type DeployRequest, type ServiceState } from '../rollout/state.ts';
import type { Ports } from './ports.ts';
import type { RolloutRecord } from './records.ts';

/** What somebody else runs: what served before Bascule came, and what stands in targets. */

/** The label of what is adopted. */
const CURRENT = 'current';
const RECORDS_LOOKED_AT = 200;

export function adoptedBy({ name, current }: ServiceSpec): ServiceState['adopted'] {
  return current === null ? null : { releaseId: `${name}/${CURRENT}`, at: current };
}

/** The record of what serves today. Errors: CURRENT_DOWN: nobody could be sent back to it. */
export async function adoptedRelease(
  ports: Ports,
  spec: ServiceSpec,
  createdBy: string,
): Promise<Release | null> {
  const adopted = adoptedBy(spec);
  if (adopted === null) return null;
  const { health } = spec.release;
  const found = await ports.probe(adopted.at, health);
  if (found !== null) {
    const asked = withPath(adopted.at, health.path);
    throw new OperatingError(
      'CURRENT_DOWN',
      `${asked} is to be adopted as what serves today, and is not healthy: ${found}. Nothing was started, nothing changed. Put "current" or "health" right, or take "current" out for a first version without a way back.`,
      { retryable: true },
    );
  }
  // What its successors are checked for is nothing that it was ever asked.
  const { verify: _successors, ...kept } = spec.release;
  const release: ReleaseSpec = { ...kept, run: null, build: null, env: {}, user: null };
  return {
    id: adopted.releaseId,
    service: spec.name,
    label: CURRENT,
    artifactDigest: null,
    configDigest: configDigest(release),
    environmentDigest: await ports.environmentDigest({}),
    spec: release,
    createdAtMs: ports.clock.nowMs(),
    createdBy,
  };
}

/**
 * Error: NOT_STANDING where something else was deployed to the slot since: it would be sent all users under another
 * version's name.
 */
export function assertStillStands(journal: Journal, state: ServiceState, request: DeployRequest): void {
  if (state.spec.targets === null) return;
  const { candidate } = newRollout(state, request, 0);
  const last = journal
    .documents({ kind: 'rollout', aggregate: state.service, limit: RECORDS_LOOKED_AT })
    .map(({ value }) => (value as unknown as RolloutRecord).rollout)
    .find((rollout) => rollout.candidate === candidate);
  if (last?.releaseId === request.releaseId) return;
  const { label } = request;
  const why =
    last === undefined
      ? 'nothing was ever deployed there'
      : `${labelOf(last.releaseId)} was the last one there`;
  throw new OperatingError(
    'NOT_STANDING',
    `${label} of ${state.service} does not stand in ${candidate}: ${why}, and Bascule runs neither. Nothing changed. Put ${label} there and run "bascule deploy ${state.service} --version ${label}".`,
    { retryable: false },
  );
}
