import { stepOf, type Rollout, type ServiceState } from '../rollout/state.ts';
import type { Ports } from './ports.ts';
import type { RolloutRecord } from './records.ts';

type Records = Pick<Ports, 'journal'>;

/** More than are kept. */
const ALL = 10_000;

/** Whether nobody ever got this release, and it is in no slot and no rollout: no way back leads there, so its label is free. */
export function isUnseen({ journal }: Records, state: ServiceState, releaseId: string): boolean {
  const { service, slots, rollout } = state;
  const used = [slots.blue.releaseId, slots.green.releaseId, rollout?.releaseId, rollout?.next?.releaseId];
  if (used.includes(releaseId)) return false;
  const tried = journal
    .documents({ kind: 'rollout', aggregate: service, limit: ALL })
    .map(({ value }) => (value as unknown as RolloutRecord).rollout)
    .filter((one) => one.releaseId === releaseId);
  return tried.length > 0 && tried.every(isUnserved);
}

/** It ended before a share was asked for. */
function isUnserved(rollout: Rollout): boolean {
  const step = stepOf(rollout)?.kind;
  return rollout.spans.length === 0 && (step === 'start' || step === 'ready' || step === 'verify');
}

/** Forgets the releases of a service of this name that was removed: labels begin anew. Its rollouts stay for the history. */
export function forgetFormer({ journal }: Records, service: string): void {
  const documents = journal
    .documents({ kind: 'release', aggregate: service, limit: ALL })
    .map(({ key }) => ({ kind: 'release', key }));
  if (documents.length > 0) journal.prune({ eventsUpToSeq: 0, documents });
}
