import type { Verdict } from '../judge/verdict.ts';
import type { Ending, Rollout } from '../rollout/state.ts';
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
