import type { FastifyRequest } from 'fastify';
import { ROLES, type Caller, type Role } from '../controller/controller.ts';
import { OperatingError } from '../lib/errors.ts';
import type { Route } from './route.ts';

/**
 * Who asks. The socket gives the role, and nothing verifies a name: what a client says of itself (`Bascule-Actor`, for
 * CI) is recorded as such.
 */
export function callerOf(request: FastifyRequest, role: Role): Caller {
  const name = request.headers['bascule-actor'];
  if (name === undefined) return { actor: 'local (unverified)', role };
  if (typeof name === 'string' && /^[\x20-\x7e]{1,80}$/.test(name) && name.trim() !== '') {
    return { actor: `${name.trim()} (unverified)`, role };
  }
  throw new OperatingError(
    'REQUEST_INVALID',
    'The header Bascule-Actor must be 1 to 80 printable ASCII characters; nothing changed.',
    { retryable: false },
  );
}

export function checkRole(route: Route, caller: Caller): void {
  if (ROLES.indexOf(caller.role) >= ROLES.indexOf(route.role)) return;
  throw new OperatingError(
    'ROLE_TOO_LOW',
    `${route.method} ${route.path} needs the role ${route.role}, and this socket gives ${caller.role}; nothing changed.`,
    { retryable: false },
  );
}
