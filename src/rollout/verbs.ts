import { canonicalJson } from '../lib/json.ts';
import { nothing, refused, turned, type Answer } from './answer.ts';
import type { RolloutEvent, Verb } from './event.ts';
import { agreedPercent, isGranted, refusedUnagreed } from './agreement.ts';
import { goOnAfterPause } from './approvals.ts';
import { newRollout, warmSlotOf } from './new-rollout.ts';
import { replicasFor } from './places.ts';
import type { ServiceSpec } from '../release/service.ts';
import { otherSlot, SLOT_NAMES } from '../release/slot.ts';
import { advance, begin, enterStep, finish, goBack, overlook, shift, vacate } from './steps.ts';
import { slotInUse } from './stand-in.ts';
import { slotWithRole, stepOf, type Ending, type Rollout, type ServiceState } from './state.ts';
import { command, say, turnOf, withRollout, withSlot, withState, type Turn } from './turn.ts';

type Asked<K extends Verb['kind']> = Extract<RolloutEvent, { kind: K }>;

export function apply(state: ServiceState, event: Asked<'apply'>): Answer {
  if (state.removing)
    return refused('SERVICE_LEAVING', `${state.service} is being removed; nothing was applied.`);
  const { spec } = event;
  const doorMoves = canonicalJson(spec.door) !== canonicalJson(state.spec.door);
  const healthMoves = canonicalJson(spec.release.health) !== canonicalJson(state.spec.release.health);
  const targetsMove = canonicalJson(spec.targets) !== canonicalJson(state.spec.targets);
  const scaleMoves = targetsMove || canonicalJson(spec.scale) !== canonicalJson(state.spec.scale);
  const policyMoves = canonicalJson(spec.policy) !== canonicalJson(state.spec.policy);
  if (canonicalJson(spec) === canonicalJson(state.spec))
    return nothing(`${state.service} is as the file says.`);
  if ((doorMoves || scaleMoves) && state.rollout !== null) {
    return refused(
      'ROLLOUT_UNDER_WAY',
      `door, scale and targets cannot change while ${state.rollout.id} is under way; nothing was applied. Wait for it, or abort it.`,
    );
  }
  const fixed = targetsMove ? whyFixed(state, spec) : null;
  if (fixed !== null) return refused('TARGETS_FIXED', `${fixed} Nothing was applied.`);
  const changed = withState(turnOf(state), { spec, addresses: spec.targets ?? state.addresses });
  const scaled = scaleMoves ? rescaled(changed) : changed;
  const scale = targetsMove ? 'targets' : scaleMoves && 'scale';
  const moved = [doorMoves && 'door', scale, policyMoves && 'policy'].filter(Boolean);
  // What belongs to a release comes with it.
  const said = moved.length === 0 ? scaled : say(scaled, `applied: ${moved.join(', ')}`);
  const described = doorMoves || healthMoves || targetsMove;
  return turned(described ? command(said, { kind: 'installDoor' }) : said);
}

/** Why the targets cannot become these, or null. Users must not be sent elsewhere without a gate, a judge and a way back. */
function whyFixed(state: ServiceState, { name, targets }: ServiceSpec): string | null {
  if (targets === null || state.spec.targets === null) {
    const [now, asked] = targets === null ? ['somebody else', 'Bascule'] : ['Bascule', 'somebody else'];
    return `${name} is run by ${now}, and the file has it run by ${asked}: that is another service. Give it another name, or remove this one first.`;
  }
  const stable = slotWithRole(state, 'stable');
  if (stable === null) return null;
  const [before, after] = [state.addresses[stable], targets[stable]];
  const both = Math.min(before.length, after.length);
  if (canonicalJson(before.slice(0, both)) === canonicalJson(after.slice(0, both))) return null;
  return `${stable} serves users, so its targets stay where they are; only the end of their list may grow or shrink. Change those of ${otherSlot(stable)} and deploy.`;
}

