import type { FastifyRequest } from 'fastify';
import type { Entrance } from './entrance.ts';
import { SESSION_MS } from './sessions.ts';

type Network = Extract<Entrance, { kind: 'network' }>;

/** The header in which the page proves that it is the page: no other origin can read or send it. */
export const KEY_HEADER = 'bascule-session';

/** What a browser brought, or null: no login. */
export type Brought = { readonly cookie: string; readonly key: string };

export function sessionBrought(request: FastifyRequest, entrance: Network): Brought | null {
  const key = request.headers[KEY_HEADER];
  const name = cookieName(request, entrance);
  const found = (request.headers.cookie ?? '')
    .split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(`${name}=`));
  const cookie = found?.slice(name.length + 1) ?? '';
  if (typeof key !== 'string' || !SECRET.test(key) || !SECRET.test(cookie)) return null;
  return { cookie, key };
}

export function setCookie(value: string, request: FastifyRequest, entrance: Network): string {
  return `${cookieName(request, entrance)}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_MS / 1000}${secure(entrance)}`;
}

export function clearCookie(request: FastifyRequest, entrance: Network): string {
  return `${cookieName(request, entrance)}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0${secure(entrance)}`;
}

const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** Over TLS the browser itself sees to it that no neighbour sets it. In the clear, servers of one machine have one each. */
function cookieName(request: FastifyRequest, { listener }: Network): string {
  return listener.tls === null ? `bascule-${request.socket.localPort}` : '__Host-bascule';
}

function secure({ listener }: Network): string {
  return listener.tls === null ? '' : '; Secure';
}
