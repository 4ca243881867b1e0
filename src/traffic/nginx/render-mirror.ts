import { formatAddress } from '../../lib/address.ts';
import { logFormat, MOST_COPY_MS } from './log-line.ts';
import { quote } from './quote.ts';
import { targetIn } from './render-prefix.ts';
import { block } from './render-block.ts';
import { FILES, LOG_BUFFER, renderSending } from './render-proxying.ts';
import { type MirrorPlan, nameOf, type ServicePlan } from './service-plan.ts';

/** Copies under way at a time, per replica and worker; those past it are dropped. */
const MOST_COPIES = 64;
/** Without a body, whatever is said of its length. */
const BODILESS = new Set(['GET', 'HEAD']);

export function copyPath({ secret }: ServicePlan): string {
  return `/.bascule/${secret}/copy`;
}

/** Which requests are copied. Stands at the level of `http`. */
export function renderMirrorMaps({ door, mirror, size }: ServicePlan, name: string): string {
  if (mirror === null) return '';
  const servers = door.slots[mirror.slot]
    .slice(0, size)
    .map((each) => `server ${formatAddress(each)} max_conns=${MOST_COPIES} max_fails=1 fail_timeout=1s;\n`);
  const share =
    mirror.sharePercent === 100 ? '    * 1;\n' : `    ${mirror.sharePercent.toFixed(2)}% 1;\n    * "";\n`;
  const drawn = `$${name}_drawn`;
  // The request's own number alone also draws buckets.
  const what = `"$request_method $server_protocol $http_upgrade,$http_transfer_encoding,$http_content_length ${drawn}"`;
  const cases = mirror.methods.map((method) => {
    const length = BODILESS.has(method) ? '0*' : '[0-9]{0,6}';
    return `    ${quote(`~^${method} HTTP/(?:1[.]1|2[.]0) ,,${length} 1$`)} 1;\n`;
  });
  return `${block(`upstream ${name}_copy`, `${[...new Set(servers)].join('')}keepalive 64;\n`)}split_clients "mirror$request_id" ${drawn} {
${share}}
map ${what} $${name}_copies {
${cases.join('')}    default "";
}
log_format ${name}_copy '${logFormat(null)
    .replace('$bascule_slot', mirror.slot)
    .replace('$request_completion', 'OK')
    .replace('$bascule_preview', 'm')}';
`;
}

/** Where a request that is copied is served; one that waited in a hold tells the log so. */
export type CopiedAt = 'copied' | 'copied_held';

/** Turns a request that is to be copied to a place of its own. Stands in the location of the service. */
export function renderCopying({ mirror }: ServicePlan, name: string, place: CopiedAt = 'copied'): string {
  if (mirror === null) return '';
  return `error_page 420 = @${name}_${place};\nif ($${name}_copies) {\n    return 420;\n}\n`;
}

/**
 * Where a request that is copied is served. nginx reads the next request of a connection only when the copy has ended, so
 * that the connection is given up: no client waits for an answer that nobody is to see.
 */
export function renderCopied(plan: ServicePlan, { methods }: MirrorPlan): string {
  const hasBodies = methods.some((method) => !BODILESS.has(method));
  return `keepalive_timeout 0;\nmirror ${copyPath(plan)};\nmirror_request_body ${hasBodies ? 'on' : 'off'};\n`;
}

/** The copy. Its variables are those of the request that it is of: none of them may be set here. */
export function renderCopy(plan: ServicePlan, { slot, serve, methods }: MirrorPlan): string {
  const { door, directory, logFile, proxy } = plan;
  const name = nameOf(door.service);
  const isBodiless = methods.every((method) => BODILESS.has(method));
  return `internal;
${FILES}log_subrequest on;
access_log ${quote(logFile)} ${name}_copy ${LOG_BUFFER};
if ($bascule_slot != ${serve}) {
    access_log off;
    return 204;
}
if (!-f ${quote(`${directory}/route/up.${slot}`)}) {
    return 503;
}
proxy_ignore_client_abort on;
${renderSending(plan, { timeoutMs: Math.min(proxy.readTimeoutMs, MOST_COPY_MS), isPlain: false })}${
    isBodiless ? 'proxy_pass_request_body off;\nproxy_set_header Content-Length "";\n' : ''
  }proxy_next_upstream off;
proxy_pass http://${name}_copy${targetIn(door, slot, name)};
`;
}
