import { formatAddress } from '../lib/address.ts';
import type { Upstream } from '../lib/upstream.ts';

/**
 * What an answer says of the path prefix of its upstream is taken back, so that nobody sees it: `/canary/x` is `/x` again,
 * `/canary` is `/`, and `/canaryx` was never below it. The counterpart of `withPrefix`.
 */

/** Some would read these as the beginning of another host's name: `//x`, `/\x`, `/<tab>/x` (URL Standard, 4.4). */
const LIKE_A_HOST = /^\/[\t\n\r]*[/\\]/;
const ABSOLUTE = /^(https?:)?\/\/([^/?#\\]*)([^]*)$/i;

/** The path without the prefix, with its query and fragment; null where it is not below it. */
function pathWithout(pathPrefix: string, path: string): string | null {
  const prefix = pathPrefix.endsWith('/') ? pathPrefix.slice(0, -1) : pathPrefix;
  if (!path.startsWith(prefix)) return null;
  const rest = path.slice(prefix.length);
  if (rest === '' || rest.startsWith('?') || rest.startsWith('#')) return `/${rest}`;
  return rest.startsWith('/') ? rest : null;
}

/**
 * A Location as its visitor is to get it. `hosts`: what the visitor's address bar may show, as in the Host header. Other
 * origins stay as they are; the upstream's own, which no visitor can reach, becomes the path alone.
 */
export function locationWithout(upstream: Upstream, location: string, hosts: readonly string[]): string {
  const absolute = ABSOLUTE.exec(location);
  if (absolute === null) {
    return location.startsWith('/')
      ? onSameHost(pathWithout(upstream.pathPrefix, location), location)
      : location;
  }
  const [, scheme = '', authority, rest] = absolute as unknown as [
    string,
    string | undefined,
    string,
    string,
  ];
  const path = pathWithout(upstream.pathPrefix, rest);
  if (path === null) return location;
  const isOf = (host: string): boolean => sameOrigin(authority, host, scheme);
  if (hosts.some(isOf)) return `${scheme}//${authority}${path}`;
  const isOwn = scheme.toLowerCase() !== 'https:' && isOf(formatAddress(upstream));
  return isOwn ? onSameHost(path, location) : location;
}

function onSameHost(path: string | null, otherwise: string): string {
  if (path === null) return otherwise;
  return LIKE_A_HOST.test(path) ? `/.${path}` : path;
}

/** Whether an authority is a host, as a Host header has it; empty hosts are none. `scheme`: `http:`, `https:` or none. */
export function sameOrigin(authority: string, host: string, scheme: string): boolean {
  return host !== '' && withoutPort(authority, scheme) === withoutPort(host, scheme);
}

/** The port that goes without saying is not said. */
function withoutPort(authority: string, scheme: string): string {
  const usual = scheme.toLowerCase() === 'https:' ? ':443' : ':80';
  const lower = authority.toLowerCase();
  return lower.endsWith(usual) ? lower.slice(0, -usual.length) : lower;
}

/** The value of a Set-Cookie whose Path, if it has one below the prefix, is the visitor's. Nothing else changes. */
export function cookieWithout(pathPrefix: string, setCookie: string): string {
  const [pair = '', ...attributes] = setCookie.split(';');
  const changed = attributes.map((attribute) => {
    const found = /^(\s*path\s*=\s*)(\/[^\s]*)(\s*)$/i.exec(attribute);
    const path = found === null ? null : pathWithout(pathPrefix, found[2]!);
    return path === null ? attribute : `${found![1]}${path}${found![3]}`;
  });
  return [pair, ...changed].join(';');
}

/** Takes the prefix out of an answer's header fields, flat name, value, name, value: in place, before they are sent on. */
export function takeBackPrefix(upstream: Upstream, headers: string[], hosts: readonly string[]): void {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    const value = headers[i + 1]!;
    if (name === 'location') headers[i + 1] = locationWithout(upstream, value, hosts);
    else if (name === 'set-cookie') headers[i + 1] = cookieWithout(upstream.pathPrefix, value);
  }
}
