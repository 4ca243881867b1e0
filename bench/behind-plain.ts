import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import type { OthersKind } from '../test/e2e/behind.ts';
import { find, run, type PlainPlace, type Running } from './peers.ts';

/**
 * The same proxy as a careful person writes it for the same application: keep-alive, an access log that is buffered where it can
 * be, and who asks, how and for which host in headers. For nginx these are the lines of Debian's `proxy_params` and of its own
 * page on WebSockets. HAProxy with one thread, as Bascule's own has it: processor time a request is not the same with more.
 */
export const PLAIN: Readonly<Record<OthersKind, (place: PlainPlace) => Promise<Running>>> = {
  nginx: async ({ directory, port, backends: [backend] }) => {
    const file = join(directory, 'nginx.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `  ${kind}_temp_path ${directory}/${kind};\n`,
    );
    await writeFile(
      file,
      `daemon off;
worker_processes auto;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log warn;
user ${process.getuid?.() === 0 ? 'root' : 'nobody'};
events { worker_connections 4096; }
http {
${temporary.join('')}  keepalive_requests 10000;
  access_log ${directory}/access.log combined buffer=32k flush=1s;
  map $http_upgrade $connection_upgrade { "" ""; default upgrade; }
  upstream shop { server ${backend.host}:${backend.port}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://shop;
      proxy_http_version 1.1;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Host $host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`,
    );
    return run([find('nginx')!, '-p', directory, '-c', file, '-e', 'stderr'], directory);
  },
  haproxy: async ({ directory, port, backends: [backend] }) => {
    const file = join(directory, 'haproxy.cfg');
    const log = join(directory, 'access.log');
    await writeFile(
      file,
      `global
  maxconn 2000
  nbthread 1
defaults
  mode http
  log stdout format raw local0
  option httplog
  option forwardfor
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend door
  bind 127.0.0.1:${port}
  http-request set-header X-Forwarded-Proto http
  default_backend shop
backend shop
  http-reuse safe
  server s1 ${backend.host}:${backend.port} check
`,
    );
    // HAProxy has no log file of its own: a line is one write to what it was given.
    return run(['/bin/sh', '-c', 'exec "$0" -W -f "$1" > "$2" 2>&1', find('haproxy')!, file, log], directory);
  },
};
