import type { NoticeKind, RolloutNotice as Notice } from '../notify/notice.ts';
import { approvalNow } from './agreement.ts';
import type { Ending, Rollout, ServiceState } from './state.ts';
import type { Turn } from './turn.ts';

/** Longer ones stand in full in `why`. */
const MOST_CHARACTERS = 1000;

/** What people are to be told about this turn, in this order: every way a rollout ends, and whatever waits for a person. */
export function noticesOf(before: ServiceState | null, turn: Turn): readonly Notice[] {
  const was = before?.rollout ?? null;
  const is = turn.state.rollout;
  const over = [turn.ended, turn.dropped].flatMap((one) =>
    one === null ? [] : [ofEnding('ended', one.rollout, one.ending)],
  );
  if (is === null) return over;
  const isNew = is.id !== was?.id;
  return [...over, ...(isNew ? [notice('started', is)] : []), ...changed(isNew ? null : was, is)];
}

function changed(was: Rollout | null, is: Rollout): readonly Notice[] {
  if (is.ending !== null) {
    if (was?.ending === null) return [ofEnding('going-back', is, is.ending)];
    const isLate = is.ending.outcome === 'unproven' && was?.ending?.outcome !== 'unproven';
    return isLate ? [ofEnding('unproven', is, is.ending)] : [];
  }
  const found: Notice[] = [];
  if (is.phase === 'asking' && (was?.phase !== 'asking' || was.stepIndex !== is.stepIndex)) {
    const kind = approvalNow(is) === null ? 'asks' : 'approval';
    found.push(notice(kind, is, { reason: is.asks }));
  }
  if (is.paused !== null && (was?.paused ?? null) === null)
    found.push(notice('paused', is, { reason: is.paused.reason, by: is.paused.by }));
  if (is.byHand && was?.byHand !== true) found.push(notice('by-hand', is));
  return found;
}

function ofEnding(kind: NoticeKind, rollout: Rollout, { outcome, cause, reason, by }: Ending): Notice {
  return notice(kind, rollout, { outcome, cause, reason, by });
}

function notice(
  kind: NoticeKind,
  rollout: Rollout,
  more: Partial<Pick<Notice, 'outcome' | 'cause' | 'reason' | 'by'>> = {},
): Notice {
  const { id, purpose, plan, label, from, actor, sharePercent, releaseId } = rollout;
  const { outcome = null, cause = null, reason = null, by = null } = more;
  return {
    kind,
    service: releaseId.slice(0, releaseId.indexOf('/')),
    rollout: id,
    purpose,
    strategy: plan.strategy,
    label,
    from: from?.label ?? null,
    actor,
    sharePercent,
    outcome,
    cause,
    reason: reason === null ? null : cut(reason),
    by,
  };
}

function cut(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
}
