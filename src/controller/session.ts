import { forgetHarm, judgeSecond, startJudge, takeMeasured } from '../judge/judge.ts';
import type { JudgeState } from '../judge/state.ts';
import { verdictOf, wordOf, type Verdict, type Word } from '../judge/verdict.ts';
import { JUDGE_VERSION } from '../judge/version.ts';
import { startWatch, watchSecond, watchVerdict, type WatchState } from '../judge/watch.ts';
import { plannedSeconds } from '../release/plan.ts';
import type { Rollout, StageSpan } from '../rollout/state.ts';
import type { MeasuredPoint } from '../metrics/measured.ts';
import type { ReplicaSecond } from '../traffic/counts.ts';
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
  judge: JudgeState;
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

/** Null while there is nothing to judge: no share yet, or no stable to compare with. */
export function openSession(rollout: Rollout, past: Past): Session | null {
  const first = rollout.spans[0];
  if (first === undefined || rollout.from === null) return null;
  const stable = rollout.from.slot;
  const before = past.replicas(first.fromSecond - BASELINE_SECONDS, first.fromSecond - 1);
  return {
    judge: startJudge({
      policy: rollout.plan.judge,
      unit: unitOf(rollout),
      stable,
      candidate: rollout.candidate,
      plannedSeconds: plannedSeconds(rollout.plan),
      baselineBefore: before.filter((row) => row.slot === stable),
    }),
    watch: null,
    watchedSeconds: 0,
    forgotFrom: null,
    upTo: first.fromSecond - 1,
    sides: newSides(),
    word: null,
    verdict: null,
  };
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
  if (span === null || span.sharePercent === 100) takeAside(session, measured, span);
  if (span === null) return;
  forgetOverlooked(session, rollout, second);
  if (span.sharePercent === 100) return watchOne(session, rollout, past, span);
  session.judge = judgeSecond(session.judge, {
    second,
    stepIndex: span.stage,
    askedSharePercent: span.sharePercent,
    replicas: traffic.replicas,
    identities: traffic.identities,
    measured,
  });
}

/** At 100 % only limits are left, which no share matters to: their windows go on with those of the last step. */
function takeAside(session: Session, points: readonly MeasuredPoint[], span: StageSpan | null): void {
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

export function judgeWordIn(session: Session): Word {
  if (session.word?.of !== session.judge) session.word = { of: session.judge, is: wordOf(session.judge) };
  return session.word.is;
}

export function verdictIn(session: Session): Verdict {
  if (session.verdict?.of !== session.judge)
    session.verdict = { of: session.judge, is: verdictOf(session.judge) };
  return session.verdict.is;
}

/** What is kept of it with the record of its rollout. */
export function evidenceIn(session: Session): Evidence {
  const { stable, candidate } = session.sides;
  return {
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
  session.judge = forgetHarm(session.judge);
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
