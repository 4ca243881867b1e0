import { IDENTITY_VARIABLES } from './render-identity.ts';
import { quote } from './quote.ts';

/** What every service's file uses; of variables, nginx computes only those that a request asks for. */
export function renderCommon(): string {
  return `# Written by Bascule, and written anew: changes are lost.
geo $bascule_dollar {
    default "$";
}
${['slot', 'kind', 'host', 'preview', 'retry', 'stand_in', ...IDENTITY_VARIABLES].map(renderUnset).join('')}map $http_upgrade $bascule_connection {
    "" "";
    default upgrade;
}
map $http_host $bascule_said_host {
    "" $host;
    default $http_host;
}
map $request $bascule_named_host {
    "~^[^ ]+ [^/*]" $host;
    default $bascule_said_host;
}
map $http_x_request_id $bascule_request_id {
    "" "$time_iso8601-$connection-$connection_requests";
    default $http_x_request_id;
}
map $http_x_forwarded_proto $bascule_kept_proto {
    "" $scheme;
    default $http_x_forwarded_proto;
}
map $http_x_forwarded_host $bascule_kept_host {
    "" $bascule_host;
    default $http_x_forwarded_host;
}
map $http_x_forwarded_for $bascule_kept_address {
    "~(?<bascule_last>[^, ]+) *$" $bascule_last;
    default $remote_addr;
}
map $https $bascule_secure {
    on "; Secure";
    default "";
}
map $bascule_kept_proto $bascule_kept_secure {
    https "; Secure";
    default "";
}
map $bascule_slot $bascule_other {
    blue green;
    green blue;
    default "";
}
`;
}

/** Known before any location sets it, so that a snippet's first half stands alone. */
function renderUnset(name: string): string {
  return `map "" $bascule_${name} {
    default "";
}
`;
}

export type MainOptions = {
  /** Bascule's own directory for it: everything that it writes is in there. */
  readonly root: string;
  /** `name group` for workers where the master is root, or null. */
  readonly user: string | null;
  /** Included at the top of `http`, for tests. */
  readonly extra: string;
};

/** The main file of an nginx that Bascule owns. */
export function renderMain({ root, user, extra }: MainOptions): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `    ${kind}_temp_path ${quote(`${root}/tmp/${kind}`)};\n`,
  );
  return `# Written by Bascule, and written anew: changes are lost.
${user === null ? '' : `user ${user};\n`}daemon on;
pcre_jit on;
worker_processes auto;
worker_shutdown_timeout 60s;
pid ${quote(`${root}/nginx.pid`)};
error_log ${quote(`${root}/error.log`)} warn;
events {
    worker_connections 4096;
}
http {
${temporary.join('')}    default_type application/octet-stream;
    access_log off;
    server_tokens off;
    keepalive_requests 10000;
    server_names_hash_bucket_size 512;
    map_hash_bucket_size 512;
    variables_hash_max_size 8192;
    ${extra}include ${quote(`${root}/conf/*.conf`)};
}
`;
}
