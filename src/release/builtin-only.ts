import type { Path } from './problem.ts';

/** Keys of the built-in proxy that people look for with the others: why they are not there, and what is. */
const NGINX: Readonly<Record<string, string>> = {
  'outlier-detection': 'nginx has max_fails for what it does with servers that fail, and Bascule sets it',
  'per-replica':
    'with nginx: max_conns and slow_start would be of each of several upstreams, and most of it is of NGINX Plus',
  timeouts: 'with nginx: connect-timeout and read-timeout here, the others in your own configuration',
  limits: 'with nginx: large_client_header_buffers and limit_conn, in your own configuration',
  'error-pages': 'with nginx: the location needs its own error_page for what stands in for a slot',
};

const HAPROXY: Readonly<Record<string, string>> = {
  'outlier-detection': 'HAProxy can take out the last server of a slot by what it answers',
  'per-replica': 'a slot has several backends there, and maxconn would be of each of them',
  timeouts: 'with HAProxy: connect-timeout and read-timeout here; its other times are fixed',
  limits: 'with HAProxy: tune.bufsize and maxconn, in your own global section',
  'error-pages': 'HAProxy wants files of whole responses, which Bascule does not make',
};

/** Why a key that the built-in proxy knows is none of another one, or null. `path` is where it stands. */
export function builtinOnly(path: Path, key: string): string | null {
  if (path.at(-2) !== 'proxy') return null;
  const table = path.at(-1) === 'nginx' ? NGINX : path.at(-1) === 'haproxy' ? HAPROXY : {};
  return Object.hasOwn(table, key) ? table[key]! : null;
}
