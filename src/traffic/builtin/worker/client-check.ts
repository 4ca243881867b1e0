import { type BlockList, isIP, isIPv6 } from 'node:net';
import type { ProxySpec } from '../../../release/service.ts';
import { networksOf } from './networks.ts';

/** Which clients a service has nothing for. */
export class ClientCheck {
  readonly #allow: BlockList | null;
  readonly #deny: BlockList | null;

  constructor(allow: readonly string[] | undefined, deny: readonly string[] | undefined) {
    this.#allow = allow === undefined ? null : networksOf(allow);
    this.#deny = deny === undefined ? null : networksOf(deny);
  }

  /**
   * `address`: whom the proxy takes the client to be. What is denied is not let in by `allow`. What is no address, as a proxy in
   * front may write it, could be that of anybody.
   */
  isWelcome(address: string): boolean {
    if (isIP(address) === 0) return false;
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (this.#deny?.check(address, family) === true) return false;
    return this.#allow === null || this.#allow.check(address, family);
  }
}

/** Null where everybody may come. */
export function clientCheckOf(proxy: ProxySpec): ClientCheck | null {
  if (proxy.kind !== 'builtin' || (proxy.allow === undefined && proxy.deny === undefined)) return null;
  return new ClientCheck(proxy.allow, proxy.deny);
}
