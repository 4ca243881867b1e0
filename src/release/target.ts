import { z } from 'zod';

import { onSocket } from '../lib/address.ts';
import { onAddress, type Upstream } from '../lib/upstream.ts';
import { ABSOLUTE_FILE } from './forms.ts';

/** The form of a target, for editors; `readTarget` says the same in words. */
export const TARGET =
  /^(?:unix:(?!.*\/\.{1,2}(?:\/|$))(?:\/[A-Za-z0-9._-]{1,106})+|http:\/\/(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?)(?::\d{1,5})?(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)*\/?)$/;

const SEGMENT = /^[A-Za-z0-9._~-]+$/;
const HOST_NAME =
  /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/;
const LONGEST = 2048;
const HTTP_PORT = 80;

/**
 * `http://127.0.0.1:8080/canary` as an upstream, or what is wrong with it, in a few words. Strict, because every proxy's
 * configuration is to carry it unchanged: no credentials, query, fragment, escapes or anything that could be read in two ways.
 */
export function readTarget(text: string): Upstream | string {
  if (text.startsWith('unix:')) return readSocket(text.slice('unix:'.length));
  const wrong = wrongAsWhole(text);
  if (wrong !== null) return wrong;
  const [, authority, path] = /^http:\/\/([^/]*)(.*)$/.exec(text) as unknown as [string, string, string];
  const [, host, port = String(HTTP_PORT)] = /^(.*?)(?::(\d*))?$/.exec(authority) as unknown as [
    string,
    string,
    string | undefined,
  ];
  const isBracketed = host.startsWith('[') && host.endsWith(']');
  const bare = isBracketed ? host.slice(1, -1) : host;
  const isHost = isBracketed ? z.ipv6().safeParse(bare).success : isHostName(bare);
  if (!isHost) return bare === '' ? 'names no host' : `${host} is not a host`;
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    return 'a port is from 1 to 65535';
  const segments = path.split('/').slice(1);
  const last = segments.length - 1;
  const isPath = segments.every((segment, index) =>
    segment === '' ? index === last : SEGMENT.test(segment) && segment !== '.' && segment !== '..',
  );
  if (!isPath) return 'its path may hold letters, digits and . _ ~ - between single slashes';
  return { host: bare.toLowerCase(), port: Number(port), pathPrefix: path === '/' ? '' : path };
}

/** What fits into `sun_path` with its last NUL (unix(7)). */
const LONGEST_SOCKET = 107;

function readSocket(path: string): Upstream | string {
  if (!path.startsWith('/')) return 'its path is not absolute';
  if (path.length > LONGEST_SOCKET) return `a socket's path has at most ${LONGEST_SOCKET} bytes`;
  if (!ABSOLUTE_FILE.test(path)) return 'its path may hold letters, digits and . _ - between single slashes';
  return onAddress(onSocket(path));
}

function wrongAsWhole(text: string): string | null {
  if (text.length > LONGEST) return `longer than ${LONGEST} characters`;
  if (!/^[!-~]*$/.test(text)) return 'holds a space, a control character or one beyond ASCII';
  if (text.startsWith('https://')) return 'https to a target is not there yet';
  if (!text.startsWith('http://')) return 'does not begin with http:// or unix:';
  if (text.includes('#')) return 'holds a fragment';
  if (text.includes('?')) return 'holds a query';
  return text.includes('@') ? 'holds a name or a password' : null;
}

/** Digits and dots alone are an IPv4 address or nothing. */
function isHostName(text: string): boolean {
  if (text.length > 253 || !HOST_NAME.test(text)) return false;
  return /^[\d.]+$/.test(text) ? z.ipv4().safeParse(text).success : true;
}

/** What is wrong with a value that is no target. */
export function noteOnTarget(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const read = readTarget(value);
  return typeof read === 'string' ? read : null;
}

/** A port alone, an address without its scheme, or one with more than a target has. */
export function suggestTarget(value: unknown): string | null {
  if (typeof value === 'number' || /^:?\d{1,5}$/.test(String(value)))
    return ifTarget(`http://127.0.0.1:${String(value).replace(':', '')}`);
  if (typeof value !== 'string') return null;
  const socket = /^(?:unix:)?(?:\/\/)?(\/.*\.sock(?:et)?)$/.exec(value);
  if (socket !== null) return ifTarget(`unix:${socket[1]}`);
  const bare = value
    .replace(/[?#].*$/s, '')
    .replace(/^http:\/\/[^/@]*@/, 'http://')
    .replaceAll(/(?<!:)\/{2,}/g, '/');
  return bare === value ? ifTarget(`http://${value}`) : ifTarget(bare);
}

function ifTarget(text: string): string | null {
  return typeof readTarget(text) === 'string' ? null : text;
}
