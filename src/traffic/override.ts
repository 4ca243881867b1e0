import type { SlotName } from '../release/slot.ts';
import type { Route } from './router.ts';

/**
 * A header by which a request chooses its slot. Its whole value is a target (`OVERRIDE_TARGETS`), with a secret
 * `target:secret`, compared byte by byte. A request whose value is valid, and with networks whose client is in one of them,
 * goes to that slot alone, before its gate too; no other slot stands in: while nothing healthy is there, or nothing has
 * that role, 503. It needs no identity, is given no cookie, is not mirrored and does not wait in a hold; it is counted in
 * `TrafficBatch.overrides` and nowhere else. Any other value changes nothing: that request is an ordinary one.
 * The application never gets the header, valid or not; nor one whose name has `_` for `-`. More than one such
 * field: not valid.
 */
export type OverrideRule = {
  /** Name in lower case. */
  readonly header: string;
  /** The secret's value, of the shape `OVERRIDE_SECRET`. Keep it in files that only the proxy and Bascule can read. */
  readonly allow:
    | { readonly kind: 'secret'; readonly secret: string }
    /** CIDR blocks of the client's address, which is that of the connection, or with `trustForwarded` the last one in X-Forwarded-For. */
    | { readonly kind: 'networks'; readonly networks: readonly string[] };
};

/** Long enough not to be guessed, and of characters that mean nothing in any proxy's configuration. */
export const OVERRIDE_SECRET = /^[A-Za-z0-9._~+=-]{16,200}$/;

export const OVERRIDE_TARGETS = ['stable', 'candidate', 'blue', 'green'] as const;
export type OverrideTarget = (typeof OVERRIDE_TARGETS)[number];

/** What the header's whole value is to be. */
export function overrideValue(target: OverrideTarget, { allow }: OverrideRule): string {
  return allow.kind === 'secret' ? `${target}:${allow.secret}` : target;
}

/** The slot that a target means under a route, or null: nothing has that role. */
export function overriddenSlot(target: OverrideTarget, route: Route | null): SlotName | null {
  switch (target) {
    case 'stable':
      return route?.serve ?? null;
    case 'candidate':
      return route?.candidate ?? route?.split?.slot ?? null;
    default:
      return target;
  }
}
