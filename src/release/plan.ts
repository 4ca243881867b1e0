import { approvalSteps, type ApprovalStep } from './approval.ts';
import type { DoorSpec, JudgePolicy, Policy, ServiceSpec, Sticky, VerifyCheck } from './service.ts';

/** What a rollout does next, one after the other; the same words for both strategies. */
export type Step =
  /** Processes of the candidate are started in the free slot. */
  | { readonly kind: 'start' }
  /** Every replica of the candidate is healthy, as seen by the proxy. */
  | { readonly kind: 'ready' }
  /** The release's own checks hold on the candidate's preview address; without them it gets no traffic. */
  | { readonly kind: 'verify'; readonly checks: readonly VerifyCheck[] }
  /** Copies of a part of the requests, whose answers are thrown away; judged against what stable answered to the same ones. */
  | {
      readonly kind: 'mirror';
      readonly percent: number;
      /** In capitals. */
      readonly methods: readonly string[];
      /** Why methods other than GET and HEAD may be done twice, or null. */
      readonly because: string | null;
      readonly atLeastMs: number;
      readonly atMostMs: number;
    }
  /** Only requests that choose the candidate by this, in words, reach it. */
  | {
      readonly kind: 'header-only';
      readonly header: string;
      /** Fewer such requests say nothing. */
      readonly requests: number;
      /** Back when more of them failed. */
      readonly maxErrorsPercent: number;
      readonly atLeastMs: number;
      readonly atMostMs: number;
    }
  /** A share below 100 %, judged against stable. */
  | {
      readonly kind: 'share';
      readonly percent: number;
      /** Judged time that the step lasts in any case. */
      readonly atLeastMs: number;
      /** Judged time after which `whenUnsure` decides; never below `atLeastMs`. */
      readonly atMostMs: number;
      /** Whether `atLeastMs` was raised because it is the last step with a stable version to compare with. */
      readonly bake: boolean;
    }
  /** Waits for a person. */
  | { readonly kind: 'ask' }
  /** Waits for people who are known, never the one who started it. */
  | ApprovalStep
  /** 100 %: the candidate becomes stable. */
  | { readonly kind: 'full' }
  /** A breach still goes back by itself. */
  | { readonly kind: 'watch'; readonly forMs: number };

export type ShareStep = Extract<Step, { kind: 'share' }>;
/** Before the first share: users get stable. */
export type EarlyStep = Extract<Step, { kind: 'mirror' | 'header-only' }>;

export function isEarly(step: Step | undefined): step is EarlyStep {
  return step?.kind === 'mirror' || step?.kind === 'header-only';
}

/** Stored with its rollout, so that a later change of the configuration cannot alter one that runs. */
export type Plan = {
  readonly strategy: Policy['strategy'];
  readonly steps: readonly Step[];
  readonly sticky: Sticky;
  readonly judge: JudgePolicy;
  readonly whenWorse: Policy['whenWorse'];
  readonly whenUnsure: Policy['whenUnsure'];
  readonly keepOldMs: number;
  /** How long an `ask` waits for a person before it goes back to stable. */
  readonly askDeadlineMs: number;
  readonly readyWithinMs: number;
};

export type PlanContext = {
  /** Nothing serves yet: no stable version to compare with or to go back to. */
  readonly firstDeploy: boolean;
  /** The way back: `warm` when the release still stands in its slot, `cold` when it must be started again. */
  readonly rollback?: 'warm' | 'cold';
};

const ASK_DEADLINE_MS = 24 * 3_600_000;

export function planRollout(spec: ServiceSpec, context: PlanContext): Plan {
  const { policy } = spec;
  return {
    strategy: policy.strategy,
    steps: stepsOf(spec, context),
    sticky: policy.sticky,
    judge: policy.judge,
    whenWorse: policy.whenWorse,
    whenUnsure: policy.whenUnsure,
    keepOldMs: policy.keepOldMs,
    askDeadlineMs: ASK_DEADLINE_MS,
    readyWithinMs: spec.release.readyWithinMs,
  };
}

function stepsOf({ policy, release, door }: ServiceSpec, context: PlanContext): readonly Step[] {
  const checks = release.verify ?? [];
  const verify: Step[] = checks.length > 0 ? [{ kind: 'verify', checks }] : [];
  // What is still warm was verified when it came.
  const up: Step[] =
    context.rollback === 'warm' ? [{ kind: 'ready' }] : [{ kind: 'start' }, { kind: 'ready' }, ...verify];
  const agreed = approvalSteps(policy.approvals, 'start');
  const last = approvalSteps(policy.approvals, 100);
  if (context.firstDeploy) return [...up, ...agreed, ...last, { kind: 'full' }];
  const watch: Step[] = policy.watchMs > 0 ? [{ kind: 'watch', forMs: policy.watchMs }] : [];
  if (context.rollback !== undefined) return [...up, { kind: 'full' }, ...watch];
  const ask: Step[] = policy.askBeforeFull ? [{ kind: 'ask' }] : [];
  return [
    ...up,
    ...agreed,
    ...earlySteps(policy, door),
    ...shareSteps(policy),
    ...ask,
    ...last,
    { kind: 'full' },
    ...watch,
  ];
}

/** Each lasts as long as it says, and is undecided after the longest dwell. */
function earlySteps({ early = [], dwell }: Policy, door: DoorSpec): readonly EarlyStep[] {
  return early.map((stage) => {
    const times = { atLeastMs: stage.forMs, atMostMs: Math.max(stage.forMs, dwell.atMostMs) };
    if (stage.kind === 'mirror') {
      const { sharePercent: percent, methods, because } = stage;
      return { kind: 'mirror', percent, methods, because, ...times };
    }
    const { requests, maxErrorsPercent } = stage;
    return { kind: 'header-only', header: chosenBy(door), requests, maxErrorsPercent, ...times };
  });
}

/** By which words of the file requests come to the candidate before its first share. */
function chosenBy({ override, proxy }: DoorSpec): string {
  const isOpen = proxy.kind === 'builtin' && proxy.candidateFor !== undefined;
  return [
    ...(override === undefined ? [] : [override.header]),
    ...(isOpen ? ['what candidate-for names'] : []),
  ].join(' or ');
}

function shareSteps(policy: Policy): readonly Step[] {
  const below = policy.stepsPercent.filter((percent) => percent < 100);
  return below.flatMap((percent, index): readonly Step[] => {
    const { atLeastMs, atMostMs } = policy.dwell;
    const bake = index === below.length - 1 && policy.bakeMs > 0;
    const least = bake ? Math.max(atLeastMs, policy.bakeMs) : atLeastMs;
    const atMost = Math.max(atMostMs, least);
    const share: ShareStep = { kind: 'share', percent, atLeastMs: least, atMostMs: atMost, bake };
    return [...approvalSteps(policy.approvals, percent), share];
  });
}

/** Least time from the first traffic to the end, in seconds; starting the candidate comes on top. */
export function plannedSeconds(plan: Plan): number {
  let totalMs = 0;
  for (const step of plan.steps) {
    if (step.kind === 'share' || isEarly(step)) totalMs += step.atLeastMs;
    if (step.kind === 'watch') totalMs += step.forMs;
  }
  return totalMs / 1000;
}
