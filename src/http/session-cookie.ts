import type { FastifyRequest } from 'fastify';
import type { Entrance } from './entrance.ts';
import { BEGUN_MS } from './oidc-logins.ts';
import type { Begun } from './sessions.ts';

type Network = Extract<Entrance, { kind: 'network' }>;

/** The header in which the page proves that it is the page: no other origin can read or send it. */
export const KEY_HEADER = 'bascule-session';

/** What a browser brought, or null: no login. */
export type Brought = { readonly cookie: string; readonly key: string };

export function sessionBrought(request: FastifyRequest, entrance: Network): Brought | null {
  return brought(request, cookieName(request, entrance));
}

/** Both halves of a login that was begun at a provider. */
export function beginningBrought(request: FastifyRequest, entrance: Network): Brought | null {
  return brought(request, beginningName(request, entrance));
}

function brought(request: FastifyRequest, name: string): Brought | null {
  const key = request.headers[KEY_HEADER];
  const found = (request.headers.cookie ?? '')
    .split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(`${name}=`));
  const cookie = found?.slice(name.length + 1) ?? '';
  if (typeof key !== 'string' || !SECRET.test(key) || !SECRET.test(cookie)) return null;
  return { cookie, key };
}

export function setCookie({ cookie, forMs }: Begun, request: FastifyRequest, entrance: Network): string {
  return written(cookieName(request, entrance), cookie, Math.floor(forMs / 1000), entrance);
}

export function clearCookie(request: FastifyRequest, entrance: Network): string {
  return written(cookieName(request, entrance), '', 0, entrance);
}

/** Strict too: the page that the provider sends the browser back to asks by itself, and that comes from here. */
export function setBeginning(value: string, request: FastifyRequest, entrance: Network): string {
  return written(beginningName(request, entrance), value, BEGUN_MS / 1000, entrance);
}

export function clearBeginning(request: FastifyRequest, entrance: Network): string {
  return written(beginningName(request, entrance), '', 0, entrance);
}

function written(name: string, value: string, seconds: number, entrance: Network): string {
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure(entrance)}`;
}

const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** Over TLS the browser itself sees to it that no neighbour sets it. In the clear, servers of one machine have one each. */
function cookieName(request: FastifyRequest, { listener }: Network): string {
  return listener.tls === null ? `bascule-${request.socket.localPort}` : '__Host-bascule';
}

function beginningName(request: FastifyRequest, entrance: Network): string {
  return `${cookieName(request, entrance)}-oidc`;
}

function secure({ listener }: Network): string {
  return listener.tls === null ? '' : '; Secure';
}
