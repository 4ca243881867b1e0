import type { Asker } from './allowed.ts';
import type { EarlyVerdict } from '../judge/early.ts';
import type { Verdict } from '../judge/verdict.ts';
import type { WatchVerdict } from '../judge/watch.ts';
import type { RolloutView, SideView } from './views.ts';

/** A recorded rollout, judged once more. */
export type JudgeView = {
  readonly rollout: RolloutView;
  /** What the rules would have done, and what was done, in one sentence. */
  readonly sentence: string;
  /** `recorded`: its own; `today`: what the service has now; `changed`: one of them with changes. */
  readonly rules: {
    readonly which: 'recorded' | 'today' | 'changed';
    readonly lines: readonly string[];
    /** Whether they are those that it was judged by then. */
    readonly same: boolean;
  };
  /** Whether all that was recorded came out again, bit for bit; null: other rules, or nothing recorded to compare with. */
  readonly sameVerdict: boolean | null;
  /** Recorded words of the judge that were compared. */
  readonly compared: number;
  readonly different: readonly { readonly recorded: string; readonly replayed: string }[];
  /** Of the judge: then (null: not recorded), and now. */
  readonly judge: { readonly recorded: number | null; readonly now: number };
  readonly stages: readonly JudgedStage[];
  readonly verdict: Verdict | null;
  readonly traffic: { readonly stable: SideView; readonly candidate: SideView } | null;
  readonly watch: WatchVerdict | null;
  readonly seconds: {
    readonly fromMs: number;
    readonly toMs: number;
    readonly judged: number;
    /** Whose counts the proxy lost. */
    readonly lost: number;
  };
};

/** One share of the past under the rules. */
export type JudgedStage = {
  readonly sharePercent: number;
  readonly fromMs: number;
  readonly judgedSeconds: number;
  readonly verdict: Verdict | null;
  /** The last word of a part before the first share. Absent elsewhere. */
  readonly early?: EarlyVerdict;
  /** The first thing that the rules would have done in it; null: wait, to its end. */
  readonly would: {
    readonly act: 'advance' | 'ask' | 'pause' | 'rollback' | 'done';
    readonly afterSeconds: number;
    readonly candidateRequests: number;
    readonly reason: string | null;
  } | null;
};

export type JudgeQuery = {
  readonly rules: 'today' | 'recorded';
  /** `error-rate=2pp`, on top of the rules. */
  readonly changes: readonly string[];
  /** Whose actions its rollout has. */
  readonly asker?: Asker;
};
