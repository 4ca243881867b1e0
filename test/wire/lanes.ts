import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { find, run, nginxHead } from '../../bench/peers.ts';
import { openBuiltin } from '../../src/traffic/builtin/conformance.ts';
import type { TrafficRouter } from '../../src/traffic/router.ts';
import { waitFor } from '../e2e/wait-for.ts';
import { freePorts } from '../e2e/ports.ts';
import { listening } from './raw-client.ts';
import { type Recorder, startRecorder } from './recorder.ts';

/** A way through a proxy to an application of its own: several are used side by side without mixing what they record. */
export type Lane = { readonly port: number; readonly recorder: Recorder };

export type Lanes = {
  readonly lanes: readonly Lane[];
  /** Whether what served at the start still does: a proxy that crashed and came back does not count. */
  readonly isUnharmed: () => boolean;
  readonly close: () => Promise<void>;
};

export const PROXY_NAMES = ['built-in', 'nginx', 'HAProxy'] as const;
export type ProxyName = (typeof PROXY_NAMES)[number];

/** Why it cannot be tried here, or null. */
export function absence(name: ProxyName): string | null {
  if (name === 'built-in') return null;
  const program = name.toLowerCase();
  return find(program) === null ? `${program} is not installed` : null;
}

export async function openLanes(name: ProxyName, count: number, directory: string): Promise<Lanes> {
  const recorders = await Promise.all(Array.from({ length: count }, startRecorder));
  const ports = await freePorts(count);
  const lanes = recorders.map((recorder, i) => ({ port: ports[i]!, recorder }));
  const { isUnharmed, stop } =
    name === 'built-in' ? await openOwn(lanes) : await openPeer(name, directory, lanes);
  for (const { recorder } of lanes) recorder.taken();
  return {
    lanes,
    isUnharmed,
    close: async () => {
      await stop();
      await Promise.all(recorders.map((each) => each.close()));
    },
  };
}

type Opened = { readonly isUnharmed: () => boolean; readonly stop: () => Promise<void> };

async function openOwn(lanes: readonly Lane[]): Promise<Opened> {
  const bench = await openBuiltin(1);
  for (const [i, { port, recorder }] of lanes.entries())
    await openLane(bench.router, { service: `lane-${i}`, port, to: recorder.port });
  const { cursor } = await bench.router.traffic('lane-0', null);
  let lost = false;
  const watch = setInterval(() => {
    void bench.router.traffic('lane-0', cursor).then((batch) => (lost ||= batch.lost !== null));
  }, 500);
  return {
    isUnharmed: () => !lost,
    stop: async () => {
      clearInterval(watch);
      await bench.close();
    },
  };
}

export type LaneSpec = {
  readonly service: string;
  readonly port: number;
  readonly to: number;
  /** Of the requests that are copied to the same application; 0 if not said. */
  readonly mirrorPercent?: number;
};

/** Probed once: what is tried is not health. */
export async function openLane(
  router: TrafficRouter,
  { service, port, to, mirrorPercent = 0 }: LaneSpec,
): Promise<void> {
  const upstream = { host: '127.0.0.1', port: to, pathPrefix: '' };
  const health = { path: '/healthz', intervalMs: 60_000, timeoutMs: 5000, rise: 1, fall: 1000 };
  await router.install({
    service,
    spec: {
      listen: { address: '127.0.0.1', port },
      host: null,
      path: '/',
      proxy: { kind: 'builtin' },
      drainMs: 1000,
      streamGraceMs: 1000,
      trustForwarded: false,
      maxBodyBytes: null,
    },
    health: { blue: health, green: health },
    sticky: { by: 'none' },
    salt: '00112233445566778899aabbccddeeff',
    slots: { blue: [upstream], green: [upstream] },
    preview: null,
  });
  await router.apply({
    service,
    revision: 1,
    serve: 'blue',
    split: null,
    replicas: { blue: 1, green: mirrorPercent > 0 ? 1 : 0 },
    standIn: false,
    ...(mirrorPercent > 0 && {
      mirror: { slot: 'green', sharePercent: mirrorPercent, methods: ['GET', 'HEAD', 'POST', 'PUT'] },
    }),
  });
  await waitFor(`${service} to be healthy`, async () => {
    const { slots } = await router.observe(service);
    return [...slots.blue.replicas, ...slots.green.replicas].every(({ healthy }) => healthy);
  });
}

/** As somebody would write it who follows its manual: nothing here is rendered by us. */
async function openPeer(
  name: 'nginx' | 'HAProxy',
  directory: string,
  lanes: readonly Lane[],
): Promise<Opened> {
  const file = join(directory, `${name}.conf`);
  await writeFile(file, name === 'nginx' ? nginxConfig(directory, lanes) : haproxyConfig(lanes));
  const command =
    name === 'nginx'
      ? [find('nginx')!, '-p', directory, '-c', file, '-e', 'stderr']
      : [find('haproxy')!, '-db', '-f', file];
  const running = await run(command, directory);
  await Promise.all(lanes.map(({ port }) => listening(port)));
  return { isUnharmed: () => isAlive(running.pid), stop: () => running.stop() };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function nginxConfig(directory: string, lanes: readonly Lane[]): string {
  return `${nginxHead(directory)}${lanes
    .map(
      ({ port, recorder }) => `  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${recorder.port};
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }`,
    )
    .join('\n')}
}
`;
}

function haproxyConfig(lanes: readonly Lane[]): string {
  return `global
  nbthread 1
  maxconn 1000
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
${lanes
  .map(
    ({ port, recorder }, i) => `frontend door${i}
  bind 127.0.0.1:${port}
  http-request set-header X-Forwarded-For %[src]
  default_backend app${i}
backend app${i}
  server s 127.0.0.1:${recorder.port}`,
  )
  .join('\n')}
`;
}
