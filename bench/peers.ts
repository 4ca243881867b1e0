import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Address } from '../src/lib/address.ts';
import type { TlsFiles } from '../src/release/service.ts';

/** Where a proxy is to run, and for what. */
export type PlainPlace = {
  /** Its own, empty, temporary. */
  readonly directory: string;
  readonly port: number;
  readonly backends: readonly [Address, Address];
};

export type Place = PlainPlace & {
  /** With TLS, and HTTP/2 for those who ask for it. */
  readonly securePort: number;
  readonly certificate: TlsFiles;
};

export type Running = { readonly pid: number; stop(): Promise<void> };

export type Peer = {
  readonly name: string;
  /** Why it cannot run here, or null. */
  absent(): string | null;
  start(place: Place): Promise<Running>;
};

/** Idle clients and as many of their requests. */
const CONNECTIONS = 10_240;

/** One worker each where that can be said; connections to clients and backends are kept by all. */
export const PEERS: readonly Peer[] = [
  {
    name: 'nginx',
    absent: () => missing('nginx'),
    start: async (place) => {
      const { directory } = place;
      const file = join(directory, 'nginx.conf');
      await writeFile(file, nginxConfig(place));
      return run([find('nginx')!, '-p', directory, '-c', file, '-e', 'stderr'], directory);
    },
  },
  {
    name: 'HAProxy',
    absent: () => missing('haproxy'),
    start: async (place) => {
      const { directory, certificate } = place;
      const file = join(directory, 'haproxy.cfg');
      const both = join(directory, 'both.pem');
      await writeFile(
        both,
        (await readFile(certificate.certificate)) + (await readFile(certificate.key, 'latin1')),
      );
      await writeFile(file, haproxyConfig(place, both));
      return run([find('haproxy')!, '-db', '-f', file], directory);
    },
  },
  {
    name: 'Caddy',
    absent: () => missing('caddy'),
    start: async (place) => {
      const { directory } = place;
      const file = join(directory, 'Caddyfile');
      await writeFile(file, caddyConfig(place));
      return run([find('caddy')!, 'run', '--config', file, '--adapter', 'caddyfile'], directory);
    },
  },
  {
    name: 'http-proxy-3',
    absent: () => null,
    start: ({ directory, port, securePort, certificate, backends }) => {
      const program = fileURLToPath(new URL('http-proxy-3.ts', import.meta.url));
      const own = [String(port), String(securePort), certificate.certificate, certificate.key];
      const others = backends.map((backend) => String(backend.port));
      return run([process.execPath, program, ...own, ...others], directory);
    },
  },
];

/** How each nginx begins that is set up by hand: one worker, in a directory of its own. Its `http` block stays open. */
export function nginxHead(directory: string, connections = 1024): string {
  return `daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
user ${process.getuid?.() === 0 ? 'root' : 'nobody'};
events { worker_connections ${connections}; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
`;
}

function nginxConfig({ directory, port, securePort, certificate, backends }: Place): string {
  return `${nginxHead(directory, 2 * CONNECTIONS)}  keepalive_requests 1000000;
  map $http_upgrade $connection_upgrade { "" ""; default upgrade; }
  upstream shop { ${servers(backends, 'server', ';')} keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    listen 127.0.0.1:${securePort} ssl http2;
    ssl_certificate ${certificate.certificate};
    ssl_certificate_key ${certificate.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    http2_max_requests 1000000000;
    location / {
      proxy_pass http://shop;
      proxy_http_version 1.1;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Host $host;
    }
  }
}
`;
}

/** It would ask for as many descriptors for the application as for clients; idle ones need none. */
function haproxyConfig({ port, securePort, backends }: Place, certificate: string): string {
  return `global
  nbthread 1
  maxconn ${CONNECTIONS}
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
frontend door
  bind 127.0.0.1:${port} backlog 4096
  bind 127.0.0.1:${securePort} ssl crt ${certificate} alpn h2,http/1.1
  default_backend shop
backend shop
  http-reuse always
${backends.map(({ host, port: own }, i) => `  server s${i} ${host}:${own}`).join('\n')}
`;
}

function caddyConfig({ port, securePort, certificate, backends }: Place): string {
  const to = `reverse_proxy ${servers(backends, '', '')}`;
  return `{
  admin off
  auto_https off
  servers {
    protocols h1 h2
  }
}
http://127.0.0.1:${port}, http://localhost:${port} {
  ${to}
}
https://127.0.0.1:${securePort} {
  tls ${certificate.certificate} ${certificate.key}
  ${to}
}
`;
}

function servers(backends: readonly Address[], before: string, after: string): string {
  return backends.map(({ host, port }) => `${before} ${host}:${port}${after}`).join(' ');
}

function missing(program: string): string | null {
  return find(program) === null ? `${program} is not installed` : null;
}

/** Servers are often outside a user's own path. */
export function find(program: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file)) ?? null;
}

/** Everything that the program might write goes to its own directory. */
export async function run([command = '', ...args]: readonly string[], directory: string): Promise<Running> {
  const home = join(directory, 'home');
  await mkdir(home, { recursive: true });
  const env = { PATH: process.env['PATH'], HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
  const child = spawn(command, args, { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
  }
  const exit = once(child, 'exit');
  const started = await Promise.race([
    exit.then(() => false),
    new Promise<true>((resolve) => setTimeout(resolve, 300, true)),
  ]);
  if (!started) throw new Error(`${command} ended at once: ${said}`);
  return {
    pid: child.pid!,
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
      await exit;
      clearTimeout(timer);
    },
  };
}