/** The route counts the new replicas first; the runtime follows once that is proven. */
function rescaled(turn: Turn): Turn {
  let scaled = turn;
  for (const name of SLOT_NAMES) {
    const { role, replicas } = turn.state.slots[name];
    const wanted = replicasFor(turn.state, name);
    if ((role !== 'stable' && role !== 'kept') || replicas === wanted) continue;
    scaled = withState(withSlot(scaled, name, { replicas: wanted }), { scaling: true });
  }
  return scaled;
}

export function deploy(state: ServiceState, event: Asked<'deploy'>): Answer {
  const { request, supersede } = event;
  const stable = slotWithRole(state, 'stable');
  if (state.removing)
    return refused('SERVICE_LEAVING', `${state.service} is being removed; nothing was started.`);
  const { rollout } = state;
  const asked = specTaken(state, event.spec);
  if (rollout === null) {
    if (stable === null || state.slots[stable].releaseId !== request.releaseId)
      return slotInUse(state) ?? turned(begin(asked, request, event.atMs));
    const serves = `${request.label} is what serves already`;
    return asked.state === state
      ? nothing(`${serves}.`)
      : turned(say(asked, `${serves}; only the policy changed`));
  }
  if (rollout.releaseId === request.releaseId && rollout.ending === null)
    return nothing(`${rollout.id} is rolling out ${request.label} already.`);
  if (rollout.next !== null && rollout.next.releaseId === request.releaseId)
    return nothing(`${rollout.next.rollout} begins as soon as ${rollout.label} is gone.`);
  if (supersede)
    return (rollout.promoted ? slotInUse(state) : null) ?? turned(superseded(asked, rollout, event));
  return refused(
    'ROLLOUT_UNDER_WAY',
    `${rollout.id} (${rollout.label}) is under way; nothing was started. Wait for it, abort it, or give --supersede.`,
  );
}

/** What the file says of the policy, and of a door that served nobody yet, goes with the request: all is recorded, or nothing. */
function specTaken(state: ServiceState, spec: ServiceSpec | null): Turn {
  const turn = turnOf(state);
  if (spec === null || canonicalJson(spec) === canonicalJson(state.spec)) return turn;
  const taken = withState(turn, { spec });
  const moved = (['door', 'policy'] as const).filter(
    (part) => canonicalJson(spec[part]) !== canonicalJson(state.spec[part]),
  );
  return moved.length === 0 ? taken : say(taken, `applied: ${moved.join(', ')}`);
}

function superseded(turn: Turn, rollout: Rollout, event: Asked<'deploy'>): Turn {
  const { request, actor, atMs } = event;
  const reason = `superseded by ${request.label}`;
  const ending: Ending = { outcome: 'superseded', cause: 'superseded', reason, by: actor, decidedAtMs: atMs };
  const dropped = unqueued(turn, { ...ending, reason: `${reason} before it began` });
  const waiting = withRollout(dropped, { next: request });
  if (rollout.ending !== null) return say(waiting, `${request.label} begins when ${rollout.label} is gone`);
  return rollout.promoted
    ? finish(waiting, { ...ending, outcome: 'done', reason: `watch cut short: ${reason}` }, atMs)
    : goBack(waiting, ending);
}

/** What waited for its turn never begins; it keeps its record. */
function unqueued(turn: Turn, ending: Ending): Turn {
  const { rollout } = turn.state;
  if (rollout === null || rollout.next === null) return turn;
  const dropped = { rollout: newRollout(turn.state, rollout.next, ending.decidedAtMs), ending };
  return { ...withRollout(turn, { next: null }), dropped };
}

export function pause(state: ServiceState, event: Asked<'pause'>): Answer {
  const { rollout } = state;
  if (rollout === null || rollout.ending !== null) return noRollout(state, 'pause');
  if (rollout.paused !== null) return nothing(`${rollout.id} is paused already (by ${rollout.paused.by}).`);
  const paused = { by: event.actor, atMs: event.atMs, reason: `paused by ${event.actor}` };
  return turned(
    say(withRollout(turnOf(state), { paused }), `paused by ${event.actor}; harm and severe faults still act`),
  );
}

