import type { JudgePolicy } from '../release/service.ts';
import type { SlotName } from '../release/slot.ts';
import type { IdentitySecond, ReplicaSecond } from '../traffic/counts.ts';
import type { JudgedCheck } from './checks.ts';
import type { Dispersion } from './dispersion.ts';
import type { Harm } from './harm.ts';
import type { Incident } from './incident.ts';
import type { Ladder } from './ladder.ts';
import type { DecayedHistogram } from './latency.ts';
import type { MeasuredPoint } from './measured.ts';
import type { MeasureState } from './measures.ts';
import type { Mixture } from './mixture.ts';
import type { RuleState } from './rule.ts';
import type { Severe } from './severe.ts';

export type JudgeConfig = {
  readonly policy: JudgePolicy;
  /** What is counted: `identity` where people stick to a version, else `request`. */
  readonly unit: Unit;
  readonly stable: SlotName;
  readonly candidate: SlotName;
  /** Seconds that the steps below 100 % will take at most, to spread the starting times of bets over. At least 1. */
  readonly plannedSeconds: number;
  /** Stable's seconds before the rollout, in order, up to ten minutes: latency lines, φ, τ and the severe rule learn from them. */
  readonly baselineBefore: readonly ReplicaSecond[];
  /** The part of the rollout's false alarms that is left for this judge. Absent: all of it. */
  readonly alphaPart?: number;
};

export type Unit = 'request' | 'identity';

/** One closed second of both slots, in order; silent seconds too. */
export type JudgedSecond = {
  readonly second: number;
  readonly stepIndex: number;
  /** The share that was asked for during this second, 0 to 100. */
  readonly askedSharePercent: number;
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
  /** Values of measures that came in during this second. Absent for none. */
  readonly measured?: readonly MeasuredPoint[];
};

/** Everything that the judge knows: plain JSON, bounded, rebuilt at any time by folding the recorded seconds again. */
export type JudgeState = {
  readonly unit: Unit;
  readonly stable: SlotName;
  readonly candidate: SlotName;
  readonly plannedSeconds: number;
  readonly warmUpSeconds: number;
  /** Seconds judged so far at shares between 0 and 100 %, over all steps. */
  readonly judgedSeconds: number;
  /** Steps entered so far. */
  readonly stepsEntered: number;
  /** Seconds since the candidate's first request, or null before it. */
  readonly candidateAge: number | null;
  /** ln of the evidence that goes back. */
  readonly harmLogLimit: number;
  /** Highest replica index seen plus one. */
  readonly replicas: { readonly candidate: number; readonly stable: number };
  readonly step: StepState;
  readonly checks: readonly CheckState[];
  /** What is measured elsewhere, in the order of the file. */
  readonly measures: readonly MeasureState[];
  readonly latency: LatencyState;
  readonly settling: Settling;
  readonly severe: Severe;
  readonly incident: Incident;
  /** What decides in place of the bets; then there are no checks. Null: the bets. */
  readonly rule: RuleState | null;
  /** Set once, when the evidence against the candidate reached its limit. */
  readonly harm: HarmFound | null;
};

export type HarmFound = { readonly second: number; readonly check: string; readonly reason: string };

/** Counts since the step began. A step begins anew when its index or its asked share changes. */
export type StepState = {
  /** -1 before the first. */
  readonly index: number;
  readonly askedPercent: number;
  /** The share before this step, for the second in which it changed. */
  readonly formerPercent: number;
  readonly seconds: number;
  /** Final answers, by which a request counts once. */
  readonly requests: SidePair;
  /** Judged units: attempts without client aborts, or newly active identities. */
  readonly units: SidePair;
  /** What the draw gave each side, for the test of the split: identities or requests. */
  readonly drawn: SidePair;
};

export type SidePair = readonly [candidate: number, stable: number];

export type CheckState = {
  readonly check: JudgedCheck;
  /** Over the whole rollout. */
  readonly harm: Harm;
  /** Since the step began, for required checks. */
  readonly safe: Mixture;
  readonly dispersion: Dispersion;
  /** A line's fine bucket on stable, or null before there was one (always null for rates). */
  readonly line: number | null;
  /** Bounds over shifts, for lines whose interval is shown. */
  readonly ladder: Ladder | null;
  readonly counts: CheckCounts;
};

export type CheckCounts = {
  /** Events and units since the step began. */
  readonly step: EventCounts;
  /** Rates and the tail, of the finished steps: Σ x·n_b/n, Σ y·n_c/n, Σ n_c·n_b/n, so that shares that changed cannot mix up the rates. */
  readonly strata: readonly [candidate: number, stable: number, weight: number];
  /** Lines: since the harm evidence (re)started. */
  readonly bet: EventCounts;
  /** Rates: of about the last minute (half-life 60 s), for values shown when things changed within the step. */
  readonly recent: EventCounts;
};

export type EventCounts = readonly [x: number, y: number, candidateUnits: number, stableUnits: number];

export const NO_EVENTS: EventCounts = [0, 0, 0, 0];

export type LatencyState = {
  readonly stable: DecayedHistogram;
  readonly candidate: DecayedHistogram;
  /** Seconds learned from stable, for the rhythm in which lines are recomputed. */
  readonly learned: number;
};

/** A new process is slow at first: what latency alone finds in the first minute must be found twice. */
export type Settling = {
  /** Where latency alone crossed for the first time, and by how much of the units; null while it has not. */
  readonly first: { readonly check: string; readonly effect: number } | null;
  /** Age of the candidate in seconds up to which latency is not judged. */
  readonly mutedUntilAge: number;
};
