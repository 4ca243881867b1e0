import type { Verdict } from '../judge/verdict.ts';
import type { WatchVerdict } from '../judge/watch.ts';
import type { Ending, Rollout } from '../rollout/state.ts';
import type { FailedRequest } from '../traffic/counts.ts';
import type { EarlyView, SideView } from './views.ts';

/** What the judge knew of a rollout when its record was written. */
export type Evidence = {
  /** Of what came before the first share, oldest first. Absent for none. */
  readonly early?: readonly EarlyView[];
  readonly verdict: Verdict | null;
  readonly traffic: { readonly stable: SideView; readonly candidate: SideView } | null;
  /** Of the time after 100 %. Absent in older records, as is the next one. */
  readonly watch?: WatchVerdict | null;
  /** The newest second behind it, and by which judge (judge/version.ts): what is needed to judge it again. */
  readonly judged?: { readonly toSecond: number; readonly version: number } | null;
  /** The first requests that failed on the candidate. */
  readonly failed?: readonly FailedRequest[];
};

export const NO_EVIDENCE: Evidence = { verdict: null, traffic: null };

/** What stays of a rollout, under its permanent id; written with every event that changes it. */
export type RolloutRecord = Evidence & {
  readonly rollout: Rollout;
  readonly ending: Ending | null;
  /** By the wall clock of when this was written, so that history is never moved by a clock that is set. */
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
};

/** What a wall clock that was never set would have said at that time of the steady one. */
export function wallOf(steadyMs: number, now: { readonly atMs: number; readonly wallMs: number }): number {
  return steadyMs - now.atMs + now.wallMs;
}

export function recordOf(
  rollout: Rollout,
  ending: Ending | null,
  now: { readonly atMs: number; readonly wallMs: number },
  evidence: Evidence,
): RolloutRecord {
  const startedAtMs = wallOf(rollout.startedAtMs, now);
  return { rollout, ending, startedAtMs, endedAtMs: ending === null ? null : now.wallMs, ...evidence };
}

/** The evidence as a record holds it. */
export function evidenceOf(record: RolloutRecord): Evidence {
  const {
    rollout: _rollout,
    ending: _ending,
    startedAtMs: _started,
    endedAtMs: _ended,
    ...evidence
  } = record;
  return evidence;
}

/** A second of the steady clock as a wall clock that was never set would have said it. */
export function wallOfSecond(
  record: RolloutRecord,
  second: number,
  now: { readonly atMs: number; readonly wallMs: number },
): number {
  if (record.endedAtMs === null) return wallOf(second * 1000, now);
  return second * 1000 - record.rollout.startedAtMs + record.startedAtMs;
}

/** The service of a rollout: its release is named after it. */
export function serviceOf({ releaseId }: Pick<Rollout, 'releaseId'>): string {
  return releaseId.slice(0, releaseId.indexOf('/'));
}
