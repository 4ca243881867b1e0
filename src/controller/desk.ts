import { earlyWord } from '../judge/early.ts';
import { measureBreach } from '../judge/measure-breach.ts';
import { watchVerdict } from '../judge/watch.ts';
import type { FailedRequest } from '../traffic/counts.ts';
import type { Rollout } from '../rollout/state.ts';
import type { BareEvent } from './engine.ts';
import { firstFailures } from './first-failures.ts';
import { NO_EVIDENCE, type Evidence } from './records.ts';
import type { Ring } from './ring.ts';
import {
  evidenceIn,
  openSession,
  takeSecond,
  judgeWordIn,
  type EarlySession,
  type Session,
} from './session.ts';

/**
 * Lays each closed second of counts to the share that it belongs to and asks the judge. A session is a fold over
 * recorded seconds: after a restart the same seconds give the same verdict.
 */
export class Desk {
  readonly #sessions = new Map<string, Session>();
  readonly #failed = new Map<string, readonly FailedRequest[]>();

  has(rollout: string): boolean {
    return this.#sessions.has(rollout);
  }

  /** Takes in what is new in the ring; what the judge thinks now, as an event, or null while there is nothing to judge. */
  take(rollout: Rollout, ring: Ring): BareEvent | null {
    const first = rollout.spans[0];
    // Not before all of stable's seconds before the rollout are there to learn from.
    if (first === undefined || ring.upTo === null || ring.upTo < first.fromSecond - 1) return null;
    const session = this.#sessions.get(rollout.id) ?? openSession(rollout, ring);
    if (session === null) return null;
    this.#sessions.set(rollout.id, session);
    while (session.upTo < ring.upTo) takeSecond(session, rollout, ring);
    return wordIn(session, rollout);
  }

  /** Keeps the candidate's first failures as examples. */
  noteFailed({ id, candidate, spans }: Rollout, failed: readonly FailedRequest[]): void {
    const from = spans[0]?.fromSecond ?? Infinity;
    const own = failed.filter(({ slot, second }) => slot === candidate && second >= from);
    if (own.length > 0) this.#failed.set(id, firstFailures(this.#failed.get(id) ?? [], own));
  }

  evidence(rollout: string): Evidence {
    const session = this.#sessions.get(rollout);
    const failed = this.#failed.get(rollout);
    const told = failed === undefined ? {} : { failed };
    return session === undefined ? { ...NO_EVIDENCE, ...told } : { ...evidenceIn(session), ...told };
  }

  close(rollout: string): void {
    this.#sessions.delete(rollout);
    this.#failed.delete(rollout);
  }
}

/** What the judge says at this second of a stage, as an event; null while it has nothing to say of it. */
export function wordIn(
  session: Session,
  rollout: Pick<Rollout, 'stage' | 'promoted'>,
): Extract<BareEvent, { kind: 'judged' | 'watched' }> | null {
  if (rollout.promoted) {
    return {
      kind: 'watched',
      stage: rollout.stage,
      seconds: session.watchedSeconds,
      breach: breachIn(session),
    };
  }
  const early = session.early.at(-1);
  const { judge } = session;
  if (early !== undefined && (early.stage === rollout.stage || judge === null || judge.step.index === -1))
    return wordBefore(session, early, rollout.stage);
  const said = judgeWordIn(session);
  if (judge === null || said === null || judge.step.index === -1) return null;
  const { overall, judgedSecondsInStep, candidateRequestsInStep, reason, hold } = said;
  // The first second of a new share is not closed yet: what the judge says is still about the former one. Harm it
  // is all the same.
  const isFormer = judge.step.index !== rollout.stage;
  if (isFormer && overall !== 'harmful' && overall !== 'severe') return null;
  const seconds = isFormer ? 0 : judgedSecondsInStep;
  const requests = isFormer ? 0 : candidateRequestsInStep;
  const verdict = { overall, seconds, requests, reason, hold };
  return { kind: 'judged', stage: rollout.stage, second: session.upTo, verdict };
}

/** The same before the first share; of a part that is over, harm is all that counts. */
function wordBefore(
  session: Session,
  early: EarlySession,
  stage: number,
): Extract<BareEvent, { kind: 'judged' }> | null {
  const { overall, seconds, candidateRequests, reason, hold } = earlyWord(early.state);
  const isFormer = early.stage !== stage;
  if (isFormer && overall !== 'harmful' && overall !== 'severe') return null;
  const counted = isFormer ? { seconds: 0, requests: 0 } : { seconds, requests: candidateRequests };
  const verdict = { overall, ...counted, reason, hold };
  return { kind: 'judged', stage, second: session.upTo, verdict };
}

/** Why all traffic should not stay on it, or null: by what was before it, or by a limit that holds whatever was. */
export function breachIn({ watch, judge }: Session): string | null {
  const measured = judge === null ? null : measureBreach(judge);
  if (measured !== null) return measured;
  const verdict = watch === null ? null : watchVerdict(watch);
  return verdict !== null && (verdict.overall === 'worse' || verdict.overall === 'severe')
    ? `${verdict.reason} (${verdict.label})`
    : null;
}
