import { assert } from '../lib/assert.ts';
import {
  earlySecond,
  earlyVerdict,
  forgetEarlyHarm,
  startEarly,
  type EarlyState,
  type EarlyVerdict,
} from '../judge/early.ts';
import { MIRROR_ALPHA_PART } from '../judge/early-mirrored.ts';
import { forgetHarm, judgeSecond, startJudge, takeMeasured } from '../judge/judge.ts';
import type { JudgeConfig, JudgeState } from '../judge/state.ts';
import { verdictOf, wordOf, type Verdict, type Word } from '../judge/verdict.ts';
import { JUDGE_VERSION } from '../judge/version.ts';
import { startWatch, watchSecond, watchVerdict, type WatchState } from '../judge/watch.ts';
import { isEarly, plannedSeconds } from '../release/plan.ts';
import type { Rollout, StageSpan } from '../rollout/state.ts';
import type { MeasuredPoint } from '../metrics/measured.ts';
import type { ReplicaSecond } from '../traffic/counts.ts';
import type { ApartCounts } from '../traffic/counts-row.ts';
import type { Evidence } from './records.ts';
import type { Ring } from './ring.ts';
import { addTo, newSides, type Sides } from './sides.ts';

/** Stable's seconds before the rollout, and before the switch, that a comparison may look at. */
export const BASELINE_SECONDS = 600;

/** Seconds of traffic, the newest ones at least as far back as a baseline goes. */
export type Past = Pick<Ring, 'second' | 'replicas'>;

/**
 * What is known of one rollout: a fold over its seconds, in order. The same seconds, spans and plan give the same session,
 * live, after a restart and years later.
 */
export type Session = {
  /** What came before the first share, oldest first. */
  readonly early: EarlySession[];
  /** Null before the first share. */
  judge: JudgeState | null;
  watch: WatchState | null;
  watchedSeconds: number;
  /** The second from which harm was last forgotten, or null. */
  forgotFrom: number | null;
  /** Newest second that was taken in. */
  upTo: number;
  readonly sides: Sides;
  /** The judge's word on its state, which is asked for more often than a second closes. */
  word: { readonly of: JudgeState; readonly is: Word } | null;
  /** All that it has to say, for whoever looks. */
  verdict: { readonly of: JudgeState; readonly is: Verdict } | null;
};

/** A part before the first share; its seconds are none of users'. */
export type EarlySession = {
  readonly stage: number;
  state: EarlyState;
  readonly sides: Sides;
  /** The word on its state, as in Session. */
  verdict: { readonly of: EarlyState; readonly is: EarlyVerdict } | null;
};

/** Null while there is nothing to judge: no share yet, or no stable to compare with. */
export function openSession(rollout: Rollout, past: Past): Session | null {
  const first = rollout.spans[0];
  if (first === undefined || rollout.from === null) return null;
  return {
    early: [],
    judge: first.early === undefined ? openJudge(rollout, past, first) : null,
    watch: null,
    watchedSeconds: 0,
    forgotFrom: null,
    upTo: first.fromSecond - 1,
    sides: newSides(),
    word: null,
    verdict: null,
  };
}

/** The judge of shares, having learned what stable was like until the first one. */
function openJudge(rollout: Rollout, past: Past, span: StageSpan): JudgeState {
  const { plan, candidate } = rollout;
  const hasMirror = plan.steps.some((step) => step.kind === 'mirror');
  return startJudge({
    policy: plan.judge,
    unit: unitOf(rollout),
    candidate,
    plannedSeconds: plannedSeconds(plan),
    ...stableBefore(rollout, past, span),
    ...(hasMirror && { alphaPart: 1 - MIRROR_ALPHA_PART }),
  });
}

function stableBefore(
  { from }: Rollout,
  past: Past,
  { fromSecond }: StageSpan,
): Pick<JudgeConfig, 'stable' | 'baselineBefore'> {
  assert(from !== null, 'nothing to compare with');
  const before = past.replicas(fromSecond - BASELINE_SECONDS, fromSecond - 1);
  return { stable: from.slot, baselineBefore: before.filter((row) => row.slot === from.slot) };
}

/** The next second, which must be closed. */
export function takeSecond(session: Session, rollout: Rollout, past: Past): void {
  const second = session.upTo + 1;
  session.upTo = second;
  if (rollout.lost.some((range) => covers(range, second))) return;
  const traffic = past.second(second);
  addTo(session.sides, rollout.candidate, traffic.replicas);
  const span = spanAt(rollout, second);
  const measured = traffic.measured ?? [];
  // What came in while the share changed is about a window of before.
  if (span !== null && span.early === undefined) session.judge ??= openJudge(rollout, past, span);
  if (span === null || span.sharePercent === 100) takeAside(session, measured, span);
  if (span === null) return;
  forgetOverlooked(session, rollout, second);
  if (span.early !== undefined) return judgeEarly(session, rollout, past, span);
  if (span.sharePercent === 100) return watchOne(session, rollout, past, span);
  assert(session.judge !== null, 'a share without a judge');
  session.judge = judgeSecond(session.judge, {
    second,
    stepIndex: span.stage,
    askedSharePercent: span.sharePercent,
    replicas: traffic.replicas,
    identities: traffic.identities,
    measured,
  });
}

