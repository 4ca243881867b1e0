import type { Door } from '../router.ts';
import type { Lane } from './names.ts';
import type { ServicePlan } from './plan.ts';
import { quote } from './quote.ts';

export const COOKIE_NAME = 'bascule_id';
const DAYS_90 = 7_776_000;

/** For the answers of a service whose visitors are told apart by our cookie. */
export function renderCookie({ door, pemFile }: ServicePlan): string {
  const { sticky, spec } = door;
  if (sticky.by !== 'cookie') return '';
  const value = `${COOKIE_NAME}=%[var(txn.bascule_new)]; Path=/; Max-Age=${DAYS_90}; HttpOnly; SameSite=Lax`;
  if (pemFile !== null) return give(`${value}; Secure`, '');
  if (!spec.trustForwarded) return give(value, '');
  const secure = '{ var(txn.bascule_secure) -m bool }';
  return `    http-request set-var(txn.bascule_secure) bool(true) if { req.hdr(X-Forwarded-Proto) -i -m str https }
${give(`${value}; Secure`, ` ${secure}`)}${give(value, ` !${secure}`)}`;
}

function give(cookie: string, when: string): string {
  return `    http-after-response add-header Set-Cookie ${quote(cookie)} if { var(txn.bascule_new) -m found }${when}\n`;
}

/** Of a header with nothing else in it. */
const LENGTH_ALONE = COOKIE_NAME.length + 1 + 32;

/**
 * The application gets neither the cookie nor an empty header in its place. A header that has the length of ours alone,
 * of somebody who brought it in its shape, has nothing else: that costs no regular expression.
 */
export function withoutCookie({ sticky }: Door, lane: Lane): readonly string[] {
  if (sticky.by !== 'cookie') return [];
  const isKnown = lane === 'plain' || lane === 'streams';
  const alone = `del-header Cookie if { req.fhdr(Cookie) -m len ${LENGTH_ALONE} } !{ var(txn.bascule_new) -m found } { req.fhdr_cnt(Cookie) eq 1 }`;
  return [
    ...(isKnown ? [alone] : []),
    `replace-header Cookie '^((.*); *${COOKIE_NAME}=[^;]*|${COOKIE_NAME}=[^;]*;? *)(.*)$' '\\2\\3' if { req.cook(${COOKIE_NAME}) -m found }`,
    'del-header Cookie if { req.fhdr(Cookie) -m len 0 }',
  ];
}
