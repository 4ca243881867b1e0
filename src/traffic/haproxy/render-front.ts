import { formatAddress } from '../../lib/address.ts';
import { SLOT_NAMES } from '../../release/slot.ts';
import { BUCKETS } from '../cohort.ts';
import { LOG_FORMAT } from './log-line.ts';
import { backendName } from './names.ts';
import type { ServicePlan } from './plan.ts';
import { escapeRegex, quote } from './quote.ts';
import { ALL_KEY, GONE, NOWHERE } from './route-map.ts';

export const COOKIE_NAME = 'bascule_id';
export const DEFAULTS_NAME = 'bascule';
const DAYS_90 = 7_776_000;
/** Longest part of a header that identifies. */
const IDENTITY_CHARS = 512;
const UNKNOWN =
  "return status 404 content-type 'text/plain; charset=utf-8' string 'no service has this address'";
const NOT_YET =
  "return status 503 content-type 'text/plain; charset=utf-8' string 'not in service yet' hdr Retry-After 1 hdr Cache-Control no-store";

/** Everything that comes by one address: the door is found, then the identity, then the slot. */
export function renderFront(listen: string, plans: readonly ServicePlan[]): string {
  return `frontend ${frontName(listen)} from ${DEFAULTS_NAME}
    bind ${listen}${renderTls(plans)}
    log-format ${quote(LOG_FORMAT)}
    timeout client ${Math.max(60_000, ...plans.map(({ proxy }) => proxy.readTimeoutMs))}ms
    http-request set-var(txn.bascule_host) req.hdr(host),lower,regsub(:[0-9]*$,)
    http-request set-var(txn.bascule_path) path
${[...plans].sort(byClosest).map(renderDoor).join('')}    http-request ${UNKNOWN} if !{ var(txn.bascule_service) -m found }
${plans.map(renderChoice).join('')}    http-request ${UNKNOWN} if { var(txn.bascule_slot) -m str ${GONE} }
    http-request ${NOT_YET} if !{ var(txn.bascule_slot) -m found } or { var(txn.bascule_slot) -m str ${NOWHERE} }
    acl is_stream req.hdr(Upgrade) -m found
    acl is_stream req.hdr(Accept) -i -m beg text/event-stream
    use_backend bascule.%[var(txn.bascule_service)].%[var(txn.bascule_slot)].streams if is_stream
    use_backend bascule.%[var(txn.bascule_service)].%[var(txn.bascule_slot)]
`;
}

/** The private addresses of the slots. */
export function renderPreviews({ door }: ServicePlan): string {
  const { preview } = door;
  if (preview === null) return '';
  return SLOT_NAMES.map(
    (slot) => `frontend bascule.preview.${door.service}.${slot} from ${DEFAULTS_NAME}
    bind ${formatAddress(preview[slot])}
    log-format ${quote(LOG_FORMAT)}
    default_backend ${backendName(door.service, slot, 'preview')}
`,
  ).join('');
}

function frontName(listen: string): string {
  return `bascule.front.${listen.replaceAll(/[^0-9a-z.]/g, '_')}`;
}

function renderTls(plans: readonly ServicePlan[]): string {
  const files = plans.flatMap(({ pemFile }) => (pemFile === null ? [] : [pemFile]));
  return files.length === 0 ? '' : ` ssl${files.map((file) => ` crt ${quote(file)}`).join('')} alpn http/1.1`;
}

/** An exact host before any host, then the longer path. */
function byClosest(a: ServicePlan, b: ServicePlan): number {
  const hosts = Number(a.door.spec.host === null) - Number(b.door.spec.host === null);
  return hosts === 0 ? b.door.spec.path.length - a.door.spec.path.length : hosts;
}

