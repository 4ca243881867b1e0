import type { SampleRange } from '../journal/samples.ts';
import { canonicalJson } from '../lib/json.ts';
import { earlyWord, type EarlyVerdict } from '../judge/early.ts';
import type { JudgeState } from '../judge/state.ts';
import { verdictOf, type Verdict } from '../judge/verdict.ts';
import { isEarly, type Plan } from '../release/plan.ts';
import { actWhenUnsure, dwellAnswer } from '../rollout/dwell.ts';
import type { StageVerdict } from '../rollout/event.ts';
import type { Rollout, StageSpan } from '../rollout/state.ts';
import { breachIn, wordIn } from './desk.ts';
import type { Evidence } from './records.ts';
import { Ring } from './ring.ts';
import {
  BASELINE_SECONDS,
  earlyVerdictIn,
  evidenceIn,
  openSession,
  spanAt,
  takeSecond,
  judgeWordIn,
  type EarlySession,
  type Session,
} from './session.ts';

/** Recorded seconds read and judged at once: a part of a tenth of a second, so that nothing else waits for it. */
const CHUNK_SECONDS = 200;

export type ReadSeconds = (range: {
  readonly fromSecond: number;
  readonly toSecond: number;
}) => Promise<Pick<SampleRange, 'replicas' | 'identities' | 'apart' | 'measured'>>;

/** What the rules make of one share of the past. */
export type StageReplay = {
  readonly span: StageSpan;
  readonly judgedSeconds: number;
  /** The last word in it; null at 100 %, where there is no stable beside the candidate, and before the first share. */
  readonly verdict: Verdict | null;
  /** The last word in a part before the first share; null elsewhere. */
  readonly early: EarlyVerdict | null;
  /** The first thing that the rules would have done in it, or null: they would still have waited at its end. */
  readonly would: Would | null;
};

export type Would = {
  readonly act: 'advance' | 'ask' | 'pause' | 'rollback' | 'done';
  readonly second: number;
  /** Null: surely safe. */
  readonly reason: string | null;
  readonly candidateRequests: number;
};

/** A recorded word of the judge that changed something. */
export type RecordedWord =
  | {
      readonly kind: 'judged';
      readonly second: number;
      readonly stage: number;
      readonly verdict: StageVerdict;
    }
  | { readonly kind: 'watched'; readonly seconds: number; readonly breach: string | null };

export type Replay = {
  readonly evidence: Evidence;
  readonly stages: readonly StageReplay[];
  /** Recorded words that were met again, and those that were not. */
  readonly same: number;
  readonly different: readonly { readonly recorded: string; readonly replayed: string }[];
};

/** Judges a recorded rollout once more, second by second, up to `toSecond`. Null where it has nothing to be judged by. */
export async function replay(
  recorded: Rollout,
  plan: Plan,
  past: {
    readonly toSecond: number;
    readonly read: ReadSeconds;
    readonly words: readonly RecordedWord[];
    /** Sees each second once it is judged. */
    readonly look?: (session: Session, ring: Ring) => void;
  },
): Promise<Replay | null> {
  const rollout = { ...recorded, plan };
  const first = rollout.spans[0];
  if (first === undefined) return null;
  const ring = new Ring(BASELINE_SECONDS + CHUNK_SECONDS);
  let session: Session | null = null;
  const stages = new Stages(rollout);
  const words = new Words(past.words, rollout);
  for (let from = first.fromSecond - BASELINE_SECONDS; from <= past.toSecond; from += CHUNK_SECONDS) {
    const toSecond = Math.min(from + CHUNK_SECONDS - 1, past.toSecond);
    const range = await past.read({ fromSecond: from, toSecond });
    const { replicas, identities, apart = [], measured = [] } = range;
    ring.add({ replicas, identities, apart, measured, upToSecond: toSecond });
    if (toSecond < first.fromSecond - 1) continue;
    session ??= openSession(rollout, ring);
    if (session === null) return null;
    while (session.upTo < toSecond) {
      takeSecond(session, rollout, ring);
      stages.look(session);
      words.look(session);
      past.look?.(session, ring);
    }
  }
  if (session === null) return null;
  return { evidence: evidenceIn(session), stages: stages.all(), ...words.found() };
}

type OpenStage = Omit<StageReplay, 'verdict' | 'early'> & {
  readonly judge: JudgeState | null;
  readonly of: EarlySession | null;
};

/** Follows what the rules would have done in each share. */
class Stages {
  readonly #rollout: Rollout;
  readonly #stages = new Map<number, OpenStage>();
  #watched = 0;

  constructor(rollout: Rollout) {
    this.#rollout = rollout;
  }

