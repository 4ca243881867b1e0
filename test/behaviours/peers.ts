import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { find, run, nginxHead } from '../../bench/peers.ts';
import { listening } from '../wire/raw-client.ts';
import type { Application } from './application.ts';
import type { DoorName } from './case.ts';

export const PEER_NAMES = ['nginx', 'HAProxy'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

export type Ports = Readonly<Record<DoorName, number>>;

/** Why it cannot be tried here, or null. */
export function absentPeer(name: PeerName): string | null {
  return find(name.toLowerCase()) === null ? `${name} is not installed` : null;
}

/** Configured as its manual shows it, by hand: nothing here is rendered by Bascule. */
export async function startPeer(
  name: PeerName,
  directory: string,
  { ports, application }: { readonly ports: Ports; readonly application: Application },
): Promise<() => Promise<void>> {
  const file = join(directory, `${name}.conf`);
  const config =
    name === 'nginx' ? nginxConfig(directory, ports, application) : haproxyConfig(ports, application);
  await writeFile(file, config);
  const command =
    name === 'nginx'
      ? [find('nginx')!, '-p', directory, '-c', file, '-e', 'stderr']
      : [find('haproxy')!, '-db', '-f', file];
  const running = await run(command, directory);
  await Promise.all(Object.values(ports).map((port) => listening(port)));
  return () => running.stop();
}

function nginxConfig(directory: string, ports: Ports, { ports: to }: Application): string {
  return `${nginxHead(directory)}    map $http_upgrade $connection_upgrade { default upgrade; '' close; }
    server {
        listen 127.0.0.1:${ports.shop} default_server;
        return 404;
    }
    server {
        listen 127.0.0.1:${ports.shop};
        server_name shop.test;
        location / {${pass(to.shop)}
        }
        location /app {${pass(to.app)}
        }
        location /app/admin {${pass(to.admin)}
        }
    }
    server {
        listen 127.0.0.1:${ports.any};
        location / {${pass(to.any)}
        }
    }
    server {
        listen 127.0.0.1:${ports.any};
        server_name shop.test;
        location / {${pass(to.shop)}
        }
    }
    server {
        listen 127.0.0.1:${ports.limited};
        client_max_body_size 1000;
        location / {${pass(to.limited)}
        }
    }
    server {
        listen 127.0.0.1:${ports.trusted};
        location / {${pass(to.trusted, '$proxy_add_x_forwarded_for')}
        }
    }
}
`;
}

function pass(port: number, forwardedFor = '$remote_addr'): string {
  return `
        proxy_pass http://127.0.0.1:${port};
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_set_header X-Forwarded-For ${forwardedFor};
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host $host;`;
}

function haproxyConfig(ports: Ports, { ports: to }: Application): string {
  return `global
    nbthread 1
    maxconn 1000
defaults
    mode http
    option forwardfor
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 60s
    timeout http-request 10s
frontend shop
    bind 127.0.0.1:${ports.shop}
    acl is_shop hdr(host) -i shop.test
    http-request return status 404 if !is_shop
    use_backend admin if { path_beg /app/admin }
    use_backend app if { path_beg /app }
    default_backend shop
frontend any
    bind 127.0.0.1:${ports.any}
    use_backend shop if { hdr(host) -i shop.test }
    default_backend any
frontend limited
    bind 127.0.0.1:${ports.limited}
    http-request deny deny_status 413 if { req.hdr_val(content-length) gt 1000 }
    default_backend limited
frontend trusted
    bind 127.0.0.1:${ports.trusted}
    default_backend trusted
${Object.entries(to)
  .map(([service, port]) => `backend ${service}\n    server s 127.0.0.1:${port}`)
  .join('\n')}
`;
}
