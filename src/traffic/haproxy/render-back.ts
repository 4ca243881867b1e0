import { authorityOf, formatAddress } from '../../lib/address.ts';
import { withPrefix } from '../../lib/upstream.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import type { Door } from '../router.ts';
import { backendName, DEFAULTS_NAME, type Lane, LANES, otherSlot, serverName } from './names.ts';
import { mayStandIn, prefixOf, type ServicePlan } from './plan.ts';
import { escapeRegex, quote, quoteFormat } from './quote.ts';
import { renderCookie, withoutCookie } from './render-cookie.ts';
import { withoutOverride } from './render-override.ts';

const HOUR_MS = 3_600_000;
const PROBE_AGENT = 'bascule-probe';

/** A slot's backends: the plain one looks at its replicas, the others go by what it finds. */
export function renderBackends(plan: ServicePlan): string {
  const { preview, override } = plan.door;
  const lanes = LANES.filter(
    (lane) => (lane !== 'preview' || preview !== null) && (lane !== 'override' || override !== undefined),
  );
  return SLOT_NAMES.flatMap((slot) => lanes.map((lane) => renderBackend(plan, slot, lane))).join('');
}

function renderBackend(plan: ServicePlan, slot: SlotName, lane: Lane): string {
  const { door, proxy } = plan;
  const silenceMs = lane === 'streams' ? Math.max(HOUR_MS, proxy.readTimeoutMs) : proxy.readTimeoutMs;
  return `backend ${backendName(door.service, slot, lane)} from ${DEFAULTS_NAME}
    timeout connect ${proxy.connectTimeoutMs}ms
    timeout server ${silenceMs}ms
    timeout tunnel ${HOUR_MS}ms
    option forwardfor
${lane === 'plain' ? renderCheck(plan, slot) : ''}${isApart(lane) ? '' : renderCookie(plan)}${renderRequest(plan, slot, lane)}${renderResponse(plan, slot)}${renderServers(plan, slot, lane)}`;
}

function renderCheck({ door }: ServicePlan, slot: SlotName): string {
  const { path, timeoutMs } = door.health[slot];
  const [first] = door.slots[slot];
  const host = door.spec.host ?? (first === undefined ? 'localhost' : authorityOf(first));
  return `    timeout check ${timeoutMs}ms
    option httpchk
    http-check send meth GET uri ${quoteFormat(withPrefix(first?.pathPrefix ?? '', path))} ver HTTP/1.1 hdr Host ${quoteFormat(host)} hdr User-Agent ${PROBE_AGENT} hdr Connection close
    http-check expect status 200-299
`;
}

/** Not for users: no cookie, and no other slot stands in. */
function isApart(lane: Lane): boolean {
  return lane === 'preview' || lane === 'override';
}

function renderRequest(plan: ServicePlan, slot: SlotName, lane: Lane): string {
  const { door } = plan;
  const { maxBodyBytes, trustForwarded } = door.spec;
  const scheme = plan.pemFile === null || lane === 'preview' ? 'http' : 'https';
  const prefix = prefixOf(plan, slot);
  const lines = [
    ...(maxBodyBytes === null
      ? []
      : [
          `return status 413 content-type 'text/plain; charset=utf-8' string 'the request body is too large' if { req.hdr_val(content-length) gt ${maxBodyBytes} }`,
        ]),
    'disable-l7-retry unless { method GET HEAD OPTIONS }',
    ...(prefix === '' ? [] : ['set-var(txn.bascule_authority) req.hdr(host),lower']),
    ...(trustForwarded ? kept(scheme) : replaced(scheme)),
    // Not uuid(), which costs a twentieth of the request: the second, the process and its count of requests.
    'add-header X-Request-ID %Ts-%pid-%rt unless { req.hdr(X-Request-ID) -m found }',
    ...withoutCookie(door, lane),
    ...withoutOverride(door),
    ...prefixed(prefix),
    'set-var(txn.bascule_t0) date(0,us)',
  ];
  return lines.map((line) => `    http-request ${line}\n`).join('');
}

function replaced(scheme: string): string[] {
  return [
    'del-header Forwarded',
    'del-header X-Forwarded-For',
    `set-header X-Forwarded-Proto ${scheme}`,
    'set-header X-Forwarded-Host %[req.hdr(host)]',
  ];
}

