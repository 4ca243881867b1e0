import type { Verdict } from '../judge/verdict.ts';
import type { Ending, Rollout } from '../rollout/state.ts';
import type { SideView } from './views.ts';

/** What stays of a rollout, under its permanent id; written with every event that changes it. */
export type RolloutRecord = {
  readonly rollout: Rollout;
  readonly ending: Ending | null;
  /** By the wall clock of when this was written, so that history is never moved by a clock that is set. */
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly verdict: Verdict | null;
  readonly traffic: { readonly stable: SideView; readonly candidate: SideView } | null;
};

/** What a wall clock that was never set would have said at that time of the steady one. */
export function wallOf(steadyMs: number, now: { readonly atMs: number; readonly wallMs: number }): number {
  return steadyMs - now.atMs + now.wallMs;
}

export function recordOf(
  rollout: Rollout,
  ending: Ending | null,
  now: { readonly atMs: number; readonly wallMs: number },
  evidence: Pick<RolloutRecord, 'verdict' | 'traffic'>,
): RolloutRecord {
  const startedAtMs = wallOf(rollout.startedAtMs, now);
  return { rollout, ending, startedAtMs, endedAtMs: ending === null ? null : now.wallMs, ...evidence };
}