function renderDoor({ door }: ServicePlan): string {
  const { host, path } = door.spec;
  const conditions = [
    '!{ var(txn.bascule_service) -m found }',
    ...(host === null ? [] : [`{ var(txn.bascule_host) -m str ${quote(host)} }`]),
    ...(path === '/' ? [] : [`{ var(txn.bascule_path) -m reg ${quote(`^${escapeRegex(path)}(/|$)`)} }`]),
  ];
  return `    http-request set-var(txn.bascule_service) str(${door.service}) if ${conditions.join(' ')}\n`;
}

/** Who asks, and by it the slot. `all` is asked for again: between two questions the map may have been replaced. */
function renderChoice({ door, mapFile }: ServicePlan): string {
  const mine = `{ var(txn.bascule_service) -m str ${door.service} }`;
  const open = `!{ var(txn.bascule_slot) -m found }`;
  const all = `set-var(txn.bascule_slot) str(${ALL_KEY}),map(${mapFile})`;
  const bucket = `str(${door.salt}),concat(,txn.bascule_person),xxh32(7),mod(${BUCKETS})`;
  return `${renderIdentity(door, mine)}    http-request ${all} if ${mine}
    http-request set-var(txn.bascule_slot) ${bucket},map(${mapFile}) if ${mine} ${open}
    http-request ${all} if ${mine} ${open}
`;
}

/** `bascule_person` decides the bucket; `bascule_identity` is who is counted, where that can be told. */
function renderIdentity({ sticky, spec }: ServicePlan['door'], mine: string): string {
  const known = '{ var(txn.bascule_identity) -m found }';
  const lines: string[] = [];
  switch (sticky.by) {
    case 'cookie':
      lines.push(
        `set-var(txn.bascule_identity) req.cook(${COOKIE_NAME}) if ${mine} { req.cook(${COOKIE_NAME}) -m reg ^[0-9a-f]{32}$ }`,
        `set-var(txn.bascule_new) uuid(),regsub(-,,g) if ${mine} !${known}`,
        `set-var(txn.bascule_identity) var(txn.bascule_new) if ${mine} !${known}`,
      );
      break;
    case 'header':
      lines.push(
        `set-var(txn.bascule_identity) req.fhdr(${sticky.header}),bytes(0,${IDENTITY_CHARS}) if ${mine} { req.fhdr(${sticky.header}) -m len gt 0 }`,
      );
      break;
    case 'address':
      if (spec.trustForwarded) {
        lines.push(
          `set-var(txn.bascule_identity) req.hdr(X-Forwarded-For,-1) if ${mine} { req.hdr(X-Forwarded-For,-1) -m len gt 0 }`,
        );
      }
      lines.push(`set-var(txn.bascule_identity) src if ${mine} !${known}`);
      break;
    case 'none':
      break;
  }
  lines.push(
    `set-var(txn.bascule_person) var(txn.bascule_identity) if ${mine} ${known}`,
    `set-var(txn.bascule_person) uuid() if ${mine} !${known}`,
  );
  return lines.map((line) => `    http-request ${line}\n`).join('');
}

/** For the answers of a service whose visitors are told apart by our cookie. */
export function renderCookie({ sticky, spec }: ServicePlan['door']): string {
  if (sticky.by !== 'cookie') return '';
  const value = `${COOKIE_NAME}=%[var(txn.bascule_new)]; Path=/; Max-Age=${DAYS_90}; HttpOnly; SameSite=Lax`;
  const isNew = '{ var(txn.bascule_new) -m found }';
  const secure = `{ var(txn.bascule_secure) -m bool }`;
  return `    http-request set-var(txn.bascule_secure) ssl_fc
${spec.trustForwarded ? `    http-request set-var(txn.bascule_secure) bool(true) if { req.hdr(X-Forwarded-Proto) -i -m str https }\n` : ''}    http-after-response add-header Set-Cookie ${quote(`${value}; Secure`)} if ${isNew} ${secure}
    http-after-response add-header Set-Cookie ${quote(value)} if ${isNew} !${secure}
`;
}
