import { assert } from '../lib/assert.ts';
import { peopleWords, placeWords, type ApprovalStep } from '../release/approval.ts';
import { refused, type Answer } from './answer.ts';
import { stepOf, type DeployRequest, type Rollout } from './state.ts';

/** `ana (unverified)` may well be ana. */
export function nameOf(actor: string): string {
  return actor.replace(/ \(unverified\)$/, '');
}

/** Where nobody knows who started it, that one may be among those who agree: so one more is needed. */
export function neededOf({ known }: Pick<Rollout, 'known'>, { need }: ApprovalStep): number {
  return known === true ? need : need + 1;
}

function givenAt({ approvals = [] }: Rollout, stepIndex: number) {
  return approvals.filter((one) => one.stepIndex === stepIndex);
}

export function isGranted(rollout: Rollout, stepIndex: number): boolean {
  const step = rollout.plan.steps[stepIndex];
  assert(step?.kind === 'approval', 'no approval stands there');
  return givenAt(rollout, stepIndex).length >= neededOf(rollout, step);
}

/** The next thing that people must agree to, or -1. */
export function firstUngranted(rollout: Rollout): number {
  return rollout.plan.steps.findIndex(
    (step, index) => step.kind === 'approval' && !isGranted(rollout, index),
  );
}

/** The highest share that nobody has to agree to any more, in percent. */
export function agreedPercent(rollout: Rollout): number {
  const until = firstUngranted(rollout);
  if (until === -1) return 100;
  const shares = rollout.plan.steps.slice(0, until).map((step) => (step.kind === 'share' ? step.percent : 0));
  return Math.max(0, ...shares);
}

/** What people are asked to agree to now, and how far it is; null where they are not. */
export function approvalNow(rollout: Rollout) {
  const step = stepOf(rollout);
  if (step?.kind !== 'approval' || rollout.phase !== 'asking' || rollout.ending !== null) return null;
  return { step, need: neededOf(rollout, step), given: givenAt(rollout, rollout.stepIndex) };
}

/** Whom it waits for, and what they can do. */
export function agreementWords(rollout: Rollout, step: ApprovalStep): string {
  const need = neededOf(rollout, step);
  const more = need > step.need ? ' (one more than planned, because who started it is not known)' : '';
  return `${peopleWords({ need, of: step.of })}${more} to agree ${placeWords(step.before)}`;
}

/** Why nobody could ever agree to it, or null. */
export function whyNeverAgreed({ plan, actor, known }: DeployRequest): string | null {
  for (const step of plan.steps) {
    if (step.kind !== 'approval' || step.of === null) continue;
    const others = step.of.filter((name) => name !== nameOf(actor));
    const need = neededOf({ ...(known === true && { known }) }, step);
    if (others.length >= need) continue;
    const unknown =
      known === true
        ? ''
        : ` Who starts it is not known, so one more is needed: start it with a token (BASCULE_TOKEN).`;
    return `${placeWords(step.before)} it needs ${need} of ${step.of.join(', ')}, who are not ${nameOf(actor)}: nobody could ever agree to it.${unknown}`;
  }
  return null;
}

/** What keeps a person from going past what others must agree to, or null. `to`: the step that they want. */
export function refusedUnagreed(rollout: Rollout, to: number): Answer | null {
  const until = firstUngranted(rollout);
  if (until === -1 || until >= to) return null;
  const step = rollout.plan.steps[until] as ApprovalStep;
  const who = peopleWords({ need: neededOf(rollout, step), of: step.of });
  return refused(
    'APPROVAL_NEEDED',
    `${who} must agree ${placeWords(step.before)}; nothing was promoted, and traffic stays as it is. They say so with "bascule approve", or "bascule reject".`,
  );
}
