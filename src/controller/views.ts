import type { EarlyVerdict } from '../judge/early.ts';
import type { Verdict } from '../judge/verdict.ts';
import type { WatchVerdict } from '../judge/watch.ts';
import type { Step } from '../release/plan.ts';
import type { SlotName } from '../release/slot.ts';
import type { FailedRequest } from '../traffic/counts.ts';
import type { ForesightView } from './foresight-view.ts';
import type { Freeze, Lock } from '../rollout/guard.ts';
import type { Cause, Outcome, Phase, Slot } from '../rollout/state.ts';

/** Version of the shapes below; every JSON answer carries it as `schema`. */
export const VIEW_SCHEMA = 1;

/** Those that are about a rollout under way. */
export const ROLLOUT_ACTIONS = [
  'pause',
  'resume',
  'promote',
  'promote-full',
  'weight',
  'approve',
  'reject',
  'abort',
  'rollback',
] as const;
export const SERVICE_ACTIONS = [
  'deploy',
  'supersede',
  ...ROLLOUT_ACTIONS,
  'apply',
  'remove',
  'lock',
  'unlock',
  'unlock-force',
  'freeze',
  'unfreeze',
] as const;
/** `retry`: of a rollout that is over. */
export const ACTIONS = [...SERVICE_ACTIONS, 'retry'] as const;
export type Action = (typeof ACTIONS)[number];

/** `code` null: there would be nothing to do. */
export type RefusedAction = { readonly action: Action; readonly code: string | null; readonly why: string };

/** What whoever asks may do now, and of the rest why not. */
export type Actions = {
  readonly allowedActions: readonly Action[];
  readonly refusedActions: readonly RefusedAction[];
};

/** A service as people and programs see it: what users get, the rollout, and why it waits are separate. */
export type ServiceView = Actions & {
  readonly name: string;
  /** What users get right now, in one sentence: `100% on v42`, `75% on v42, 25% on v43`, `503: nothing serves`. */
  readonly users: string;
  readonly condition: 'serving' | 'degraded' | 'stable is down' | 'nothing serves';
  /** `http://127.0.0.1:8080`, with host and path. */
  readonly door: string;
  readonly stable: string | null;
  readonly slots: Readonly<Record<SlotName, SlotView>>;
  readonly rollout: RolloutView | null;
  /** The last one that ended. */
  readonly last: RolloutView | null;
  readonly lock: Lock | null;
  /** Those that are on: of this service, of all, of the server file. */
  readonly freezes: readonly Freeze[];
  /** Of its door. Absent: it has none, or another proxy sees to them. */
  readonly certificates?: readonly CertificateView[];
};

export type CertificateView = {
  /** Its file. */
  readonly file: string;
  /** Whom the one in use is for; empty for none in use. */
  readonly names: readonly string[];
  /** Until when the one in use is good, or null for none. */
  readonly notAfterMs: number | null;
  /** Why what the files hold now is not in use, or why one that was asked for is not there; or null. */
  readonly problem: string | null;
  /** The proxy asks an authority for it itself. */
  readonly isAskedFor?: true;
};

export type SlotView = {
  readonly role: Slot['role'];
  readonly label: string | null;
  readonly replicas: number;
  readonly healthy: number;
  /** Healthy ones that get no requests for a while, for what they answered. Absent for none. */
  readonly ejected?: number;
  /** Requests that wait for a replica. Absent for none. */
  readonly queued?: number;
  /** Every reserved address; the first `replicas` are in use. */
  readonly addresses: readonly string[];
  /** `http://127.0.0.1:8216`, where the slot is reached alone, or null where nothing asks for it. */
  readonly preview: string | null;
  readonly keptUntilMs: number | null;
};

/** A version that was made here, and whether it could be deployed again as it is. */
export type ReleaseView = {
  readonly label: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  /** Null where somebody else runs the service. */
  readonly artifactDigest: string | null;
  /** What it is in its slot now; null: it is in none. */
  readonly role: Slot['role'] | null;
  /** Its newest rollout; null: none that is remembered. */
  readonly last: {
    readonly rollout: string;
    readonly startedAtMs: number;
    /** Null: under way. */
    readonly outcome: Outcome | null;
  } | null;
  /** Whether what it is made of is still kept. */
  readonly isKept: boolean;
};

/** A rollout, under way or over, under its permanent id. */
export type RolloutView = Actions & {
  readonly id: string;
  readonly service: string;
  readonly purpose: 'deploy' | 'rollback';
  readonly label: string;
  readonly from: string | null;
  readonly actor: string;
  readonly strategy: 'canary' | 'blue-green';
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly phase: Phase | 'over';
  /** The delivery outcome; set as soon as it is certain (on the way back already). */
  readonly outcome: Outcome | null;
  readonly cause: Cause | null;
  /** One sentence with the numbers. */
  readonly reason: string | null;
  /** What a client that follows it exits with, or null while under way. */
  readonly exitCode: number | null;
  /** What people are asked to agree to now, and who did; null: nothing. */
  readonly approval: ApprovalView | null;
  /** Why it does not go on by itself, or null. */
  readonly waiting: string | null;
  readonly paused: boolean;
  readonly byHand: boolean;
  readonly sharePercent: number;
  readonly stepIndex: number;
  readonly steps: readonly StepView[];
  /** What comes next and when at the earliest, or null. */
  readonly next: string | null;
  /** The judge's last word, kept as long as the rollout. */
  readonly verdict: Verdict | null;
  /** The judge's word on what came before the first share, oldest first. Absent for none. */
  readonly early?: readonly EarlyView[];
  /** Counts since it began, by side: users' requests. */
  readonly traffic: { readonly stable: SideView; readonly candidate: SideView } | null;
};

