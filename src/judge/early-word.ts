import type { EarlyStep } from '../release/plan.ts';
import type { JudgePolicy } from '../release/service.ts';
import type { SlotName } from '../release/slot.ts';
import type { ReplicaSecond } from '../traffic/counts.ts';
import type { ApartCounts } from '../traffic/counts-row.ts';
import type { CheckResult } from './describe.ts';
import type { Look } from './rule.ts';

/** What the judge before the first share is asked, and what it says. */

export type EarlyConfig<S extends EarlyStep = EarlyStep> = {
  readonly step: S;
  readonly policy: JudgePolicy;
  readonly stable: SlotName;
  readonly candidate: SlotName;
  /** Stable's seconds before, as in JudgeConfig. */
  readonly baselineBefore: readonly ReplicaSecond[];
};

export type EarlySecond = {
  readonly second: number;
  /** Users' traffic. */
  readonly replicas: readonly ReplicaSecond[];
  readonly apart: ApartCounts;
};

/** The word on a step before the first share: what a rollout goes by. */
export type EarlyWord = {
  readonly overall: 'harmful' | 'severe' | 'safe' | 'quiet' | 'suspicious' | 'undecided' | 'no-data';
  /** One sentence with the numbers. */
  readonly reason: string;
  /** Why it is no time to go on, or null. */
  readonly hold: string | null;
  readonly seconds: number;
  /** Copies, or requests that chose the candidate. */
  readonly candidateRequests: number;
  /** What they are held against. */
  readonly stableRequests: number;
  /** Copies that were due and not sent; always 0 where none are made. */
  readonly dropped: number;
};

/** The rest of it, for whoever looks. */
export type EarlyResults = {
  readonly checks: readonly CheckResult[];
  /** What a judge other than the bets found. */
  readonly looks: readonly Look[];
};
