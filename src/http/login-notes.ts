import { OperatingError, messageOf } from '../lib/errors.ts';
import { TokenRefused } from './caller.ts';
import { LoginRefused } from './oidc-logins.ts';
import type { Noted } from './server.ts';
import type { Begun, Who } from './sessions.ts';

/** What the audit says of logins to the dashboard. */

export function loginDone({ who, id }: Begun): Noted {
  const why = `logged in to the dashboard; session ${id}`;
  return { caller: who, verb: 'login', result: 'done', code: null, why };
}

/** Null: a fault of ours, or a request that was none. */
export function loginFailed(error: unknown, address: string): Noted | null {
  if (!(error instanceof OperatingError) || error.code === 'REQUEST_INVALID') return null;
  const caller = whoFailed(error, address);
  return { caller, verb: 'login', result: 'refused', code: error.code, why: messageOf(error) };
}

function whoFailed(error: OperatingError, address: string): Noted['caller'] {
  if (error instanceof TokenRefused && error.whose !== null) return error.whose;
  const who = error instanceof LoginRefused ? error.who : null;
  return { actor: who ?? 'unknown', role: 'none', from: address };
}

export function logout(who: Who, id: string): Noted {
  return { caller: who, verb: 'logout', result: 'done', code: null, why: `logged out; session ${id}` };
}

export function loginEnd({
  who,
  id,
  why,
}: {
  readonly who: Who;
  readonly id: string;
  readonly why: string;
}): Noted {
  return { caller: who, verb: 'login end', result: 'done', code: null, why: `session ${id} ended: ${why}` };
}