  look(session: Session): void {
    const span = spanAt(this.#rollout, session.upTo);
    const isLost = this.#rollout.lost.some(
      ({ fromSecond, toSecond }) => session.upTo >= fromSecond && session.upTo <= toSecond,
    );
    if (span === null || isLost) return;
    const before = this.#stages.get(span.stage);
    const judgedSeconds = (before?.judgedSeconds ?? 0) + 1;
    const of = session.early.find(({ stage }) => stage === span.stage) ?? null;
    const judge = span.sharePercent === 100 || of !== null ? null : session.judge;
    const would = before?.would ?? this.#wouldNow(span, session, of);
    this.#stages.set(span.stage, { span, judgedSeconds, judge, of, would });
  }

  all(): readonly StageReplay[] {
    return [...this.#stages.values()].map(({ judge, of, ...stage }) => ({
      ...stage,
      verdict: judge === null ? null : verdictOf(judge),
      early: of === null ? null : earlyVerdictIn(of),
    }));
  }

  #wouldNow(span: StageSpan, session: Session, early: EarlySession | null): Would | null {
    if (early !== null) {
      const { candidateRequests: requests, ...word } = earlyWord(early.state);
      return this.#would(span, session.upTo, { ...word, requests });
    }
    const said = span.sharePercent === 100 ? null : judgeWordIn(session);
    if (said === null) return this.#wouldWatch(session);
    const { candidateRequestsInStep: requests, judgedSecondsInStep: seconds } = said;
    return this.#would(span, session.upTo, { ...said, requests, seconds });
  }

  #would(span: StageSpan, second: number, word: StageVerdict): Would | null {
    const { plan } = this.#rollout;
    const { overall, reason, hold, requests, seconds } = word;
    const at = { second, candidateRequests: requests };
    if (overall === 'severe') return { act: 'rollback', reason, ...at };
    if (overall === 'harmful') {
      return { act: plan.whenWorse === 'rollback' ? 'rollback' : 'pause', reason, ...at };
    }
    const step = plan.steps[span.stepIndex];
    // A share that a person set by hand is at no step of its own.
    const isPlanned = step?.kind === 'share' && step.percent === span.sharePercent;
    if (!isPlanned && !(isEarly(step) && step.kind === span.early)) return null;
    const answer = dwellAnswer(step, { overall, seconds, requests, reason, hold }, plan.whenUnsure);
    if (answer.kind === 'stay') return null;
    if (answer.kind === 'advance') return { act: 'advance', reason: null, ...at };
    return { act: actWhenUnsure(answer, plan.whenUnsure), reason: answer.reason, ...at };
  }

  #wouldWatch(session: Session): Would | null {
    if (session.watch === null) return null;
    this.#watched += 1;
    const { after } = session.watch;
    const at = { second: session.upTo, candidateRequests: after.decided };
    const breach = breachIn(session);
    if (breach !== null) return { act: 'rollback', reason: breach, ...at };
    const step = this.#rollout.plan.steps.find((one) => one.kind === 'watch');
    const isOver = step?.kind === 'watch' && this.#watched * 1000 >= step.forMs;
    return isOver ? { act: 'done', reason: null, ...at } : null;
  }
}

/** Holds recorded words against those of the replay at the same second. */
class Words {
  /** Those that were not met yet. */
  readonly #words: Set<RecordedWord>;
  readonly #rollout: Rollout;
  readonly #different: { readonly recorded: string; readonly replayed: string }[] = [];
  #same = 0;

  constructor(words: readonly RecordedWord[], rollout: Rollout) {
    this.#words = new Set(words);
    this.#rollout = rollout;
  }

  look(session: Session): void {
    for (const word of this.#words) {
      const isNow =
        word.kind === 'judged'
          ? word.second === session.upTo
          : session.watch !== null && word.seconds === session.watchedSeconds;
      if (!isNow) continue;
      this.#words.delete(word);
      this.#hold(word, session);
    }
  }

  found(): Pick<Replay, 'same' | 'different'> {
    return { same: this.#same, different: this.#different };
  }

  #hold(word: RecordedWord, session: Session): void {
    const { overlookedUntil } = this.#rollout;
    const promoted = word.kind === 'watched';
    const stage = word.kind === 'judged' ? word.stage : this.#rollout.stage;
    const again = wordIn(session, { stage, promoted });
    const recorded = canonicalJson(essence(word));
    const replayed = canonicalJson(again === null ? null : essence(again));
    if (recorded === replayed) this.#same += 1;
    // Of several times that a person went on in spite of the judge only the last one is known.
    else if (overlookedUntil === null || session.upTo >= overlookedUntil) {
      this.#different.push({ recorded, replayed });
    }
  }
}

function essence(word: RecordedWord): object {
  return word.kind === 'judged'
    ? { second: word.second, ...word.verdict }
    : { seconds: word.seconds, breach: word.breach };
}
