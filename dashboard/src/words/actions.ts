import type { Service } from '../api/api-types.ts';
import { offWords, refusalOf, type Button, type ButtonVerb, type Field } from './buttons.ts';

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

/** Where a freeze stands before these, a reason goes past it. */
const PAST_FREEZES: ReadonlySet<ButtonVerb> = new Set(['deploy', 'supersede', 'promote', 'promote-full']);

/** The buttons of a service now: what the server would do, and of the rest why it would not. */
export function buttonsOf(service: Service): readonly Button[] {
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
  return shown.map((verb) => buttonOf(service, verb));
}

function buttonOf(service: Service, verb: ButtonVerb): Button {
  const action = verb === 'rollback-to' ? 'rollback' : verb;
  const code = refusalOf(service, action)?.code ?? null;
  const isFrozen = code === 'FROZEN' && PAST_FREEZES.has(verb);
  // There may be a version to name where there is none that goes without saying.
  const isNameable = verb === 'rollback-to' && code === 'NOTHING_TO_GO_BACK_TO';
  const asks = ASKS[verb] ?? null;
  return {
    verb,
    label: LABELS[verb] ?? verb,
    look: lookOf(verb),
    off: isFrozen || isNameable ? null : offWords(service, action),
    asks: isFrozen ? [...(asks ?? []), 'override'] : asks,
    says: SAYS[verb] ?? '',
  };
}

function lookOf(verb: ButtonVerb): Button['look'] {
  if (verb === 'approve' || verb === 'promote') return 'main';
  return ['abort', 'rollback', 'reject'].includes(verb) ? 'back' : 'usual';
}