/** What copies, or those who chose the candidate, showed: none of it is users' traffic. */
export type EarlyView = EarlyVerdict & {
  /** Copies, or requests that chose it, beside what they are held against. */
  readonly traffic: { readonly stable: SideView; readonly candidate: SideView };
};

export type ApprovalView = {
  /** `start`, or the share that it stands before: `50%`. */
  readonly before: string;
  /** So many people in all. */
  readonly need: number;
  /** Only these; null: everybody with a token of an operator. */
  readonly of: readonly string[] | null;
  readonly given: readonly { readonly by: string; readonly atMs: number; readonly reason: string | null }[];
};

export type StepView = {
  readonly kind: Step['kind'];
  /** `5%`, `ready`, `watch 5m`. */
  readonly label: string;
  readonly state: 'done' | 'now' | 'todo';
  /** Judged (or, before the first share, elapsed) seconds in it, while it is now. */
  readonly seconds: number | null;
  /** Least seconds it takes. */
  readonly atLeastSeconds: number | null;
};

export type SideView = {
  readonly requests: number;
  readonly failed: number;
  readonly errorPercent: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
};

/** Everything behind the decisions of a rollout, oldest first. */
export type WhyView = {
  readonly rollout: RolloutView;
  /** The decision in one sentence. */
  readonly sentence: string;
  /** The rule by which it ended, or null while it goes on. */
  readonly rule: string | null;
  /** What it was judged by. */
  readonly rules: readonly string[];
  /** Every share that it had, oldest first; `seconds` so far. */
  readonly shares: readonly {
    readonly sharePercent: number;
    /** What it was before the first share. Absent: a share. */
    readonly early?: 'mirror' | 'header-only';
    readonly fromMs: number;
    readonly seconds: number;
  }[];
  /** Seconds whose counts the proxy lost: they are in no number. */
  readonly gaps: readonly { readonly fromMs: number; readonly seconds: number }[];
  /** Of the time after 100 %, or null. */
  readonly watch: WatchVerdict | null;
  /** The first requests that failed on the candidate, at most ten. */
  readonly failed: readonly FailedView[];
  /** The newest second behind the verdict, and by which judge; null: nothing was judged. */
  readonly judged: { readonly toMs: number; readonly version: number } | null;
  readonly events: readonly EventView[];
  /** The end of the audit chain when this was read. */
  readonly chain: { readonly seq: number; readonly mac: string };
};

export type FailedView = Omit<FailedRequest, 'second' | 'slot'> & { readonly atMs: number };

export type EventView = {
  readonly seq: number;
  readonly atMs: number;
  readonly service: string;
  readonly rollout: string | null;
  readonly actor: string;
  readonly kind: string;
  readonly says: readonly string[];
};

export type PlanView = {
  /** `p-7f3a`, or null when the deploy would do nothing. */
  readonly id: string | null;
  readonly service: string;
  readonly label: string;
  readonly from: string | null;
  /** Lines for people: `+ start …`, `traffic …`, `judge …`. */
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
  /** What its judge could find in the traffic of now; null where nothing would be judged. */
  readonly foresight: ForesightView | null;
  /** Whether a deploy would change anything. */
  readonly changes: boolean;
  /** What stands in the way; a deploy would be refused. */
  readonly obstacles: readonly string[];
};

/** A steering verb's answer. `nothing`: it was so already. */
export type Answered = {
  readonly result: 'done' | 'nothing';
  readonly message: string;
  readonly service: ServiceView | null;
  readonly rollout: RolloutView | null;
};

/** A verb that somebody gave, and what came of it. */
export type AuditView = {
  readonly seq: number;
  readonly atMs: number;
  /** Null: all of them. */
  readonly service: string | null;
  readonly rollout: string | null;
  readonly actor: string;
  /** What the socket or the token gave; null where the record is older than the audit. */
  readonly role: string | null;
  /** The socket, or address and token: `operator.sock`, `192.0.2.7, token 1a2b3c4d`; null where the record is older. */
  readonly from: string | null;
  readonly verb: string;
  readonly result: 'done' | 'nothing' | 'refused';
  /** Of the refusal, or null. */
  readonly code: string | null;
  /** As it was given, or null. */
  readonly reason: string | null;
  readonly says: readonly string[];
};

export type AuditPage = {
  readonly entries: readonly AuditView[];
  /** To be given as `beforeSeq` for what is older; null: there is nothing older. */
  readonly before: number | null;
};

/** `fault` null: every record up to `head` is as it was written. */
export type ChainCheck = {
  readonly head: { readonly seq: number; readonly mac: string };
  readonly records: number;
  readonly fault: { readonly seq: number; readonly why: string } | null;
  /** Whether the announced record is still there to be compared with, or was pruned; null: none was given. */
  readonly compared: boolean | null;
};
