import { authorityOf, formatAddress, socketOf } from '../../lib/address.ts';
import { formatUpstream, type Upstream, withPrefix } from '../../lib/upstream.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import { logFormat } from './log-line.ts';
import { block } from './render-block.ts';
import { renderChoice } from './render-choice.ts';
import {
  identityOf,
  renderCookieTaken,
  renderGiven,
  renderIdentified,
  renderIdentity,
} from './render-identity.ts';
import { quote, quoteLiteral } from './quote.ts';
import { renderHold, renderHolding, renderHoldMaps } from './render-hold.ts';
import {
  type CopiedAt,
  copyPath,
  renderCopy,
  renderCopied,
  renderCopying,
  renderMirrorMaps,
} from './render-mirror.ts';
import { renderChoosing, renderChosen, renderChosenSlot } from './render-override.ts';
import { renderPrefixMaps, targetOf } from './render-prefix.ts';
import { FILES, HOST, KIND, LOG_BUFFER, renderProxying, wayOf } from './render-proxying.ts';
import { OUTCOMES, type Outcome } from './route-layout.ts';
import { type MirrorPlan, nameOf, type ServicePlan } from './service-plan.ts';

/** How many requests are in flight is asked as: fewer than so many? */
export const BUSY_LIMITS = [
  1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256, 512, 1024, 4096, 16_384, 65_535,
] as const;

/** Upstream groups, the bucket of a request, counting. Stands at the level of `http`. */
export function renderHttp(plan: ServicePlan): string {
  const { door } = plan;
  const name = nameOf(door.service);
  const format = logFormat(door.sticky.by === 'none' ? null : identityOf(door));
  return `${OUTCOMES.map((outcome) => renderUpstream(plan, outcome)).join('')}${renderIdentity(door)}limit_conn_zone "$bascule_slot$bascule_kind" zone=${name}_busy:256k;
${renderPrefixMaps(door, name)}${renderChosen(door, name)}${renderMirrorMaps(plan, name)}${renderHoldMaps(plan, name)}log_format ${name} '${format.replace('$bascule_preview', '')}';
log_format ${name}_apart '${format}';
`;
}

/** The locations of a service and those that only the controller asks for. Stands in a `server` block. */
export function renderLocations(plan: ServicePlan, digest: string): string {
  const { door } = plan;
  const name = nameOf(door.service);
  // What turns a request to another place stands in the first one only: those places must not turn it again.
  const turns = streamCheck(name) + renderCopying(plan, name);
  const released = streamCheck(name) + renderCopying(plan, name, 'copied_held');
  const first = `${HOST}${renderIdentified(door)}${renderChoosing(door, name)}${renderHolding(plan, name)}${turns}`;
  const way = wayOf(plan);
  const path = decodeURIComponent(door.spec.path);
  const places = path === '/' ? [quote('/')] : [`= ${quote(path)}`, quote(`${path}/`)];
  return `${places.map((place) => block(`location ${place}`, renderBody(plan, first, { ...way, isPlain: true }))).join('')}${block(
    `location @${name}_stream`,
    `${renderBody(plan, KIND, { ...way, timeoutMs: STREAM_MS })}proxy_buffering off;\n`,
  )}${block(`location @${name}_502`, renderStandIn(plan, 502))}${block(
    `location @${name}_504`,
    renderStandIn(plan, 504),
  )}${block(`location @${name}_503`, renderNobody(plan))}${door.override === undefined ? '' : block(`location @${name}_override`, renderOverridden(plan))}${
    plan.mirror === null
      ? ''
      : renderCopiedAt(plan, plan.mirror, 'copied', 'c') +
        (plan.hold === null ? '' : renderCopiedAt(plan, plan.mirror, 'copied_held', 'hc'))
  }${
    plan.hold === null
      ? ''
      : block(`location @${name}_hold`, renderHold(plan, plan.hold)) +
        block(`location @${name}_released`, renderBody(plan, `set $bascule_preview h;\n${released}`))
  }${renderPrivate(plan, digest)}`;
}

/** `mark`: tells the log that a copy was sent, and whether it waited. */
function renderCopiedAt(plan: ServicePlan, mirror: MirrorPlan, place: CopiedAt, mark: string): string {
  const body = `${renderBody(plan, `set $bascule_preview ${mark};\n`)}${renderCopied(plan, mirror)}`;
  return block(`location @${nameOf(plan.door.service)}_${place}`, body);
}

function streamCheck(name: string): string {
  return `error_page 418 = @${name}_stream;\nif ($http_accept ~* "^text/event-stream") {\n    return 418;\n}\nif ($http_upgrade) {\n    return 418;\n}\n`;
}

/** Who may choose: one slot, whatever the route says, and no other in its place. */
function renderOverridden(plan: ServicePlan): string {
  const { door, directory } = plan;
  const name = nameOf(door.service);
  return `${FILES}set $bascule_slot "";
set $bascule_preview o;
set $bascule_retry "";
${KIND}add_header Retry-After $bascule_retry always;
${renderProxying(plan)}proxy_buffering off;
proxy_pass http://${name}_$bascule_slot${targetOf(door, name)};
${renderChosenSlot(directory, name)}set $bascule_retry 5;
return 503;
`;
}

