import type { Verdict } from '../judge/verdict.ts';
import type { DeployRequest, Ending, Rollout, ServiceState } from '../rollout/state.ts';
import { newRollout } from '../rollout/steps.ts';
import type { SideView } from './views.ts';

/** What stays of a rollout, under its permanent id; written with every event that changes it. */
export type RolloutRecord = {
  readonly rollout: Rollout;
  readonly ending: Ending | null;
  readonly endedAtMs: number | null;
  readonly verdict: Verdict | null;
  readonly traffic: { readonly stable: SideView; readonly candidate: SideView } | null;
};

export function recordOf(
  rollout: Rollout,
  ending: Ending | null,
  endedAtMs: number | null,
  evidence: Pick<RolloutRecord, 'verdict' | 'traffic'>,
): RolloutRecord {
  return { rollout, ending, endedAtMs, ...evidence };
}

const NO_EVIDENCE = { verdict: null, traffic: null };

/** A rollout that waits for another one to be gone has its record from the start, so that it can be followed. */
export function waitingRecords(
  before: ServiceState,
  after: ServiceState,
  atMs: number,
): readonly RolloutRecord[] {
  const waited = before.rollout?.next ?? null;
  const waits = after.rollout?.next ?? null;
  const records: RolloutRecord[] = [];
  if (waited !== null && waited.rollout !== waits?.rollout && waited.rollout !== after.rollout?.id) {
    const never = newRollout(before, { request: waited, candidate: before.rollout!.candidate, atMs });
    records.push(recordOf(never, neverBegan(waits, atMs), atMs, NO_EVIDENCE));
  }
  if (waits !== null && waits.rollout !== waited?.rollout) {
    const waiting = newRollout(after, { request: waits, candidate: after.rollout!.candidate, atMs });
    records.push(recordOf(waiting, null, null, NO_EVIDENCE));
  }
  return records;
}

function neverBegan(instead: DeployRequest | null, decidedAtMs: number): Ending {
  if (instead === null)
    return {
      outcome: 'aborted',
      cause: 'person',
      reason: 'aborted before it began',
      by: 'a person',
      decidedAtMs,
    };
  const reason = `superseded by ${instead.label} before it began`;
  return { outcome: 'superseded', cause: 'superseded', reason, by: instead.actor, decidedAtMs };
}
