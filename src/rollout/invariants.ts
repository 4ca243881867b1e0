import { assert } from '../lib/assert.ts';
import type { RolloutEvent } from './event.ts';
import { agreedPercent, firstUngranted } from './agreement.ts';
import { routeOf } from './route.ts';
import { stepOf, type ServiceState } from './state.ts';
import type { Turn } from './turn.ts';

/** What must hold across every decision; checked in production, in tests and in simulation. A breach is a bug. */
export function checkInvariants(before: ServiceState, event: RolloutEvent, turn: Turn): void {
  const after = turn.state;
  assert(
    turn.gone || slotsAreSane(after),
    `${event.kind}: two slots of ${after.service} have one role, or a role has no release`,
  );
  assert(
    turn.gone || servesWhatPassedItsGate(before, after),
    `${event.kind}: user traffic would go to a slot that did not pass its gate`,
  );
  assert(
    isVerifiedBeforeTraffic(after),
    `${event.kind}: user traffic would go to what did not pass its checks`,
  );
  assert(isAgreedTo(after), `${event.kind}: the candidate went past what people have to agree to`);
  assert(
    approversAreOthers(after),
    `${event.kind}: somebody agreed twice, to their own rollout, or without being asked`,
  );
  assert(
    shareGrowsOnlyByDecision(before, after, event),
    `${event.kind}: the candidate's share grew without a planned or a person's step`,
  );
  assert(
    copiesOnlyAsPlanned(before, after),
    `${event.kind}: copies would go to what did not pass its gate, or without a step for them`,
  );
  assert(abortIsHeard(before, after, event), `${event.kind}: an abort left the candidate with a share`);
  assert(heldStays(before, after), `${event.kind}: a rollout that a freeze holds got a larger share`);
  assert(onlyLeaversAreStopped(turn), `${event.kind}: a slot with a role would be stopped`);
  assert(routeIsCommanded(before, turn), `${event.kind}: the route changed and nobody was told`);
}

function slotsAreSane(state: ServiceState): boolean {
  const { blue, green } = state.slots;
  if (blue.role === green.role && blue.role !== 'free' && blue.role !== 'leaving') return false;
  return [blue, green].every((slot) => (slot.role === 'free') === (slot.releaseId === null));
}

/** The slot that serves everyone, and the one that gets a share, are running and either proven before or just proven. */
function servesWhatPassedItsGate(before: ServiceState, after: ServiceState): boolean {
  const route = routeOf(after);
  const { rollout } = after;
  const getsTraffic = [route.serve, route.split?.slot ?? null].filter((slot) => slot !== null);
  return getsTraffic.every((slot) => {
    const { role, replicas, healthy } = after.slots[slot];
    if (role === 'stable') return true;
    if (role !== 'candidate' || rollout === null || replicas === 0) return false;
    const had = before.rollout?.id === rollout.id && before.rollout.sharePercent > 0;
    return had || gatePassed(before) || healthy >= replicas;
  });
}

function gatePassed(state: ServiceState): boolean {
  return (
    state.rollout !== null && ['shifting', 'dwelling', 'asking', 'watching'].includes(state.rollout.phase)
  );
}

function isVerifiedBeforeTraffic({ rollout }: ServiceState): boolean {
  if (rollout === null || rollout.sharePercent === 0 || rollout.verified === true) return true;
  return !rollout.plan.steps.some((step) => step.kind === 'verify');
}

function isAgreedTo({ rollout }: ServiceState): boolean {
  if (rollout === null || rollout.ending !== null) return true;
  const until = firstUngranted(rollout);
  return until === -1 || (rollout.stepIndex <= until && rollout.sharePercent <= agreedPercent(rollout));
}

function approversAreOthers({ rollout }: ServiceState): boolean {
  const given = rollout?.approvals ?? [];
  return given.every(({ stepIndex, by }, index) => {
    const step = rollout!.plan.steps[stepIndex];
    const first = given.findIndex((one) => one.stepIndex === stepIndex && one.by === by);
    const starter = rollout!.actor.replace(/ \(unverified\)$/, '');
    return first === index && by !== starter && step?.kind === 'approval' && (step.of?.includes(by) ?? true);
  });
}

function shareGrowsOnlyByDecision(before: ServiceState, after: ServiceState, event: RolloutEvent): boolean {
  const was = before.rollout;
  const is = after.rollout;
  if (is === null || is.sharePercent === 0) return true;
  const former = was !== null && was.id === is.id ? was.sharePercent : 0;
  if (is.sharePercent <= former) return true;
  if (event.kind === 'weight') return true;
  const step = is.plan.steps[is.stepIndex];
  return (
    (step?.kind === 'share' && step.percent === is.sharePercent) ||
    (step?.kind === 'full' && is.sharePercent === 100)
  );
}

/** Copies go to a candidate that is through its gate and its checks, while nobody gets it, and no longer than its step lasts. */
function copiesOnlyAsPlanned(before: ServiceState, after: ServiceState): boolean {
  const { mirror } = routeOf(after);
  if (mirror === undefined) return true;
  const { rollout } = after;
  if (rollout === null || rollout.ending !== null || mirror.slot !== rollout.candidate) return false;
  if (rollout.sharePercent > 0 || stepOf(rollout)?.kind !== 'mirror') return false;
  const { replicas, healthy } = after.slots[mirror.slot];
  const isThrough = gatePassed(before) || healthy >= replicas;
  const isVerified = rollout.verified === true || !rollout.plan.steps.some(({ kind }) => kind === 'verify');
  return replicas > 0 && isThrough && isVerified;
}

function abortIsHeard(before: ServiceState, after: ServiceState, event: RolloutEvent): boolean {
  if (event.kind !== 'abort' && event.kind !== 'rollback') return true;
  if (before.rollout === null || after.rollout?.id !== before.rollout.id) return true;
  if (event.kind === 'abort' && event.rollout !== null && event.rollout !== before.rollout.id) return true;
  return after.rollout.sharePercent === 0 && after.rollout.ending !== null;
}

function heldStays(before: ServiceState, after: ServiceState): boolean {
  const was = before.rollout;
  const is = after.rollout;
  if (is === null || was === null || is.id !== was.id || !is.held || is.ending !== null) return true;
  return is.sharePercent <= was.sharePercent;
}

function onlyLeaversAreStopped(turn: Turn): boolean {
  return turn.commands.every(
    ({ command }) => command.kind !== 'stopSlot' || turn.state.slots[command.slot].role === 'leaving',
  );
}

function routeIsCommanded(before: ServiceState, turn: Turn): boolean {
  if (turn.gone || turn.state.route.revision === before.route.revision) return true;
  return turn.commands.some(
    ({ command }) => command.kind === 'applyRoute' && command.route.revision === turn.state.route.revision,
  );
}
