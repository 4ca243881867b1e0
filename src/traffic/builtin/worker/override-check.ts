import { createHash, timingSafeEqual } from 'node:crypto';
import { type BlockList, isIP, isIPv6 } from 'node:net';
import { networksOf } from './networks.ts';
import { OVERRIDE_TARGETS, type OverrideRule, type OverrideTarget, overrideValue } from '../../override.ts';

/** Tells which target a request may choose; compares digests, so that time says nothing of the secret. */
export class OverrideCheck {
  /** In lower case. */
  readonly header: string;
  private readonly values: readonly (readonly [target: OverrideTarget, digest: Buffer])[];
  private readonly networks: BlockList | null;

  constructor(rule: OverrideRule) {
    this.header = rule.header;
    this.values = OVERRIDE_TARGETS.map((target) => [target, digest(overrideValue(target, rule))]);
    this.networks = rule.allow.kind === 'networks' ? networksOf(rule.allow.networks) : null;
  }

  /** `address`: whom the proxy takes the client to be. Null: an ordinary request. */
  target(rawHeaders: readonly string[], address: string): OverrideTarget | null {
    let value: string | null = null;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (rawHeaders[i]!.toLowerCase() !== this.header) continue;
      if (value !== null) return null;
      value = rawHeaders[i + 1]!;
    }
    if (value === null || !this.isAllowed(address)) return null;
    const given = digest(value);
    return this.values.find(([, wanted]) => timingSafeEqual(wanted, given))?.[0] ?? null;
  }

  private isAllowed(address: string): boolean {
    if (this.networks === null) return true;
    return isIP(address) !== 0 && this.networks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'latin1').digest();
}
