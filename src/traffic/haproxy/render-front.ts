import { formatAddress } from '../../lib/address.ts';
import { SLOT_NAMES } from '../../release/slot.ts';
import { LOG_FORMAT } from './log-line.ts';
import { backendName, DEFAULTS_NAME, holdName } from './names.ts';
import type { ServicePlan } from './plan.ts';
import { escapeRegex, quote } from './quote.ts';
import { renderChoice } from './render-choice.ts';
import { renderHoldUse } from './render-hold.ts';
import { GONE } from './route-map.ts';

const UNKNOWN =
  "return status 404 content-type 'text/plain; charset=utf-8' string 'no service has this address'";
const NOT_YET =
  "return status 503 content-type 'text/plain; charset=utf-8' string 'not in service yet' hdr Retry-After 1 hdr Cache-Control no-store";

/**
 * Everything that comes by one address: the door is found, then the slot, then who asks, where that decides the slot. A
 * slot that there is not has no backend: what asks for it falls to the default one, so nobody else pays for being checked.
 */
export function renderFront(listen: string, plans: readonly ServicePlan[]): string {
  const name = listen.replaceAll(/[^0-9a-z.]/g, '_');
  const isAlone = plans.length === 1 && plans[0]!.door.spec.host === null && plans[0]!.door.spec.path === '/';
  const doors = isAlone ? '' : renderDoors(plans);
  return `frontend bascule.front.${name} from ${DEFAULTS_NAME}
    bind ${listen}${renderTls(plans)}
    log-format ${quote(LOG_FORMAT)}
    timeout client ${clientSilenceMs(plans)}ms
${doors}${plans.map((plan) => renderChoice(plan, { isAlone, isBack: false })).join('')}${renderUse(plans, isAlone)}    default_backend bascule.nowhere.${name}
backend bascule.nowhere.${name} from ${DEFAULTS_NAME}
${isAlone ? '' : `    http-request ${UNKNOWN} if !{ var(txn.bascule_service) -m found }\n`}    http-request ${UNKNOWN} if { var(txn.bascule_slot) -m str ${GONE} }
    http-request ${NOT_YET}
`;
}

/**
 * The way back of those who waited: routed as everybody is, without holding. Open to all who reach its directory, HAProxy's own
 * workers among them, as the port is at which they wait.
 */
export function renderBack(plan: ServicePlan): string {
  const { door, hold } = plan;
  if (hold === null) return '';
  const { service } = door;
  return `frontend bascule.back.${service} from ${DEFAULTS_NAME}
    bind ${quote(`unix@${hold.back}`)} accept-proxy mode 666
    log-format ${quote(LOG_FORMAT)}
    timeout client ${clientSilenceMs([plan])}ms
    http-after-response set-header X-Bascule-Back 1
${renderChoice(plan, { isAlone: true, isBack: true })}${STREAMS}${renderSlots(service)}    default_backend bascule.nowhere.back.${service}
backend bascule.nowhere.back.${service} from ${DEFAULTS_NAME}
    http-request ${NOT_YET}
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

function clientSilenceMs(plans: readonly ServicePlan[]): number {
  return Math.max(60_000, ...plans.map(({ proxy }) => proxy.readTimeoutMs));
}

function renderTls(plans: readonly ServicePlan[]): string {
  const files = plans.flatMap(({ pemFile }) => (pemFile === null ? [] : [pemFile]));
  return files.length === 0 ? '' : ` ssl${files.map((file) => ` crt ${quote(file)}`).join('')} alpn http/1.1`;
}

function renderDoors(plans: readonly ServicePlan[]): string {
  const hosts = plans.some(({ door }) => door.spec.host !== null);
  const paths = plans.some(({ door }) => door.spec.path !== '/');
  return `${hosts ? '    http-request set-var(txn.bascule_host) req.hdr(host),lower,regsub(:[0-9]*$,)\n' : ''}${
    paths ? '    http-request set-var(txn.bascule_path) path\n' : ''
  }${[...plans].sort(byClosest).map(renderDoor).join('')}`;
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

const STREAMS = `    acl is_stream req.hdr(Upgrade) -m found
    acl is_stream req.hdr(Accept) -i -m beg text/event-stream
`;

function renderUse(plans: readonly ServicePlan[], isAlone: boolean): string {
  const service = isAlone ? plans[0]!.door.service : '%[var(txn.bascule_service)]';
  const overrides = plans.some(({ door }) => door.override !== undefined)
    ? `    use_backend bascule.${service}.%[var(txn.bascule_by)].override if { var(txn.bascule_by) -m found }\n`
    : '';
  const holds = plans.map((plan) => renderHoldUse(plan, holdName(plan.door.service), isAlone)).join('');
  return `${overrides}${holds}${STREAMS}${renderSlots(service)}`;
}

function renderSlots(service: string): string {
  return `    use_backend bascule.${service}.%[var(txn.bascule_slot)].streams if is_stream
    use_backend bascule.${service}.%[var(txn.bascule_slot)]
`;
}
