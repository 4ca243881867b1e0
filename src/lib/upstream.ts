import { formatAddress, socketOf, type Address } from './address.ts';

/**
 * Where requests go. `pathPrefix` is put before the path of each of them: `''` for none, else as written, `/canary` or
 * `/canary/`. `/x` becomes `/canary/x` either way; only for `/` itself the last slash counts: it becomes exactly the prefix.
 * It holds letters, digits and `. _ ~ -` between single slashes, no `.` or `..` segments, and is never `/` alone.
 */
export type Upstream = Address & { readonly pathPrefix: string };

/** `http://127.0.0.1:8201/canary`, or `unix:/run/app.sock`, which has no prefix. */
export function formatUpstream(upstream: Upstream): string {
  if (socketOf(upstream) !== null) return formatAddress(upstream);
  return `http://${formatAddress(upstream)}${upstream.pathPrefix}`;
}

/** The target of a request as the upstream is to get it: `/x?q=1` -> `/canary/x?q=1`, `/?q=1` -> `/canary?q=1`. */
export function withPrefix(pathPrefix: string, target: string): string {
  if (pathPrefix === '' || !target.startsWith('/')) return target;
  const isRoot = target.length === 1 || target[1] === '?';
  if (isRoot) return pathPrefix + target.slice(1);
  return (pathPrefix.endsWith('/') ? pathPrefix.slice(0, -1) : pathPrefix) + target;
}

/** What is asked of it, for people: `http://127.0.0.1:8201/canary/x`, `/x on unix:/run/app.sock`. */
export function withPath(upstream: Upstream, path: string): string {
  return socketOf(upstream) === null
    ? `http://${formatAddress(upstream)}${withPrefix(upstream.pathPrefix, path)}`
    : `${path} on ${formatAddress(upstream)}`;
}

export function onAddress(address: Address): Upstream {
  return { ...address, pathPrefix: '' };
}
