import { forgetHarm, judgeSecond, startJudge } from '../judge/judge.ts';
import type { JudgeState } from '../judge/state.ts';
import { verdictOf, type Verdict } from '../judge/verdict.ts';
import { startWatch, watchSecond, watchVerdict, type WatchState, type WatchVerdict } from '../judge/watch.ts';
import { plannedSeconds } from '../release/plan.ts';
import type { Rollout, StageSpan } from '../rollout/state.ts';
import type { ReplicaSecond } from '../traffic/counts.ts';
import type { BareEvent } from './engine.ts';
import type { RolloutRecord } from './records.ts';
import type { Ring } from './ring.ts';
import { addTo, newSides, type Sides } from './sides.ts';

/** Stable's seconds before the rollout, and before the switch, that a comparison may look at. */
export const BASELINE_SECONDS = 600;

type Session = {
  judge: JudgeState;
  watch: WatchState | null;
  watchedSeconds: number;
  /** The second from which harm was last forgotten, or null. */
  forgotFrom: number | null;
  /** Newest second that was taken in. */
  upTo: number;
  readonly sides: Sides;
  /** The judge's word on its state, which is asked for more often than a second closes. */
  verdict: { readonly of: JudgeState; readonly is: Verdict } | null;
};

/**
 * Lays each closed second of counts to the share that it belongs to and asks the judge. A session is a fold over
 * recorded seconds: after a restart the same seconds give the same verdict.
 */
export class Desk {
  readonly #sessions = new Map<string, Session>();

  has(rollout: string): boolean {
    return this.#sessions.has(rollout);
  }

  /** Takes in what is new in the ring; what the judge thinks now, as an event, or null while there is nothing to judge. */
  take(rollout: Rollout, ring: Ring): BareEvent | null {
    const first = rollout.spans[0];
    if (first === undefined || rollout.from === null || ring.upTo === null) return null;
    // Not before all of stable's seconds before the rollout are there to learn from.
    if (ring.upTo < first.fromSecond - 1) return null;
    const session = this.#session(rollout, first, ring);
    for (let second = session.upTo + 1; second <= ring.upTo; second += 1) {
      this.#takeSecond(session, rollout, ring, second);
      session.upTo = second;
    }
    return this.#word(session, rollout);
  }

  evidence(rollout: string): Pick<RolloutRecord, 'verdict' | 'traffic'> {
    const session = this.#sessions.get(rollout);
    if (session === undefined) return { verdict: null, traffic: null };
    const { stable, candidate } = session.sides;
    return {
      verdict: verdictIn(session),
      traffic: { stable: stable.view(), candidate: candidate.view() },
    };
  }

  close(rollout: string): void {
    this.#sessions.delete(rollout);
  }

  #session(rollout: Rollout, first: StageSpan, ring: Ring): Session {
    const known = this.#sessions.get(rollout.id);
    if (known !== undefined) return known;
    const stable = rollout.from!.slot;
    const before = ring.replicas(first.fromSecond - BASELINE_SECONDS, first.fromSecond - 1);
    const session: Session = {
      judge: startJudge({
        policy: rollout.plan.judge,
        unit: rollout.plan.sticky.by === 'none' ? 'request' : 'identity',
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
      verdict: null,
    };
    this.#sessions.set(rollout.id, session);
    return session;
  }

  #takeSecond(session: Session, rollout: Rollout, ring: Ring, second: number): void {
    if (rollout.lost.some((range) => covers(range, second))) return;
    const traffic = ring.second(second);
    addTo(session.sides, rollout.candidate, traffic.replicas);
    const span = rollout.spans.find((one) => covers(one, second));
    if (span === undefined) return;
    const { overlookedUntil } = rollout;
    if (overlookedUntil !== null && second >= overlookedUntil && session.forgotFrom !== overlookedUntil) {
      // Not only in that very second: it may be lost, or one in which the share changed.
      session.forgotFrom = overlookedUntil;
      session.judge = forgetHarm(session.judge);
    }
    if (span.sharePercent === 100) return this.#watchOne(session, rollout, ring, { span, second });
    session.judge = judgeSecond(session.judge, {
      second,
      stepIndex: span.stage,
      askedSharePercent: span.sharePercent,
      replicas: traffic.replicas,
      identities: traffic.identities,
    });
  }

  #watchOne(
    session: Session,
    rollout: Rollout,
    ring: Ring,
    at: { readonly span: StageSpan; readonly second: number },
  ): void {
    const { second, span } = at;
    const unit = rollout.plan.sticky.by === 'none' ? 'request' : 'identity';
    session.watch ??= startWatch(beforeSwitch(rollout, ring, span), { candidate: rollout.candidate, unit });
    session.watch = watchSecond(session.watch, { second, ...ring.second(second) });
    session.watchedSeconds += 1;
  }

  #word(session: Session, rollout: Rollout): BareEvent | null {
    if (rollout.promoted) {
      const breach = session.watch === null ? null : breachOf(watchVerdict(session.watch));
      return { kind: 'watched', stage: rollout.stage, seconds: session.watchedSeconds, breach };
    }
    if (session.judge.step.index === -1) return null;
    const { overall, judgedSecondsInStep, candidateRequestsInStep, reason, hold } = verdictIn(session);
    // The first second of a new share is not closed yet: what the judge says is still about the former one. Harm it
    // is all the same.
    const isFormer = session.judge.step.index !== rollout.stage;
    if (isFormer && overall !== 'harmful' && overall !== 'severe') return null;
    const seconds = isFormer ? 0 : judgedSecondsInStep;
    const requests = isFormer ? 0 : candidateRequestsInStep;
    const verdict = { overall, seconds, requests, reason, hold };
    return { kind: 'judged', stage: rollout.stage, second: session.upTo, verdict };
  }
}

function verdictIn(session: Session): Verdict {
  if (session.verdict?.of !== session.judge)
    session.verdict = { of: session.judge, is: verdictOf(session.judge) };
  return session.verdict.is;
}

function covers(
  range: { readonly fromSecond: number; readonly toSecond: number | null },
  second: number,
): boolean {
  return second >= range.fromSecond && (range.toSecond === null || second <= range.toSecond);
}

function breachOf(verdict: WatchVerdict): string | null {
  return verdict.overall === 'worse' || verdict.overall === 'severe'
    ? `${verdict.reason} (${verdict.label})`
    : null;
}

function beforeSwitch(rollout: Rollout, ring: Ring, full: StageSpan): readonly ReplicaSecond[] {
  const rows = ring.replicas(full.fromSecond - BASELINE_SECONDS, full.fromSecond - 1);
  return rows.filter((row) => row.slot === rollout.from?.slot);
}
