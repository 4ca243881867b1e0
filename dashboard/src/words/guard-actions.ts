import type { Freeze, Service } from '../api/api-types.ts';
import { VIEWER_WORDS, type Button, type Known } from './buttons.ts';

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
export function guardButtonsOf({ lock, freezes }: Service, me: Known): readonly Button[] {
  const off = me.role === 'viewer' ? VIEWER_WORDS : null;
  return [lockButton(lock, me, off), { ...FREEZE, off }, ...unfreezeButton(freezes, 'service', off)];
}

/** The same for every service at once. A token for some services only may not. */
export function serverGuardButtonsOf(
  freezes: readonly Freeze[],
  me: Known & { readonly services: readonly string[] | null },
): readonly Button[] {
  const scoped = me.services === null ? null : 'Your token is for some services only.';
  const off = me.role === 'viewer' ? VIEWER_WORDS : scoped;
  return [{ ...FREEZE, label: 'Freeze everything', off }, ...unfreezeButton(freezes, 'server', off)];
}

function lockButton(lock: Service['lock'], me: Known, off: string | null): Button {
  if (lock === null) return { ...LOCK, off };
  if (lock.by === me.actor) return { ...UNLOCK, off };
  return {
    verb: 'break-lock',
    label: 'Break the lock',
    look: 'back',
    asks: ['reason'],
    says: `${lock.by} holds it: ${lock.reason}. The audit keeps whose it was, who broke it and why.`,
    off,
  };
}

/** There where people have frozen something: what the server file freezes thaws there. */
function unfreezeButton(
  freezes: readonly Freeze[],
  scope: Freeze['scope'],
  off: string | null,
): readonly Button[] {
  return freezes.some((freeze) => freeze.scope === scope) ? [{ ...UNFREEZE, off }] : [];
}