/** The server block of a preview address: one slot, whatever the route says. */
export function renderPreview(plan: ServicePlan, slot: SlotName): string {
  const { door } = plan;
  const address = door.preview?.[slot];
  if (address === undefined) return '';
  const body = `${FILES}set $bascule_slot "";
if (-f ${quote(`${plan.directory}/route/up.${slot}`)}) {
    set $bascule_slot ${slot};
}
set $bascule_preview p;
set $bascule_retry "";
${HOST}${KIND}${renderCookieTaken(door)}if ($bascule_slot = "") {
    set $bascule_retry 5;
    return 503;
}
add_header Retry-After $bascule_retry always;
${renderProxying(plan)}proxy_pass http://${nameOf(door.service)}_$bascule_slot${targetOf(door, nameOf(door.service))};
`;
  return block(
    'server',
    `listen ${formatAddress(address)};\nserver_name "" ~.;\n${block('location /', body)}`,
  );
}

function renderUpstream({ door, size }: ServicePlan, outcome: Outcome): string {
  const slot = (outcome.split('-')[1] ?? outcome) as SlotName;
  const servers = door.slots[slot]
    .slice(0, size)
    .map((address) => `server ${formatAddress(address)} max_fails=1 fail_timeout=1s;\n`);
  return block(
    `upstream ${nameOf(door.service)}_${outcome}`,
    `${[...new Set(servers)].join('')}keepalive 64;\n`,
  );
}

/** How long a WebSocket or an event stream may say nothing. */
const STREAM_MS = 3_600_000;

function renderBody(plan: ServicePlan, turns: string, way = wayOf(plan)): string {
  const name = nameOf(plan.door.service);
  const choose = (outcome: Outcome): string =>
    // Each says its group by name: one in a variable is looked for among all groups, at every request.
    `set $bascule_slot ${outcome};\nproxy_pass http://${name}_${outcome}${targetOf(plan.door, name)};\nbreak;\n`;
  // The first to read the slot needs none: it is empty until it is set.
  const unset = way.isPlain ? '' : 'set $bascule_slot "";\n';
  return `${FILES}${unset}${turns}recursive_error_pages on;
error_page 502 = @${name}_502;
error_page 504 = @${name}_504;
${renderGiven(plan.door)}${renderProxying(plan, way)}error_page 503 = @${name}_503;
${renderChoice(plan, choose)}return 503;
`;
}

/**
 * Nobody serves. In a place of its own, as a header field that most answers do not have costs them all. Its `error_page`
 * never comes about: where there is one, none of the server's own is inherited.
 */
function renderNobody(plan: ServicePlan): string {
  const name = nameOf(plan.door.service);
  return `access_log ${quote(plan.logFile)} ${name}_apart ${LOG_BUFFER};
error_page 418 @${name}_503;
add_header Retry-After 5 always;
${renderGiven(plan.door)}return 503;
`;
}

/** The other slot answers where nothing was sent to its own one, and it may. */
function renderStandIn(plan: ServicePlan, status: number): string {
  const { door, directory } = plan;
  const name = nameOf(door.service);
  return `${FILES}set $bascule_stand_in "";
if (-f ${quote(`${directory}/route/stand-in`)}) {
    set $bascule_stand_in $bascule_other;
}
if ($upstream_bytes_sent ~ "[1-9][^:]*$") {
    set $bascule_stand_in "";
}
if ($bascule_stand_in = "") {
    return ${status};
}
${renderGiven(door)}${renderProxying(plan)}proxy_pass http://${name}_$bascule_stand_in${targetOf(door, name)};
`;
}

/** What the controller asks nginx: it answers as it would answer users. */
function renderPrivate(plan: ServicePlan, digest: string): string {
  const { door, directory, secret } = plan;
  const name = nameOf(door.service);
  const at = (path: string, body: string): string =>
    block(`location = /.bascule/${secret}/${path}`, `access_log off;\n${FILES}${body}`);
  const busy = BUSY_LIMITS.map((limit) =>
    at(
      `busy/${limit}`,
      `set $bascule_slot $arg_slot;\nlimit_conn ${name}_busy ${limit};\nlimit_conn_status 429;\nlimit_conn_log_level info;\nalias ${quote(`${directory}/here`)};\n`,
    ),
  ).join('');
  const probes = SLOT_NAMES.flatMap((slot) =>
    door.slots[slot].map((address, replica) =>
      at(`probe/${slot}/${replica}`, renderProbe(plan, address, door.health[slot].path)),
    ),
  ).join('');
  return [
    at('config', `return 200 ${quote(digest)};\n`),
    at(
      'revision',
      `if (-f ${quote(`${directory}/route/revision.$arg_n`)}) {\n    return 200 $arg_n;\n}\nreturn 404;\n`,
    ),
    at(
      'slot',
      `set $bascule_slot "";\n${renderIdentified(door)}${renderChoice(plan, (outcome) => `return 200 ${outcome};\n`)}return 404;\n`,
    ),
    busy,
    probes,
    plan.mirror === null ? '' : block(`location = ${copyPath(plan)}`, renderCopy(plan, plan.mirror)),
  ].join('');
}

function renderProbe({ door }: ServicePlan, address: Upstream, path: string): string {
  const isSocket = socketOf(address) !== null;
  const place = isSocket
    ? `http://${formatAddress(address)}:`
    : formatUpstream({ ...address, pathPrefix: '' });
  const target = place + withPrefix(address.pathPrefix, path);
  return `add_header Bascule-Answered $upstream_header_time always;
proxy_connect_timeout 5s;
proxy_next_upstream off;
proxy_intercept_errors off;
proxy_redirect off;
proxy_set_header Host ${quoteLiteral(door.spec.host ?? authorityOf(address))};
proxy_set_header User-Agent bascule-probe;
proxy_set_header Cookie "";
proxy_pass ${quoteLiteral(target)};
`;
}