export function resume(state: ServiceState, event: Asked<'resume'>): Answer {
  const { rollout } = state;
  if (rollout === null || rollout.ending !== null) return noRollout(state, 'resume');
  if (rollout.paused === null && !rollout.byHand) return nothing(`${rollout.id} is not paused.`);
  const resumed = say(
    withRollout(overlook(turnOf(state), event.atMs), { paused: null, byHand: false }),
    `resumed by ${event.actor}`,
  );
  if (!rollout.byHand) return turned(goOnAfterPause(resumed, event.atMs));
  const above = rollout.plan.steps.findIndex(
    (step, index) =>
      (step.kind === 'share' && step.percent > rollout.sharePercent) ||
      (step.kind === 'approval' && !isGranted(rollout, index)) ||
      step.kind === 'ask' ||
      step.kind === 'full',
  );
  return turned(enterStep(resumed, above, event.atMs));
}

export function promote(state: ServiceState, event: Asked<'promote'>): Answer {
  const { rollout } = state;
  if (rollout === null || rollout.ending !== null) return noRollout(state, 'promote');
  if (event.fromStep !== null && rollout.stepIndex > event.fromStep) {
    return nothing(`${rollout.id} is already past step ${event.fromStep}.`);
  }
  if (event.fromStep !== null && rollout.stepIndex < event.fromStep) {
    return refused(
      'STEP_NOT_REACHED',
      `${rollout.id} is at step ${rollout.stepIndex}, before ${event.fromStep}. Nothing changed.`,
    );
  }
  if (['clearing', 'starting', 'probing', 'verifying'].includes(rollout.phase)) {
    return refused(
      'NOT_READY_YET',
      `${rollout.label} has not passed its gate; it gets no traffic before that. Nothing changed.`,
    );
  }
  const full = rollout.plan.steps.findIndex((step) => step.kind === 'full');
  if (event.full && rollout.stepIndex >= full)
    return nothing(`${rollout.label} has all traffic already, or is about to.`);
  if (rollout.phase === 'shifting') {
    return refused(
      'ROUTE_PENDING',
      `the share of step ${rollout.stepIndex} is not proven yet; try again in a moment. Nothing changed.`,
    );
  }
  const unagreed = refusedUnagreed(rollout, event.full ? full : rollout.stepIndex + 1);
  if (unagreed !== null) return unagreed;
  const said = say(
    withRollout(overlook(turnOf(state), event.atMs), { byHand: false }),
    `promoted by ${event.actor}`,
  );
  return turned(event.full ? enterStep(said, full, event.atMs) : advance(said, event.atMs));
}

export function weight(state: ServiceState, event: Asked<'weight'>): Answer {
  const { rollout } = state;
  if (rollout === null || rollout.ending !== null) return noRollout(state, 'weight');
  if (
    !['dwelling', 'asking', 'shifting'].includes(rollout.phase) ||
    rollout.promoted ||
    rollout.sharePercent === 100
  ) {
    return refused(
      'NO_SHARE_NOW',
      `${rollout.label} has no share to set: ${phaseWords(rollout)}. Nothing changed.`,
    );
  }
  if (rollout.from === null)
    return refused(
      'NO_SHARE_NOW',
      `this is the first version: there is no other one to share with. Nothing changed.`,
    );
  const { percent } = event;
  if (percent === 100)
    return refused('WEIGHT_IS_PROMOTE', `100% is a promotion: use promote --full. Nothing changed.`);
  if (rollout.byHand && rollout.sharePercent === percent)
    return nothing(`${rollout.label} has ${percent}% by hand already.`);
  const planned = rollout.plan.steps.reduce(
    (most, step) => (step.kind === 'share' ? Math.max(most, step.percent) : most),
    0,
  );
  if (percent > planned && !event.beyondPlan) {
    return refused(
      'WEIGHT_ABOVE_PLAN',
      `${percent}% is above the plan's highest share (${planned}%); give --yes if you mean it. Nothing changed.`,
    );
  }
  const unagreed = percent > agreedPercent(rollout) ? refusedUnagreed(rollout, Infinity) : null;
  if (unagreed !== null) return unagreed;
  const byHand = withRollout(turnOf(state), { byHand: true, asks: null });
  return turned(
    shift(
      say(byHand, `${percent}% by hand (${event.actor}); statistical verdicts are advice until resume`),
      percent,
      event.atMs,
    ),
  );
}

