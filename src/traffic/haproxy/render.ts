import { createHash } from 'node:crypto';
import { listenOf, type ServicePlan } from './plan.ts';
import { quote } from './quote.ts';
import { DEFAULTS_NAME } from './names.ts';
import { renderBackends } from './render-back.ts';
import { renderBack, renderFront, renderPreviews } from './render-front.ts';
import { renderHold } from './render-hold.ts';

const HEAD = '# Written by Bascule, and written anew: changes are lost.\n';
const NO_REPLICA =
  "http-error status 503 content-type 'text/plain; charset=utf-8' string 'no healthy replica' hdr Retry-After 1 hdr Cache-Control no-store";

/** The one file that holds every service's part. `log`: where lines go, as HAProxy names it: `fd@9`, `stdout`. */
export function renderServices(plans: readonly ServicePlan[], log: string): string {
  const sorted = plans.toSorted((a, b) => (a.door.service < b.door.service ? -1 : 1));
  const fronts = Map.groupBy(sorted, listenOf);
  return `${HEAD}${renderDefaults(log)}${[...fronts].map(([listen, some]) => renderFront(listen, some)).join('')}${sorted
    .map((plan) => renderPreviews(plan) + renderBack(plan) + renderHold(plan) + renderBackends(plan))
    .join('')}`;
}

/** Names what HAProxy has to load anew: everything but what is changed while it runs. */
export function digestOf(text: string): string {
  return createHash('sha256')
    .update(text.replaceAll(/ disabled$/gm, ''))
    .digest('hex')
    .slice(0, 32);
}

/** Named, so that nobody else's sections take it for theirs. */
function renderDefaults(log: string): string {
  return `defaults ${DEFAULTS_NAME}
    mode http
    log ${log} len 4096 format raw local0
    option dontlognull
    option http-keep-alive
    option abortonclose
    option idle-close-on-response
    option redispatch 1
    option allbackups
    balance leastconn
    retries 2
    retry-on conn-failure empty-response
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-request 30s
    timeout http-keep-alive 75s
    http-reuse safe
    ${NO_REPLICA}
`;
}

export type MainOptions = {
  /** `user x group y`, where the master is root; else null. */
  readonly user: { readonly name: string; readonly group: string } | null;
  readonly maxConnections: number;
  /** HAProxy does not run without any listener: this socket in it is one. */
  readonly root: string;
};

/**
 * The first file of an HAProxy of Bascule's own. One thread: several share the log's descriptor, and HAProxy drops the
 * line of one that finds it busy for long, as it is where another was interrupted while it wrote.
 */
export function renderMain({ user, maxConnections, root }: MainOptions): string {
  return `${HEAD}global
    nbthread 1
    maxconn ${maxConnections}
    hard-stop-after 90s
    stats socket ${quote(`${root}/stats.sock`)} mode 600 level user
    spread-checks 10
${user === null ? '' : `    user ${quote(user.name)}\n    group ${quote(user.group)}\n`}`;
}
