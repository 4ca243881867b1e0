import type { Action, Rollout, Service } from '../api/api-types.ts';
import {
  frozenWords,
  VIEWER_WORDS,
  type Button,
  type ButtonVerb,
  type Field,
  type Known,
} from './buttons.ts';

const LABELS: Partial<Record<ButtonVerb, string>> = {
  approve: 'Approve',
  reject: 'Reject',
  promote: 'Promote',
  'promote-full': 'Promote to 100 %',
  pause: 'Pause',
  resume: 'Resume',
  weight: 'Set share',
  abort: 'Abort',
  rollback: 'Roll back',
  'rollback-to': 'Roll back to',
  deploy: 'Deploy',
  supersede: 'Deploy instead',
};

/** Going back and standing still never ask; which version to go back to is no question of that kind. */
const ASKS: Partial<Record<ButtonVerb, readonly Field[]>> = {
  approve: ['note'],
  reject: ['note'],
  'promote-full': [],
  weight: ['share'],
  'rollback-to': ['version'],
  deploy: ['version'],
  supersede: ['version'],
};

const SAYS: Partial<Record<ButtonVerb, string>> = {
  approve: 'Your name and what you write here stay with the rollout and in the audit.',
  reject: 'All traffic goes back to stable. What you write here stays with the rollout and in the audit.',
  promote: 'The rollout goes to its next step, and no freeze holds it any more.',
  'promote-full': 'The new version gets all of the traffic now, past every step that is left.',
  weight: 'From then on the judge only advises, until somebody resumes. Severe faults still go back.',
  'rollback-to': 'All traffic goes to it as soon as it is ready, past all steps.',
  deploy: 'A version that was made here before, by the plan of now.',
  supersede: 'What is under way is given up for a version that was made here before.',
};

/** The buttons of a service now: what the server would take, and of the rest why it would not. */
export function buttonsOf(service: Service, me: Known): readonly Button[] {
  const { rollout } = service;
  const shown: readonly ButtonVerb[] =
    rollout === null
      ? ['deploy', 'rollback', 'rollback-to']
      : [
          ...(rollout.approval === null ? [] : (['approve', 'reject'] as const)),
          'promote',
          'promote-full',
          rollout.paused || rollout.byHand ? 'resume' : 'pause',
          'weight',
          'abort',
          'supersede',
        ];
  return shown.map((verb) => ({
    verb,
    label: LABELS[verb] ?? verb,
    look: lookOf(verb),
    off: offWords(verb, service, me),
    asks: asksOf(verb, service),
    says: SAYS[verb] ?? '',
  }));
}

function lookOf(verb: ButtonVerb): Button['look'] {
  if (verb === 'approve' || verb === 'promote') return 'main';
  return ['abort', 'rollback', 'reject'].includes(verb) ? 'back' : 'usual';
}

/** What a freeze stands before asks for a reason to go past it. */
function asksOf(verb: ButtonVerb, service: Service): Button['asks'] {
  const asks = ASKS[verb] ?? null;
  return freezeBefore(verb, service) === null ? asks : [...(asks ?? []), 'override'];
}

function freezeBefore(verb: ButtonVerb, { freezes, rollout, allowedActions }: Service) {
  if (verb === 'deploy' || verb === 'supersede') return freezes[0] ?? null;
  if (verb !== 'promote' && verb !== 'promote-full') return null;
  if (allowedActions.includes(verb) || rollout === null || !isPromotable(rollout)) return null;
  return freezes.find(({ alsoAdvancing }) => alsoAdvancing) ?? null;
}

function isPromotable({ phase, approval, outcome }: Rollout): boolean {
  return outcome === null && approval === null && (phase === 'dwelling' || phase === 'asking');
}

function offWords(verb: ButtonVerb, service: Service, me: Known): string | null {
  if (me.role === 'viewer') return VIEWER_WORDS;
  const { rollout, lock, freezes } = service;
  if (verb === 'approve' && rollout !== null) return approveWords(rollout, me);
  const action: Action = verb === 'rollback-to' ? 'rollback' : (verb as Action);
  if (service.allowedActions.includes(action)) return null;
  if (
    lock !== null &&
    ['promote', 'promote-full', 'weight', 'resume', 'deploy', 'supersede'].includes(verb) &&
    lock.by !== me.actor
  )
    return `${lock.by} holds the lock: ${lock.reason}`;
  if (freezeBefore(verb, service) !== null) return null;
  // What a lock leaves to its holder is in nobody's list.
  if (lock !== null && (verb === 'deploy' || verb === 'supersede' || isMovable(rollout))) return null;
  const freeze = freezes.find(({ alsoAdvancing }) => alsoAdvancing);
  if (freeze !== undefined && verb === 'weight') return frozenWords(freeze);
  return rollout === null ? idleWords(service) : stateWords(verb, rollout);
}

function isMovable(rollout: Rollout | null): boolean {
  return rollout !== null && isPromotable(rollout);
}

function idleWords(service: Service): string {
  return service.stable === null
    ? 'Nothing serves yet: there is nothing to go back from.'
    : 'There is nothing to go back to.';
}

function stateWords(verb: ButtonVerb, rollout: Rollout): string {
  if (rollout.outcome !== null) return 'Traffic is on its way back to stable already.';
  if (rollout.approval !== null && verb.startsWith('promote'))
    return 'It waits for approval: nobody goes past that.';
  if (rollout.phase === 'watching')
    return verb.startsWith('promote')
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
