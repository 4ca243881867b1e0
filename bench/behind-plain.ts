import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import type { OthersKind } from '../test/e2e/behind.ts';
import { find, run, type Place, type Running } from './peers.ts';

/**
 * The same proxy as people have it: keep-alive to the application, an access log that is buffered where it can be. HAProxy with
 * one thread, as Bascule's own has it: processor time a request is not the same with more.
 */
export const PLAIN: Readonly<Record<OthersKind, (place: Place) => Promise<Running>>> = {
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
  upstream shop { server ${backend.host}:${backend.port}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://shop;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
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
  default_backend shop
backend shop
  http-reuse safe
  server s1 ${backend.host}:${backend.port}
`,
    );
    // HAProxy has no log file of its own: a line is one write to what it was given.
    return run(['/bin/sh', '-c', 'exec "$0" -W -f "$1" > "$2" 2>&1', find('haproxy')!, file, log], directory);
  },
};
