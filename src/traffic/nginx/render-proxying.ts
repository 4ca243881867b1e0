import { quote } from './quote.ts';
import { renderStripped } from './render-override.ts';
import { renderPrefixRules } from './render-prefix.ts';
import { nameOf, type ServicePlan } from './service-plan.ts';

/** All that write one file must buffer alike. */
export const LOG_BUFFER = 'buffer=32k flush=1s';

/** Positive answers to `-f` must not be remembered, and links must be followed, whatever is set above. */
export const FILES = 'open_file_cache off;\ndisable_symlinks off;\n';

/** How requests of one location are sent on. */
export type Way = {
  readonly timeoutMs: number;
  /** Ordinary ones: no upgrade, and no preview, override or wait, which the log would tell. */
  readonly isPlain: boolean;
};

export function wayOf({ proxy }: ServicePlan): Way {
  return { timeoutMs: proxy.readTimeoutMs, isPlain: false };
}

/** Counts a request of a client and sends it on. Without the `proxy_pass`. */
export function renderProxying(plan: ServicePlan, way = wayOf(plan)): string {
  const name = nameOf(plan.door.service);
  return `limit_conn ${name}_busy 65535;
limit_conn_log_level info;
access_log ${quote(plan.logFile)} ${name}${way.isPlain ? '' : '_apart'} ${LOG_BUFFER};
proxy_next_upstream error timeout;
proxy_next_upstream_tries ${Math.min(3, Math.max(2, plan.size))};
${renderSending(plan, way)}`;
}

/**
 * What the client calls this host, its port included. Before HTTP/1.1 it may say nothing. A target in absolute form is what
 * nginx goes by, so its host counts, and never the one of a Host field that says otherwise. Stands where requests come in:
 * one pattern sees that a request is neither.
 */
export const HOST = `set $bascule_host $http_host;
if ($request !~ "^[^ ]+ [/*].* HTTP/(?:1[.]1|[2-9])") {
    set $bascule_host $bascule_named_host;
}
`;

/** WebSockets are told from requests by who counts what is in flight. */
export const KIND = 'if ($http_upgrade) {\n    set $bascule_kind .stream;\n}\n';

/** What is sent, and how long is waited. */
export function renderSending({ door, proxy }: ServicePlan, { timeoutMs, isPlain }: Way): string {
  const { spec, sticky } = door;
  const name = nameOf(door.service);
  const kept = spec.trustForwarded;
  const include = proxy.include === null ? '' : `include ${quote(proxy.include)};\n`;
  return `client_max_body_size ${spec.maxBodyBytes ?? 0};
proxy_http_version 1.1;
proxy_cache off;
${renderPrefixRules(door, name)}proxy_intercept_errors off;
proxy_connect_timeout ${proxy.connectTimeoutMs}ms;
proxy_read_timeout ${timeoutMs}ms;
proxy_send_timeout ${timeoutMs}ms;
proxy_set_header Host $bascule_host;
proxy_set_header Connection ${isPlain ? '""' : '$bascule_connection'};
proxy_set_header Upgrade ${isPlain ? '""' : '$http_upgrade'};
proxy_set_header X-Forwarded-For ${kept ? '$proxy_add_x_forwarded_for' : '$remote_addr'};
proxy_set_header X-Forwarded-Proto ${kept ? '$bascule_kept_proto' : '$scheme'};
proxy_set_header X-Forwarded-Host ${kept ? '$bascule_kept_host' : '$bascule_host'};
${kept ? '' : 'proxy_set_header Forwarded "";\n'}proxy_set_header X-Request-ID $bascule_request_id;
${sticky.by === 'cookie' ? 'proxy_set_header Cookie $bascule_before$bascule_after;\n' : ''}${renderStripped(door)}${include}`;
}
