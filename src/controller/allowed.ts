import { approvalNow } from '../rollout/agreement.ts';
import { nothing, refused, type Answer } from '../rollout/answer.ts';
import type { RolloutEvent, Verb } from '../rollout/event.ts';
import type { Freeze } from '../rollout/guard.ts';
import { slotWithRole, type DeployRequest, type Previews, type ServiceState } from '../rollout/state.ts';
import { transition } from '../rollout/transition.ts';
import { ROLES, type Caller, type Role } from './controller.ts';
import { ROLLOUT_ACTIONS, SERVICE_ACTIONS, type Action, type Actions, type RefusedAction } from './views.ts';

/** When, by both clocks, and what of the whole server is frozen then. */
export type Moment = Pick<RolloutEvent, 'atMs' | 'wallMs' | 'frozen'>;

/** Who wants to know what they may do. */
export type Asker = Pick<Caller, 'actor' | 'role' | 'services' | 'verified'>;

/** What anybody may do who may steer at all: a lock leaves it nothing, and it agrees to nothing of its own. */
export const NOBODY: Asker = { actor: 'nobody', role: 'admin', verified: true };

/** What starts a rollout, as the server would ask for it; made up, and never recorded. */
export type Starts = {
  /** Of some version that is not here yet. */
  start(state: ServiceState, asker: Asker): DeployRequest;
  /** Of the version that a rollback goes to; why there is none. */
  back(state: ServiceState, asker: Asker): DeployRequest | Extract<Answer, { kind: 'refused' }>;
};

export type At = { readonly moment: Moment; readonly starts: Starts };

/** Addresses that no slot has: where one would be given, nothing is decided by which. */
const ANY: Previews = { blue: { host: '127.0.0.1', port: 1 }, green: { host: '127.0.0.1', port: 2 } };
/** No reason that people give is empty, so that it differs from what stands. */
const NEW = { reason: '', untilMs: null, timeZone: 'UTC' };

/** The same as that of its route. */
function leastRole(action: Action): Role {
  return action === 'remove' ? 'admin' : 'operator';
}

/** What this one may do to a service now, and of the rest why not. The transition itself is asked, so that they cannot differ. */
export function actionsOf(state: ServiceState, asker: Asker, at: At): Actions {
  return sorted(SERVICE_ACTIONS, asker, (action) => answerTo(state, action, { asker, at }));
}

/** The same of a rollout that is over: whether its release may be tried again. */
export function actionsOfPast(state: ServiceState | null, asker: Asker, again: () => Answer): Actions {
  return sorted(['retry'], asker, () =>
    state === null ? refused('SERVICE_UNKNOWN', 'its service is not there any more.') : again(),
  );
}

/** Those that are about the rollout that is under way. */
export function onRollout({ allowedActions, refusedActions }: Actions): Actions {
  return {
    allowedActions: allowedActions.filter(isAboutRollout),
    refusedActions: refusedActions.filter(({ action }) => isAboutRollout(action)),
  };
}

function isAboutRollout(action: Action): boolean {
  return (ROLLOUT_ACTIONS as readonly Action[]).includes(action);
}

function sorted<A extends Action>(
  all: readonly A[],
  asker: Asker,
  ask: (action: A) => Answer | null,
): Actions {
  const allowedActions: Action[] = [];
  const refusedActions: RefusedAction[] = [];
  for (const action of all) {
    const answer = roleRefusal(action, asker) ?? ask(action);
    if (answer === null || answer.kind === 'turn') allowedActions.push(action);
    else
      refusedActions.push({
        action,
        code: answer.kind === 'refused' ? answer.code : null,
        why: answer.why,
      });
  }
  return { allowedActions, refusedActions };
}

function roleRefusal(action: Action, { role }: Asker): Answer | null {
  const least = leastRole(action);
  if (ROLES.indexOf(role) >= ROLES.indexOf(least)) return null;
  return refused('ROLE_TOO_LOW', `it needs the role ${least}, and yours is ${role}.`);
}

type By = { readonly asker: Asker; readonly at: At };

