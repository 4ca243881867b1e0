import type { FastifyRequest } from 'fastify';
import { ROLES, type Caller, type Controller } from '../controller/controller.ts';
import { OperatingError } from '../lib/errors.ts';
import type { Entrance } from './entrance.ts';
import { plainAddress } from './rates.ts';
import type { Route } from './route.ts';
import { sessionBrought } from './session-cookie.ts';
import type { SessionOf, Sessions } from './sessions.ts';

/** Who asks, and whether that still holds later on, for streams. */
export type Identified = {
  readonly caller: Caller;
  /** The id of the token, or null. */
  readonly token: string | null;
  /** Whose requests are counted together: a token's, a login's. */
  readonly counted: string;
  readonly stillHolds: () => boolean;
};

/** The token was once right: the audit can say whose it was. */
export class TokenRefused extends OperatingError {
  readonly whose: Caller | null;

  constructor(why: string, whose: Caller | null) {
    super('TOKEN_REFUSED', `The token is not taken: ${why}. Nothing changed.`, { retryable: false });
    this.whose = whose;
  }
}

/**
 * Who asks. Only a token makes somebody of a caller, wherever it comes through, and then its role counts. Without one a
 * socket gives a role, and what a client says of itself (`Bascule-Actor`, for CI) is recorded as such.
 * Errors: TOKEN_MISSING, TOKEN_REFUSED, SESSION_ENDED, REQUEST_INVALID.
 */
export function identify(
  request: FastifyRequest,
  entrance: Entrance,
  { tokens, sessions }: { readonly tokens: Controller['tokens']; readonly sessions: Sessions },
): Identified {
  const { authorization } = request.headers;
  const said = saidName(request);
  if (authorization === undefined) {
    if (entrance.kind === 'network') {
      const brought = sessionBrought(request, entrance);
      if (brought !== null)
        return loggedIn(request, sessions.find(brought.cookie, brought.key, placeOf(request, entrance)));
      throw new OperatingError(
        'TOKEN_MISSING',
        'Over the network every request needs a token; nothing changed.',
        {
          retryable: false,
        },
      );
    }
    const { role } = entrance;
    const actor = `${said ?? 'local'} (unverified)`;
    return {
      caller: { actor, role, from: `${role}.sock` },
      token: null,
      counted: '',
      stillHolds: () => true,
    };
  }
  const [, text = ''] = /^bearer +(\S{1,200})$/i.exec(authorization) ?? [];
  const checked = tokens.check(text);
  const place = placeOf(request, entrance);
  if (!checked.ok) {
    const { known, why } = checked;
    const whose =
      known === null ? null : { actor: known.name, role: known.role, from: `${place}, token ${known.id}` };
    throw new TokenRefused(why, whose);
  }
  const { id, name, grant } = checked;
  const from = `${place}, token ${id}${said === null ? '' : `, says ${said}`}`;
  return {
    caller: { actor: name, verified: true, from, ...grant },
    token: id,
    counted: id,
    stillHolds: () => tokens.check(text).ok,
  };
}

/** What acts comes with where it comes from: every browser says so, and `checkBrowser` has compared it. */
function loggedIn(request: FastifyRequest, { caller, id, token, stillHolds }: SessionOf): Identified {
  if (!['GET', 'HEAD'].includes(request.method) && request.headers.origin === undefined) {
    throw new OperatingError(
      'ORIGIN_FOREIGN',
      'A login acts from its own page only, and this request does not say where it comes from; nothing changed.',
      { retryable: false },
    );
  }
  return { caller, token, counted: `session ${id}`, stillHolds };
}

function placeOf(request: FastifyRequest, entrance: Entrance): string {
  if (entrance.kind === 'socket') return `${entrance.role}.sock`;
  return plainAddress(request.socket.remoteAddress ?? 'unknown');
}

function saidName(request: FastifyRequest): string | null {
  const name = request.headers['bascule-actor'];
  if (name === undefined) return null;
  if (typeof name === 'string' && /^[\x20-\x7e]{1,80}$/.test(name) && name.trim() !== '') return name.trim();
  throw new OperatingError(
    'REQUEST_INVALID',
    'The header Bascule-Actor must be 1 to 80 printable ASCII characters; nothing changed.',
    { retryable: false },
  );
}

/** Error: TOKEN_SCOPE; ROLLOUT_UNKNOWN where the route is about one. */
export function checkScope(
  { reach }: Route,
  { services = null }: Caller,
  { params, read }: { readonly params: unknown; readonly read: Controller['read'] },
): void {
  if (services === null || reach === 'open' || reach === 'own') return;
  if (reach === 'server') return checkServerScope({ services });
  const { service, rollout } = params as { readonly service?: string; readonly rollout?: string };
  const about = reach === 'service' ? service! : read.rollout(rollout!).service;
  if (!services.includes(about)) throw outOfScope(services, null);
}

/** Error: TOKEN_SCOPE. */
export function checkServerScope({ services = null }: Pick<Caller, 'services'>): void {
  if (services !== null) throw outOfScope(services, 'all services');
}

/** Error: ROLE_TOO_LOW. */
export function checkRole(route: Route, caller: Caller, token: string | null): void {
  if (ROLES.indexOf(caller.role) >= ROLES.indexOf(route.role)) return;
  const gives = token !== null ? 'your token' : caller.verified === true ? 'your login' : 'this socket';
  throw new OperatingError(
    'ROLE_TOO_LOW',
    `${route.method} ${route.path} needs the role ${route.role}, and ${gives} gives ${caller.role}; nothing changed.`,
    { retryable: false },
  );
}

export function outOfScope(services: readonly string[], what: string | null): OperatingError {
  return new OperatingError(
    'TOKEN_SCOPE',
    `Your token or login is for ${services.join(', ')} only${what === null ? '' : `, and this is about ${what}`}; nothing changed.`,
    { retryable: false },
  );
}
