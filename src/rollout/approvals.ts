import { assert } from '../lib/assert.ts';
import { placeWords } from '../release/approval.ts';
import { approvalNow, isGranted, nameOf } from './agreement.ts';
import { nothing, refused, turned, type Answer } from './answer.ts';
import type { RolloutEvent, Verb } from './event.ts';
import { advance, goBack, whenReady } from './steps.ts';
import { standsStill, type Ending, type ServiceState } from './state.ts';
import { say, turnOf, withRollout, type Turn } from './turn.ts';

type Asked<K extends Verb['kind']> = Extract<RolloutEvent, { kind: K }>;

export function approve(state: ServiceState, event: Asked<'approve'>): Answer {
  const { rollout } = state;
  const now = rollout === null ? null : approvalNow(rollout);
  const missed = whyNotAsked(state, event);
  if (missed !== null) return missed;
  assert(rollout !== null && now !== null, 'an approval that was not asked for');
  const { actor: by } = event;
  const { step, given, need } = now;
  if (!event.verified)
    return refused(
      'IDENTITY_NEEDED',
      `${by} is not known: only somebody with a token can agree. Nothing changed. Ask an admin for one (bascule token create), and give it in BASCULE_TOKEN.`,
    );
  if (nameOf(rollout.actor) === by)
    return refused(
      'APPROVAL_OWN',
      `${by} started ${rollout.id}, and so somebody else has to agree to it. Nothing changed.`,
    );
  if (step.of !== null && !step.of.includes(by))
    return refused(
      'APPROVAL_NOT_YOURS',
      `${placeWords(step.before)} ${step.of.join(', ')} are asked, and you are ${by}. Nothing changed.`,
    );
  if (given.some((one) => one.by === by)) return nothing(`${by} has agreed already.`);
  const { reason, wallMs: atMs } = event;
  const approvals = [...(rollout.approvals ?? []), { stepIndex: rollout.stepIndex, by, atMs, reason }];
  const left = need - given.length - 1;
  const why = reason === null ? '' : `: ${reason}`;
  const more = left === 0 ? 'all have agreed' : `${left} more to agree`;
  const said = say(
    withRollout(turnOf(state), { approvals }),
    `approved ${placeWords(step.before)} by ${by}${why} (${more})`,
  );
  return turned(onWhenAgreed(said, event.atMs));
}

/** Anybody who may abort may say no. */
export function reject(state: ServiceState, event: Asked<'reject'>): Answer {
  const missed = whyNotAsked(state, event);
  if (missed !== null) return missed;
  const { rollout } = state;
  assert(rollout !== null, 'a refusal of nothing');
  const why = event.reason === null ? '' : `: ${event.reason}`;
  const first = rollout.from === null;
  const ending: Ending = {
    outcome: first ? 'never-ready' : 'aborted',
    cause: 'person',
    reason: `rejected by ${event.actor}${why}`,
    by: event.actor,
    decidedAtMs: event.atMs,
  };
  return turned(goBack(turnOf(state), ending));
}

/** Once they agreed, nobody holds it, and what got no traffic yet is (still) healthy. */
export function onWhenAgreed(turn: Turn, atMs: number): Turn {
  const { rollout, slots } = turn.state;
  if (rollout === null || approvalNow(rollout) === null || !isGranted(rollout, rollout.stepIndex))
    return turn;
  const { replicas, healthy } = slots[rollout.candidate];
  if (standsStill(rollout) || (rollout.sharePercent === 0 && (replicas === 0 || healthy < replicas)))
    return turn;
  return advance(turn, atMs);
}

/** What it waited for may have come while it was paused. */
export function goOnAfterPause(turn: Turn, atMs: number): Turn {
  return turn.state.rollout?.phase === 'probing' ? whenReady(turn, atMs) : onWhenAgreed(turn, atMs);
}

function whyNotAsked(state: ServiceState, event: Asked<'approve' | 'reject'>): Answer | null {
  const { rollout } = state;
  if (rollout === null || rollout.ending !== null)
    return refused('NO_ROLLOUT', `no rollout of ${state.service} waits for anybody. Nothing changed.`);
  if (event.rollout !== null && event.rollout !== rollout.id)
    return refused(
      'APPROVAL_NOT_ASKED',
      `${event.rollout} is not under way; ${rollout.id} is, which is another one. Nothing changed.`,
    );
  if (event.step !== null && rollout.stepIndex > event.step)
    return nothing(`${rollout.id} is already past step ${event.step}.`);
  if (approvalNow(rollout) !== null && (event.step === null || event.step === rollout.stepIndex)) return null;
  return refused(
    'APPROVAL_NOT_ASKED',
    `${rollout.id} waits for nobody to agree: it is ${rollout.phase}. Nothing changed.`,
  );
}