/** Null: nothing stands against it that is known before it is asked. */
function answerTo(
  state: ServiceState,
  action: (typeof SERVICE_ACTIONS)[number],
  { asker, at }: By,
): Answer | null {
  const { actor } = asker;
  const ask = (verb: Verb): Answer => transition(state, { ...verb, ...at.moment, actor });
  switch (action) {
    case 'deploy':
    case 'supersede':
      return startOf(state, action, { asker, at });
    case 'rollback':
      return backOf(state, { asker, at });
    case 'apply':
      return state.removing ? refused('SERVICE_LEAVING', `${state.service} is being removed.`) : null;
    case 'promote':
      return ask({ kind: 'promote', fromStep: null, full: false });
    case 'promote-full':
      return ask({ kind: 'promote', fromStep: null, full: true });
    case 'weight':
      return ask({ kind: 'weight', percent: otherWeight(state), beyondPlan: true });
    case 'approve':
      return approveOf(state, { asker, at });
    case 'reject':
      return ask({ kind: 'reject', rollout: null, step: null, reason: null });
    case 'abort':
      return ask({ kind: 'abort', rollout: null });
    case 'pause':
    case 'resume':
    case 'remove':
    case 'unfreeze':
      return ask({ kind: action });
    case 'lock':
      return ask({ kind: 'lock', ...NEW });
    case 'unlock':
    case 'unlock-force':
      return ask({ kind: 'unlock', force: action === 'unlock-force', reason: NEW.reason });
    case 'freeze':
      return ask({ kind: 'freeze', freeze: newFreeze(actor, at.moment) });
  }
}

function startOf(state: ServiceState, action: 'deploy' | 'supersede', { asker, at }: By): Answer {
  const supersede = action === 'supersede';
  if (supersede && state.rollout === null)
    return refused('NO_ROLLOUT', `no rollout of ${state.service} is under way: a deploy begins one.`);
  return begun(state, { request: at.starts.start(state, asker), supersede }, { asker, at });
}

/** What a deploy of this request would be answered. */
export function begun(
  state: ServiceState,
  { request, supersede }: { readonly request: DeployRequest; readonly supersede: boolean },
  { asker: { actor }, at: { moment } }: By,
): Answer {
  const event = { kind: 'deploy' as const, request, supersede, spec: null, ...previewFor(state) };
  return transition(state, { ...event, ...moment, actor });
}

/** During a rollout it is an abort; on the way back already there is nothing to do. */
function backOf(state: ServiceState, { asker, at }: By): Answer {
  const { rollout } = state;
  const { actor } = asker;
  if (rollout?.purpose === 'rollback' && rollout.ending === null)
    return nothing(`${rollout.id} goes back to ${rollout.label} already.`);
  if (rollout !== null) return transition(state, { kind: 'abort', rollout: null, ...at.moment, actor });
  const back = at.starts.back(state, asker);
  if ('kind' in back) return back;
  const kept = slotWithRole(state, 'kept');
  const healthy = kept === null ? 0 : state.slots[kept].healthy;
  const seen = { healthy, crashes: 0, ...previewFor(state) };
  return transition(state, { kind: 'rollback', request: back, ...seen, ...at.moment, actor });
}

/** Whether anybody may, where nobody asks. */
function approveOf(state: ServiceState, { asker, at }: By): Answer | null {
  const { actor, verified = false } = asker;
  if (asker === NOBODY && state.rollout !== null && approvalNow(state.rollout) !== null) return null;
  const approve = { kind: 'approve' as const, rollout: null, step: null, reason: null, verified };
  return transition(state, { ...approve, ...at.moment, actor });
}

function previewFor({ preview }: ServiceState): { readonly preview?: Previews } {
  return preview === undefined ? { preview: ANY } : {};
}

function newFreeze(by: string, { wallMs }: Moment): Freeze {
  return { by, scope: 'service', fromMs: wallMs, ...NEW, alsoAdvancing: false };
}

/** One that is not set already; the least is never more than what is there, so that no guard stands before it. */
function otherWeight(state: ServiceState): number {
  return state.rollout?.sharePercent === 1 ? 2 : 1;
}
