import type { Freeze, ServerAction, Service } from '../api/api-types.ts';
import { offWords, type Button, type Permitted } from './buttons.ts';

const LOCK: Omit<Button, 'off'> = {
  verb: 'lock',
  label: 'Lock',
  look: 'usual',
  asks: ['reason', 'length'],
  says: 'Nobody but you starts or promotes anything. Going back is locked for nobody.',
};
const UNLOCK: Omit<Button, 'off'> = { verb: 'unlock', label: 'Unlock', look: 'usual', asks: null, says: '' };
const FREEZE: Omit<Button, 'off'> = {
  verb: 'freeze',
  label: 'Freeze',
  look: 'usual',
  asks: ['note', 'length', 'also-advancing'],
  says: 'Nothing starts. Going back is never frozen.',
};
const UNFREEZE: Omit<Button, 'off'> = {
  verb: 'unfreeze',
  label: 'Unfreeze',
  look: 'usual',
  asks: null,
  says: '',
};

/** What stands before going forward, as buttons: locks and freezes of one service. */
export function guardButtonsOf(service: Service): readonly Button[] {
  return [
    lockButton(service),
    { ...FREEZE, off: offWords(service, 'freeze') },
    ...(hasFrozen(service.freezes, 'service') ? [{ ...UNFREEZE, off: offWords(service, 'unfreeze') }] : []),
  ];
}

/** The same for every service at once. */
export function serverGuardButtonsOf(
  freezes: readonly Freeze[],
  me: Permitted<ServerAction>,
): readonly Button[] {
  return [
    { ...FREEZE, label: 'Freeze everything', off: offWords(me, 'freeze-all') },
    ...(hasFrozen(freezes, 'server') ? [{ ...UNFREEZE, off: offWords(me, 'unfreeze-all') }] : []),
  ];
}

/** One's own is released, that of somebody else broken. */
function lockButton(service: Service): Button {
  const { lock, allowedActions } = service;
  if (lock === null) return { ...LOCK, off: offWords(service, 'lock') };
  if (allowedActions.includes('unlock')) return { ...UNLOCK, off: null };
  return {
    verb: 'unlock-force',
    label: 'Break the lock',
    look: 'back',
    asks: ['reason'],
    says: `${lock.by} holds it: ${lock.reason}. The audit keeps whose it was, who broke it and why.`,
    off: offWords(service, 'unlock-force'),
  };
}

/** Whether people have frozen something here: what the server file freezes thaws there. */
function hasFrozen(freezes: readonly Freeze[], scope: Freeze['scope']): boolean {
  return freezes.some((freeze) => freeze.scope === scope);
}
