import { sameOrigin } from './without-prefix.ts';

/**
 * An application that is asked without its door's path answers as if it stood at the root. What it says of its own paths is put
 * below the door's: `/x` is `/shop/x`. One that knows where it stands, by X-Forwarded-Prefix, says so itself, and is left alone.
 */

const ABSOLUTE = /^((?:https?:)?\/\/)([^/?#\\]*)([^]*)$/i;

/** A Location as its visitor is to get it. `hosts`: what the visitor's address bar may show. */
export function locationBelow(path: string, location: string, hosts: readonly string[]): string {
  const absolute = ABSOLUTE.exec(location);
  if (absolute === null) return location.startsWith('/') ? pathBelow(path, location) : location;
  const [, scheme, authority, rest] = absolute as unknown as [string, string, string, string];
  const isOurs = hosts.some((host) => sameOrigin(authority, host, scheme.slice(0, -2)));
  return isOurs ? `${scheme}${authority}${pathBelow(path, rest)}` : location;
}

function pathBelow(path: string, asked: string): string {
  if (asked.startsWith(path) && /^(?:[/?#]|$)/.test(asked.slice(path.length))) return asked;
  return `${path}${asked}`;
}

/** The value of a Set-Cookie whose Path, if it has one, is the visitor's. One of `__Host-` has to have `/`, or is no cookie. */
export function cookieBelow(path: string, setCookie: string): string {
  if (/^\s*__Host-/i.test(setCookie)) return setCookie;
  const [pair = '', ...attributes] = setCookie.split(';');
  const changed = attributes.map((attribute) => {
    const found = /^(\s*path\s*=\s*)(\/[^\s]*)(\s*)$/i.exec(attribute);
    if (found === null) return attribute;
    const below = found[2] === '/' ? path : pathBelow(path, found[2]!);
    return `${found[1]}${below}${found[3]}`;
  });
  return [pair, ...changed].join(';');
}

/** An answer's header fields, flat name, value, name, value: in place, before they are sent on. */
export function putBelow(path: string, headers: string[], hosts: readonly string[]): void {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    const value = headers[i + 1]!;
    if (name === 'location') headers[i + 1] = locationBelow(path, value, hosts);
    else if (name === 'set-cookie') headers[i + 1] = cookieBelow(path, value);
  }
}