function kept(scheme: string): string[] {
  return [
    `set-header X-Forwarded-Proto ${scheme} unless { req.hdr(X-Forwarded-Proto) -m found }`,
    'set-header X-Forwarded-Host %[req.hdr(host)] unless { req.hdr(X-Forwarded-Host) -m found }',
  ];
}

function prefixed(prefix: string): string[] {
  if (prefix === '') return [];
  const below = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  return [
    'set-var(txn.bascule_root) bool(true) if { path -m str / }',
    `set-path ${quoteFormat(prefix)} if { var(txn.bascule_root) -m bool }`,
    `set-path ${quoteFormat(below)}%[path] unless { var(txn.bascule_root) -m bool }`,
  ];
}

function renderResponse(plan: ServicePlan, slot: SlotName): string {
  const lines = [
    'set-var(txn.bascule_t1) date(0,us)',
    ...withoutPrefix(plan.door, slot, prefixOf(plan, slot)),
  ];
  return lines.map((line) => `    http-response ${line}\n`).join('');
}

/**
 * What answers say of the prefix is taken back, as in `without-prefix.ts`: in Location of this origin, and in the Path of
 * cookies. Another host keeps what it has; `//x` would be one, so it becomes `/.//x`.
 */
function withoutPrefix(door: Door, slot: SlotName, prefix: string): string[] {
  if (prefix === '') return [];
  const below = escapeRegex(prefix.endsWith('/') ? prefix.slice(0, -1) : prefix);
  const origins = door.slots[slot].map((address) => escapeRegex(formatAddress(address))).join('|');
  const isOurs = ' if { var(txn.bascule_location),strcmp(txn.bascule_authority) eq 0 }';
  return [
    'set-var(txn.bascule_location) res.hdr(Location),field(3,/),lower',
    replace('Location', `^((https?:)?//[^/?#]*)${below}(/.*)$`, '\\1\\3', isOurs),
    replace('Location', `^((https?:)?//[^/?#]*)${below}([?#].*)?$`, '\\1/\\3', isOurs),
    replace('Location', `^(http:)?//(${origins})(${below}([/?#].*)?)$`, '\\3'),
    replace('Location', `^${below}(/[/\\\\].*)$`, '/.\\1'),
    replace('Location', `^${below}(/.*)$`, '\\1'),
    replace('Location', `^${below}([?#].*)?$`, '/\\1'),
    replace('Set-Cookie', `^(.*; *[Pp][Aa][Tt][Hh] *= *)${below}/?( *;.*)?$`, '\\1/\\2'),
    replace('Set-Cookie', `^(.*; *[Pp][Aa][Tt][Hh] *= *)${below}(/[^;].*)$`, '\\1\\2'),
  ];
}

function replace(header: string, pattern: string, by: string, condition = ''): string {
  return `replace-header ${header} ${quote(pattern)} ${quote(by)}${condition}`;
}

function renderServers(plan: ServicePlan, slot: SlotName, lane: Lane): string {
  const own = plan.door.slots[slot].map((_, replica) => renderServer(plan, { slot, replica }, slot, lane));
  if (isApart(lane) || !mayStandIn(plan)) return own.join('');
  const other = otherSlot(slot);
  const backups = plan.door.slots[other].map((_, replica) =>
    renderServer(plan, { slot: other, replica }, slot, lane),
  );
  return [...own, ...backups].join('');
}

/** One that is not in use begins switched off, so that whoever starts HAProxy anew finds it as the route has it. */
function renderServer(
  { door, route }: ServicePlan,
  at: { readonly slot: SlotName; readonly replica: number },
  of: SlotName,
  lane: Lane,
): string {
  const { intervalMs, rise, fall } = door.health[at.slot];
  const isBackup = at.slot !== of;
  const name = serverName(at.slot, at.replica);
  const address = formatAddress(door.slots[at.slot][at.replica]!).replace(/^unix:/, 'unix@');
  const look =
    lane === 'plain' && !isBackup
      ? `check inter ${intervalMs} rise ${rise} fall ${fall} observe layer4 error-limit 1 on-error mark-down`
      : `track ${backendName(door.service, at.slot, 'plain')}/${name}`;
  const isUsed = isBackup ? route?.standIn === true : at.replica < (route?.replicas[at.slot] ?? 0);
  // A server that tracks is switched off with the one that it tracks.
  const isOff = !isUsed && (isBackup || lane === 'plain');
  return `    server ${name} ${address} ${look}${isBackup ? ' backup' : ''}${isOff ? ' disabled' : ''}\n`;
}