export function abort(state: ServiceState, event: Asked<'abort'>): Answer {
  const { rollout } = state;
  if (rollout === null) return nothing(`no rollout of ${state.service} is under way.`);
  const ofNext = event.rollout !== null && event.rollout === rollout.next?.rollout;
  if (event.rollout !== null && event.rollout !== rollout.id && !ofNext)
    return nothing(`${event.rollout} is over already.`);
  const reason = `taken back by ${event.actor}`;
  const ending: Ending = {
    outcome: 'aborted',
    cause: 'person',
    reason,
    by: event.actor,
    decidedAtMs: event.atMs,
  };
  if (rollout.ending !== null) return abortWhileEnding(state, rollout, ending);
  if (rollout.from !== null) return turned(goBack(turnOf(state), ending));
  return turned(
    goBack(turnOf(state), {
      ...ending,
      outcome: 'never-ready',
      reason: `${reason} before any version served`,
    }),
  );
}

function abortWhileEnding(state: ServiceState, rollout: Rollout, ending: Ending): Answer {
  if (rollout.next === null)
    return nothing(`${rollout.id} is on its way back already: ${rollout.ending?.reason ?? ''}`);
  const dropped = unqueued(turnOf(state), { ...ending, reason: 'aborted before it began' });
  return turned(say(dropped, `${rollout.next.label} will not begin: aborted`));
}

export function rollback(state: ServiceState, event: Asked<'rollback'>): Answer {
  const { rollout } = state;
  if (rollout !== null) return abort(state, { ...event, kind: 'abort', rollout: null });
  if (state.removing)
    return refused('SERVICE_LEAVING', `${state.service} is being removed; nothing was started.`);
  const stable = slotWithRole(state, 'stable');
  if (stable !== null && state.slots[stable].releaseId === event.request.releaseId)
    return nothing(`${event.request.label} is what serves already.`);
  const kept = slotWithRole(state, 'kept');
  const seen = turnOf(state);
  const fresh =
    kept === null
      ? seen
      : withState(seen, {
          slots: { ...state.slots, [kept]: { ...state.slots[kept], healthy: event.healthy } },
        });
  const isWarm = warmSlotOf(fresh.state, event.request) !== null;
  return (
    (isWarm ? null : slotInUse(fresh.state)) ?? turned(begin(fresh, event.request, event.atMs, event.crashes))
  );
}

export function remove(state: ServiceState, _event: Asked<'remove'>): Answer {
  if (state.removing) return nothing(`${state.service} is being removed already.`);
  if (state.rollout !== null)
    return refused(
      'ROLLOUT_UNDER_WAY',
      `${state.rollout.id} is under way; nothing was removed. Abort it first.`,
    );
  let turn = say(withState(turnOf(state), { removing: true }), `${state.service} is taken away`);
  for (const slot of ['blue', 'green'] as const) {
    const { role } = turn.state.slots[slot];
    if (role !== 'free' && role !== 'leaving') turn = vacate(turn, slot);
  }
  const empty = turn.state.slots.blue.role === 'free' && turn.state.slots.green.role === 'free';
  return turned(empty ? command(turn, { kind: 'removeDoor' }) : turn);
}

function noRollout(state: ServiceState, verb: string): Answer {
  const { rollout } = state;
  const why =
    rollout === null
      ? `no rollout of ${state.service} is under way, so there is nothing to ${verb}.`
      : `${rollout.id} is on its way back already: ${rollout.ending?.reason ?? ''}`;
  return refused('NO_ROLLOUT', `${why} Nothing changed.`);
}

function phaseWords(rollout: Rollout): string {
  const step = stepOf(rollout);
  return `it is ${rollout.phase}${step === undefined ? '' : ` at the ${step.kind} step`}`;
}
