import { type Address, formatAddress } from '../../lib/address.ts';
import { HOLD_RETURN_HEADER, HOLD_SERVICE_HEADER } from '../hold-port.ts';
import type { Door } from '../router.ts';
import { logFormat } from './log-line.ts';
import { literal, quote } from './quote.ts';
import { LOG_BUFFER } from './render-proxying.ts';
import { nameOf, type ServicePlan } from './service-plan.ts';

/** A hold lasts a minute at most. */
const READ_SECONDS = 75;

/** Which file of a route lets a request wait. Stands at the level of `http`. */
export function renderHoldMaps({ door, hold }: ServicePlan, name: string): string {
  if (hold === null) return '';
  const cases = [...healthPaths(door)].map(
    ([path, kept]) => `    ${quote(`~^(?:GET|HEAD) ${literal(path)}$`)} ${kept};\n`,
  );
  return `map "$request_method $request_uri" $${name}_waits {
${cases.join('')}    default any;
}
log_format ${name}_hold '${logFormat(null).replace('$bascule_preview', 'w')}';
`;
}

/** By path: what asks for the health of one slot waits where another one serves. */
function healthPaths({ health }: Door): ReadonlyMap<string, string> {
  const { blue, green } = health;
  if (blue.path === green.path) return new Map([[blue.path, 'never']]);
  return new Map([
    [blue.path, 'not-blue'],
    [green.path, 'not-green'],
  ]);
}

/** Lets a request wait. Stands in the location of the service. */
export function renderHolding({ directory, hold }: ServicePlan, name: string): string {
  if (hold === null) return '';
  return `error_page 423 = @${name}_hold;\nif (-f ${quote(`${directory}/route/hold.$${name}_waits`)}) {\n    return 423;\n}\n`;
}

/** Where it waits: its body stays here. If nobody is there to let it wait, it goes on at once. */
export function renderHold({ door, logFile }: ServicePlan, at: Address): string {
  const name = nameOf(door.service);
  return `error_page 502 504 = @${name}_released;
recursive_error_pages on;
access_log ${quote(logFile)} ${name}_hold ${LOG_BUFFER};
client_max_body_size ${door.spec.maxBodyBytes ?? 0};
proxy_http_version 1.1;
proxy_cache off;
proxy_redirect off;
proxy_intercept_errors off;
proxy_method GET;
proxy_pass_request_headers off;
proxy_pass_request_body off;
proxy_set_header Host bascule;
proxy_set_header Connection "";
proxy_set_header Content-Length "";
proxy_set_header ${HOLD_SERVICE_HEADER} ${door.service};
proxy_set_header ${HOLD_RETURN_HEADER} @${name}_released;
proxy_connect_timeout 1s;
proxy_read_timeout ${READ_SECONDS}s;
proxy_next_upstream off;
proxy_pass http://${formatAddress(at)};
`;
}