const NOTHING_APART: ApartCounts = { mirrored: [], copied: [], overrides: [], dropped: 0 };

function judgeEarly(session: Session, rollout: Rollout, past: Past, span: StageSpan): void {
  const { candidate, plan } = rollout;
  const last = session.early.at(-1);
  const one = last?.stage === span.stage ? last : openEarly(rollout, past, span);
  if (one === null) return;
  if (one !== last) session.early.push(one);
  const { replicas, apart = NOTHING_APART } = past.second(session.upTo);
  one.state = earlySecond(one.state, { second: session.upTo, replicas, apart });
  const isMirror = plan.steps[span.stepIndex]?.kind === 'mirror';
  for (const row of isMirror ? [...apart.mirrored, ...apart.copied] : [...apart.overrides, ...replicas])
    addTo(one.sides, candidate, [row]);
}

function openEarly(rollout: Rollout, past: Past, span: StageSpan): EarlySession | null {
  const step = rollout.plan.steps[span.stepIndex];
  if (!isEarly(step)) return null;
  const state = startEarly({
    step,
    policy: rollout.plan.judge,
    candidate: rollout.candidate,
    ...stableBefore(rollout, past, span),
  });
  return { stage: span.stage, state, sides: newSides(), verdict: null };
}

export function earlyVerdictIn(one: EarlySession): EarlyVerdict {
  if (one.verdict?.of !== one.state) one.verdict = { of: one.state, is: earlyVerdict(one.state) };
  return one.verdict.is;
}

/** At 100 % only limits are left, which no share matters to: their windows go on with those of the last step. */
function takeAside(session: Session, points: readonly MeasuredPoint[], span: StageSpan | null): void {
  if (session.judge === null) return;
  const { index } = session.judge.step;
  const counted = points.map((point) =>
    point.window?.stepIndex === span?.stage && point.window !== undefined
      ? { ...point, window: { ...point.window, stepIndex: index } }
      : point,
  );
  session.judge = takeMeasured(session.judge, counted);
}

/** The share that a second counts for, or null: the second of a change counts for none. */
export function spanAt(rollout: Rollout, second: number): StageSpan | null {
  return rollout.spans.find((one) => covers(one, second)) ?? null;
}

/** Null before the first share, as is the next one. */
export function judgeWordIn(session: Session): Word | null {
  const { judge } = session;
  if (judge === null) return null;
  if (session.word?.of !== judge) session.word = { of: judge, is: wordOf(judge) };
  return session.word.is;
}

export function verdictIn(session: Session): Verdict | null {
  const { judge } = session;
  if (judge === null) return null;
  if (session.verdict?.of !== judge) session.verdict = { of: judge, is: verdictOf(judge) };
  return session.verdict.is;
}

/** What is kept of it with the record of its rollout. */
export function evidenceIn(session: Session): Evidence {
  const { stable, candidate } = session.sides;
  const early = session.early.map((one) => ({
    ...earlyVerdictIn(one),
    traffic: { stable: one.sides.stable.view(), candidate: one.sides.candidate.view() },
  }));
  return {
    ...(early.length > 0 && { early }),
    verdict: verdictIn(session),
    traffic: { stable: stable.view(), candidate: candidate.view() },
    watch: session.watch === null ? null : watchVerdict(session.watch),
    judged: { toSecond: session.upTo, version: JUDGE_VERSION },
  };
}

/** A person saw the verdict and went on: not only in that very second, which may be lost, or one in which the share changed. */
function forgetOverlooked(session: Session, rollout: Rollout, second: number): void {
  const { overlookedUntil } = rollout;
  if (overlookedUntil === null || second < overlookedUntil || session.forgotFrom === overlookedUntil) return;
  session.forgotFrom = overlookedUntil;
  if (session.judge !== null) session.judge = forgetHarm(session.judge);
  for (const one of session.early) one.state = forgetEarlyHarm(one.state);
}

function watchOne(session: Session, rollout: Rollout, past: Past, span: StageSpan): void {
  session.watch ??= startWatch(beforeSwitch(rollout, past, span), {
    candidate: rollout.candidate,
    unit: unitOf(rollout),
  });
  session.watch = watchSecond(session.watch, { second: session.upTo, ...past.second(session.upTo) });
  session.watchedSeconds += 1;
}

function beforeSwitch(rollout: Rollout, past: Past, full: StageSpan): readonly ReplicaSecond[] {
  const rows = past.replicas(full.fromSecond - BASELINE_SECONDS, full.fromSecond - 1);
  return rows.filter((row) => row.slot === rollout.from?.slot);
}

function unitOf(rollout: Rollout): 'request' | 'identity' {
  return rollout.plan.sticky.by === 'none' ? 'request' : 'identity';
}

function covers(
  range: { readonly fromSecond: number; readonly toSecond: number | null },
  second: number,
): boolean {
  return second >= range.fromSecond && (range.toSecond === null || second <= range.toSecond);
}
