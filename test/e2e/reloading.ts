import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SlotName } from '../../src/release/slot.ts';
import { waitFor } from './wait-for.ts';
import { find, run } from '../../bench/peers.ts';

/** nginx as people switch it by hand: another upstream in the file, and `nginx -s reload`. The control of the switches. */
export type Reloading = {
  serve(slot: SlotName): Promise<void>;
  stop(): Promise<void>;
};

export async function startReloading(
  directory: string,
  port: number,
  ports: Readonly<Record<SlotName, readonly number[]>>,
): Promise<Reloading> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'nginx.conf');
  const write = async (slot: SlotName): Promise<void> => {
    await writeFile(`${file}.new`, render(directory, port, ports[slot]));
    await rename(`${file}.new`, file);
  };
  await write('blue');
  const running = await run([find('nginx')!, '-p', directory, '-c', file, '-e', 'stderr'], directory);
  await waitFor(
    'the reloaded nginx to answer',
    async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok,
  );
  return {
    serve: async (slot) => {
      await write(slot);
      process.kill(running.pid, 'SIGHUP');
    },
    stop: () => running.stop(),
  };
}

function render(directory: string, port: number, replicas: readonly number[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${directory}/${kind};\n`,
  );
  return `daemon off;
worker_processes auto;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log crit;
user ${process.getuid?.() === 0 ? 'root' : 'nobody'};
events { worker_connections 4096; }
http {
${temporary.join('')}  access_log off;
  client_max_body_size 0;
  keepalive_requests 1000000;
  map $http_upgrade $connection_upgrade { "" ""; default upgrade; }
  upstream shop { ${replicas.map((each) => `server 127.0.0.1:${each};`).join(' ')} keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://shop;
      proxy_http_version 1.1;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Host $host;
      proxy_buffering off;
    }
  }
}
`;
}
