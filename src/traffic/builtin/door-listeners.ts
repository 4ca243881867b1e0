import { isDeepStrictEqual } from 'node:util';
import type { Address } from '../../lib/address.ts';
import { OperatingError } from '../../lib/errors.ts';
import { sharedHost } from '../../release/door-hosts.ts';
import { isSecureBuiltin } from '../../release/service.ts';
import {
  type ListenerLimits,
  type ListenerManners,
  USUAL_LIMITS,
  USUAL_TIMEOUTS,
} from '../../release/resilience.ts';
import type { Door } from '../router.ts';
import type { Speech } from './messages.ts';

export type Listen = { readonly address: Address; readonly speech: Speech };

const PLAIN: Speech = { isSecure: false, proxies: [], manners: mannersOf(USUAL_TIMEOUTS, USUAL_LIMITS) };

/** Where clients come, where plain HTTP is sent on, and the private address of each slot. */
export function listensOn({ spec, preview }: Door): readonly Listen[] {
  const host = spec.listen.address;
  const common = { proxies: proxiesOf(spec), manners: askedManners(spec) };
  const front = {
    address: { host, port: spec.listen.port },
    speech: { ...common, isSecure: isSecureBuiltin(spec.proxy) },
  };
  const port = redirectOf(spec);
  const redirect = port === null ? [] : [{ address: { host, port }, speech: { ...common, isSecure: false } }];
  const alone = preview === null ? [] : [preview.blue, preview.green];
  return [front, ...redirect, ...alone.map((address) => ({ address, speech: PLAIN }))];
}

/** Why this door's listeners cannot be what those of other services are, or null. */
export function mixedListener(door: Door, others: readonly Door[]): OperatingError | null {
  for (const other of others) {
    if (other.service === door.service) continue;
    const why = mix(door, other);
    if (why === null) continue;
    return new OperatingError(
      'TRAFFIC_DOOR_UNFIT',
      `The door of ${door.service} was not installed: ${why}. What served before still serves. Give ${door.service} another port, or remove ${other.service} first.`,
      { retryable: false },
    );
  }
  return null;
}

function mix(a: Door, b: Door): string | null {
  const [one, two] = [redirectOf(a.spec), redirectOf(b.spec)];
  if (one !== null && portsOf(b).includes(one))
    return `port ${one} is to redirect, and ${b.service} is served there`;
  if (two !== null && portsOf(a).includes(two)) return `port ${two} redirects to ${b.service}`;
  if (one !== null && one === two) {
    if (a.spec.listen.address !== b.spec.listen.address)
      return `port ${one} redirects to ${b.service}, at another address`;
    const shared = sharedHost(a.spec, b.spec);
    if (shared !== undefined)
      return `port ${one} redirects ${shared ?? 'any host'}${a.spec.path} to ${b.service} already`;
  }
  const isShared = a.spec.listen.port === b.spec.listen.port;
  const areBehind = isShared || (one !== null && one === two);
  if (areBehind && !isDeepStrictEqual(proxiesOf(a.spec), proxiesOf(b.spec)))
    return `${b.service} shares a port, and the services of one port have the same proxy-protocol`;
  if (areBehind && !isDeepStrictEqual(askedManners(a.spec), askedManners(b.spec)))
    return `${b.service} shares a port, and the services of one port have the same request-head, keep-alive, max-head and max-connections`;
  return isShared && isSecureBuiltin(a.spec.proxy) !== isSecureBuiltin(b.spec.proxy)
    ? `${b.service} shares its port, and the services of one port have all TLS or none`
    : null;
}

function portsOf({ spec, preview }: Door): readonly number[] {
  return [spec.listen.port, ...(preview === null ? [] : [preview.blue.port, preview.green.port])];
}

function redirectOf({ proxy }: Door['spec']): number | null {
  return proxy.kind === 'builtin' ? (proxy.redirectFrom ?? null) : null;
}

function proxiesOf({ proxy }: Door['spec']): readonly string[] {
  return proxy.kind === 'builtin' ? (proxy.proxies ?? []) : [];
}

function askedManners({ proxy }: Door['spec']): ListenerManners {
  const { timeouts = USUAL_TIMEOUTS, limits = USUAL_LIMITS } = proxy.kind === 'builtin' ? proxy : {};
  return mannersOf(timeouts, limits);
}

function mannersOf(
  { requestHeadMs, keepAliveMs }: Pick<ListenerManners, 'requestHeadMs' | 'keepAliveMs'>,
  limits: ListenerLimits,
): ListenerManners {
  return { requestHeadMs, keepAliveMs, ...limits };
}
