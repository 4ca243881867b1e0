import { approvalNow } from '../rollout/agreement.ts';
import type { RolloutEvent, Verb } from '../rollout/event.ts';
import { freezesOn, lockOn } from '../rollout/guards.ts';
import { slotWithRole, type ServiceState } from '../rollout/state.ts';
import { transition } from '../rollout/transition.ts';
import { ACTIONS, type Action } from './views.ts';

/** When, by both clocks, and what of the whole server is frozen then. */
export type Moment = Pick<RolloutEvent, 'atMs' | 'wallMs' | 'frozen'>;

/**
 * What would not be refused to anybody now; where a verb needs nothing else, the transition itself is asked, so that they
 * cannot differ. What a lock leaves to its holder alone is not there.
 */
export function allowedActions(state: ServiceState, moment: Moment): readonly Action[] {
  return ACTIONS.filter((action) => isAllowed(state, action, moment));
}

function isAllowed(state: ServiceState, action: Action, moment: Moment): boolean {
  const idle = state.rollout === null && !state.removing;
  const isTurn = (verb: Verb): boolean =>
    transition(state, { ...verb, ...moment, actor: 'nobody' }).kind === 'turn';
  switch (action) {
    case 'deploy':
      return idle && mayStart(state, moment);
    case 'supersede':
      return state.rollout !== null && !state.removing && mayStart(state, moment);
    case 'apply':
      return !state.removing;
    case 'rollback':
      return idle ? slotWithRole(state, 'stable') !== null : isTurn({ kind: 'abort', rollout: null });
    case 'promote':
      return isTurn({ kind: 'promote', fromStep: null, full: false });
    case 'promote-full':
      return isTurn({ kind: 'promote', fromStep: null, full: true });
    case 'weight':
      return isTurn({ kind: 'weight', percent: otherWeight(state), beyondPlan: true });
    case 'approve':
    case 'reject':
      return state.rollout !== null && approvalNow(state.rollout) !== null;
    case 'abort':
      return isTurn({ kind: 'abort', rollout: null });
    case 'pause':
    case 'resume':
    case 'remove':
      return isTurn({ kind: action });
  }
}

function mayStart(state: ServiceState, moment: Moment): boolean {
  return lockOn(state, moment.wallMs) === null && freezesOn(state, moment).length === 0;
}

/** One that is not set already; the least is never more than what is there, so that no guard stands before it. */
function otherWeight(state: ServiceState): number {
  return state.rollout?.sharePercent === 1 ? 2 : 1;
}
