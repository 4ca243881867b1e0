import { formatAddress } from '../../lib/address.ts';
import { SLOT_NAMES } from '../../release/slot.ts';
import { DEFAULTS_NAME, holdName } from './names.ts';
import type { ServicePlan } from './plan.ts';
import { quote } from './quote.ts';
import { HELD } from './route-map.ts';

const HOUR_MS = 3_600_000;
/** As long as a hold may last. */
const HOLD_MS = 60_000;
const IS_HELD = `{ var(txn.bascule_slot) -m str ${HELD} }`;

/** Sends who is to wait there. */
export function renderHoldUse({ door, hold }: ServicePlan, backend: string, isAlone: boolean): string {
  if (hold === null) return '';
  const mine = isAlone ? '' : `{ var(txn.bascule_service) -m str ${door.service} } `;
  return `    use_backend ${backend} if ${mine}${IS_HELD}\n`;
}

/** A look at the health of what serves does not wait: whoever watches the service need not know of the hold. */
export function renderHealthPath({ door, mapFile, hold }: ServicePlan, mine: string): string {
  if (hold === null) return '';
  return SLOT_NAMES.map(
    (slot) =>
      `    http-request set-var(txn.bascule_slot) str(${slot}) if ${mine}${IS_HELD} { method GET HEAD } { pathq -m str ${quote(door.health[slot].path)} } { str(stable),map(${mapFile}) -m str ${slot} }\n`,
  ).join('');
}

/**
 * Where requests wait. One to a connection; the address of the client goes along. An answer that did not come back
 * through HAProxy is that of who lets them wait: it was turned away. Where nobody is there, they go on at once: who cannot
 * connect to the first server is sent to the other. Nobody looks whether it is there: that would be a connection which waits.
 */
export function renderHold({ door, hold }: ServicePlan): string {
  if (hold === null) return '';
  return `backend ${holdName(door.service)} from ${DEFAULTS_NAME}
    timeout connect 1s
    timeout server ${HOUR_MS + HOLD_MS}ms
    timeout tunnel ${HOUR_MS}ms
    balance first
    option http-server-close
    http-reuse never
    retry-on conn-failure
    http-request set-var(txn.bascule_t0) date(0,us)
    http-response set-var(txn.bascule_t1) date(0,us) if { res.hdr(X-Bascule-Back) -m found }
    http-response del-header X-Bascule-Back
    server wait ${formatAddress(hold.relay)} send-proxy
    server back ${quote(`unix@${hold.back}`)} send-proxy
`;
}
