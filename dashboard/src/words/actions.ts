import type { Action, InfoAnswer, Rollout, Service } from '../api/api-types.ts';

/** A verb as a button. */
export type Button = {
  readonly action: Action | 'retry';
  readonly label: string;
  readonly look: 'main' | 'back' | 'usual';
  /** Why it cannot be used now; null: it can. */
  readonly off: string | null;
  /** What is asked for before it is done: a note, a share, or whether it is meant; null: nothing, it is done at once. */
  readonly asks: 'note' | 'share' | 'sure' | null;
};

type Known = Pick<InfoAnswer, 'role' | 'actor'>;

const LABELS: Partial<Record<Action, string>> = {
  approve: 'Approve',
  reject: 'Reject',
  promote: 'Promote',
  'promote-full': 'Promote to 100 %',
  pause: 'Pause',
  resume: 'Resume',
  weight: 'Set share',
  abort: 'Abort',
  rollback: 'Roll back',
};

/** Going back and standing still never ask. */
const ASKS: Partial<Record<Action, Button['asks']>> = {
  approve: 'note',
  reject: 'note',
  'promote-full': 'sure',
  weight: 'share',
};

/** The buttons of a service now: what the server would take, and of the rest why it would not. */
export function buttonsOf(service: Service, me: Known): readonly Button[] {
  const { rollout } = service;
  const shown: readonly Action[] =
    rollout === null
      ? ['rollback']
      : [
          ...(rollout.approval === null ? [] : (['approve', 'reject'] as const)),
          'promote',
          'promote-full',
          rollout.paused || rollout.byHand ? 'resume' : 'pause',
          'weight',
          'abort',
        ];
  return shown.map((action) => ({
    action,
    label: LABELS[action] ?? action,
    look: lookOf(action),
    off: offWords(action, service, me),
    asks: ASKS[action] ?? null,
  }));
}

function lookOf(action: Action): Button['look'] {
  if (action === 'approve' || action === 'promote') return 'main';
  return ['abort', 'rollback', 'reject'].includes(action) ? 'back' : 'usual';
}

function offWords(action: Action, service: Service, me: Known): string | null {
  if (me.role === 'viewer') return 'Your role is viewer: it may only look.';
  const { rollout, lock, freezes } = service;
  if (action === 'approve' && rollout !== null) return approveWords(rollout, me);
  if (service.allowedActions.includes(action)) return null;
  if (lock !== null && ['promote', 'promote-full', 'weight', 'resume'].includes(action)) {
    // What a lock leaves to its holder is in nobody's list.
    return lock.by === me.actor ? null : `${lock.by} holds the lock: ${lock.reason}`;
  }
  const freeze = freezes.find(({ alsoAdvancing }) => alsoAdvancing);
  if (freeze !== undefined && action.startsWith('promote'))
    return `Frozen by ${freeze.by}${freeze.reason === null ? '' : `: ${freeze.reason}`}.`;
  return rollout === null ? idleWords(service) : stateWords(action, rollout);
}

function idleWords(service: Service): string {
  return service.stable === null
    ? 'Nothing serves yet: there is nothing to go back from.'
    : 'There is nothing to go back to.';
}

function stateWords(action: Action, rollout: Rollout): string {
  if (rollout.outcome !== null) return 'Traffic is on its way back to stable already.';
  if (rollout.approval !== null && action.startsWith('promote'))
    return 'It waits for approval: nobody goes past that.';
  if (rollout.phase === 'watching')
    return action.startsWith('promote')
      ? 'It has all the traffic already.'
      : 'It has all the traffic and is watched.';
  if (['clearing', 'starting', 'probing', 'verifying'].includes(rollout.phase))
    return 'The new version is not ready yet.';
  if (rollout.phase === 'shifting') return 'The share is being changed at this moment.';
  if (rollout.phase === 'retiring' || rollout.phase === 'returning') return 'The rollout is ending.';
  return `The server does not allow it while the rollout is ${rollout.phase}.`;
}

function approveWords(rollout: Rollout, me: Known): string | null {
  const { approval } = rollout;
  if (approval === null) return 'Nothing waits for approval.';
  if (me.actor.endsWith('(unverified)'))
    return 'Nobody knows who you are: log in with a token of your own to approve.';
  if (rollout.actor === me.actor || rollout.actor.startsWith(`${me.actor} `))
    return 'You started this rollout: somebody else has to agree.';
  if (approval.given.some(({ by }) => by === me.actor)) return 'You have agreed already.';
  if (approval.of !== null && !approval.of.includes(me.actor)) return `Only ${approval.of.join(', ')} may.`;
  return null;
}
