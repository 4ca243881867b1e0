import { formatDuration } from '../lib/duration.ts';
import type { EarlyStep, Plan, ShareStep } from '../release/plan.ts';
import type { StageVerdict } from './event.ts';

/** A judge that is not sure needs this many candidate requests before "no evidence against" means anything. */
const LEAST_REQUESTS = 20;

export type DwellAnswer =
  | { readonly kind: 'stay' }
  /** Surely not worse, and long enough. */
  | { readonly kind: 'advance' }
  /** The step may last no longer, and nothing is sure: `when-unsure` says what follows. Held: it does not go on by itself. */
  | { readonly kind: 'unsure'; readonly reason: string; readonly held: boolean };

const STAY: DwellAnswer = { kind: 'stay' };

/**
 * Whether a step below 100 %, or one before the first share, is over. It counts judged seconds, so that no clock moves a rollout before its traffic was looked
 * at. What holds it (a split that is not what was asked for, an incident that hits both) does so until the step and the wait
 * for what is unsure are over; then a person is asked where it would otherwise go on.
 */
export function dwellAnswer(
  step: ShareStep | EarlyStep,
  verdict: StageVerdict,
  whenUnsure: Plan['whenUnsure'],
): DwellAnswer {
  const dweltMs = verdict.seconds * 1000;
  if (verdict.hold !== null) {
    if (dweltMs < step.atMostMs + whenUnsure.waitMs) return STAY;
    return { kind: 'unsure', reason: `held for ${formatDuration(dweltMs)}: ${verdict.hold}`, held: true };
  }
  const isGood = verdict.overall === 'safe' || verdict.overall === 'quiet';
  if (isGood && dweltMs >= step.atLeastMs) return { kind: 'advance' };
  if (dweltMs < step.atMostMs) return STAY;
  const enough =
    verdict.overall !== 'suspicious' && verdict.overall !== 'harmful' && verdict.requests >= LEAST_REQUESTS;
  if (!enough && dweltMs < step.atMostMs + whenUnsure.waitMs) return STAY;
  const why = enough
    ? 'no evidence against it, but not surely safe'
    : verdict.overall === 'suspicious'
      ? 'suspicious'
      : `only ${verdict.requests} requests`;
  return { kind: 'unsure', reason: `undecided after ${formatDuration(dweltMs)}: ${why}`, held: false };
}

/** What is unsure and held is a person's to decide where it would otherwise go on by itself. */
export function actWhenUnsure(
  answer: Extract<DwellAnswer, { kind: 'unsure' }>,
  { then }: Plan['whenUnsure'],
): Plan['whenUnsure']['then'] {
  return answer.held && then === 'advance' ? 'ask' : then;
}
