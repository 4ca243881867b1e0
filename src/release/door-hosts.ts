import { matchKey } from './request-match.ts';
import type { DoorSpec } from './service.ts';

/** The hosts whose requests at its path are this door's: its own (null: any), and those that it sends on to its own. */
export function doorHosts({ host, proxy }: DoorSpec): readonly (string | null)[] {
  return [host, ...((proxy.kind === 'builtin' ? proxy.redirectHosts : undefined) ?? [])];
}

/** The host at which both answer for the same requests; undefined for none. */
export function sharedHost(a: DoorSpec, b: DoorSpec): string | null | undefined {
  if (a.path !== b.path || conditionsOf(a) !== conditionsOf(b)) return undefined;
  const others = doorHosts(b);
  return doorHosts(a).find((host) => others.includes(host));
}

function conditionsOf({ proxy }: DoorSpec): string {
  return proxy.kind === 'builtin' ? matchKey(proxy.when ?? []) : '';
}
