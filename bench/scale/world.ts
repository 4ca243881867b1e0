import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HEAP_FLAGS } from '../../src/lib/heap-flags.ts';
import { PACK_LIMITS, packSource } from '../../src/release/pack.ts';
import { findSource } from '../../src/release/pack-source.ts';
import { parseConfig } from '../../src/release/parse.ts';
import type { ServiceSpec } from '../../src/release/service.ts';
import { install } from '../../test/e2e/installed.ts';
import { freeRange } from '../../test/e2e/ports.ts';
import { waitFor } from '../../test/e2e/wait-for.ts';
import { apiOf, recordedAfter, type Api } from './api.ts';
import type { Told } from './clients.ts';

export type View = {
  readonly stable: string | null;
  readonly rollout: { readonly sharePercent: number } | null;
  readonly last: { readonly exitCode: number | null; readonly reason: string | null } | null;
};

export type World = {
  readonly api: Api;
  readonly pid: number;
  /** Deploys a version of a service and waits until the service is as wanted. */
  deploy(index: number, label: string, isThere: (view: View) => boolean): Promise<void>;
  rolloutsUnderWay(): Promise<number>;
  /** Number of the newest row of the journal. */
  newestRow(): Promise<number>;
  recordedAfter(seq: number): Promise<readonly string[]>;
  /** What became of the requests so far. */
  told(): Promise<Told>;
  proxyLog(): string;
};

export type WorldOptions = {
  readonly directory: string;
  readonly services: number;
  readonly perSecond: number;
  /** For node, of the controller: `--cpu-prof`. */
  readonly flags: readonly string[];
  /** Whatever is started is put in here at once. */
  readonly children: ChildProcess[];
};

const PARTS = import.meta.dirname;
const SETUP_MS = 120_000;

/**
 * The real `serve`, compiled, as a process of its own, with real SQLite, the API and the real built-in proxy. Only the runtime
 * is a stand-in (`server.mjs`): one process answers on all ports, another one asks.
 */
export async function openWorld(options: WorldOptions): Promise<World> {
  const { directory, services, children } = options;
  const stateDir = join(directory, 'state');
  await mkdir(stateDir);
  // Below what the system gives to outgoing connections, of which there are many here.
  const first = await freeRange(2 * services + 1);
  const port = first + 2 * services;
  await writeFile(join(stateDir, 'server.yaml'), `slot-ports: ${first}-${first + 2 * services - 1}\n`);
  const applications = fork(join(PARTS, 'applications.ts'), [String(first), String(2 * services)]);
  children.push(applications);
  await once(applications, 'message');
  const controller = await startController(stateDir, options);
  const socket = join(stateDir, 'sockets', 'admin.sock');
  const api = apiOf(socket);
  const answers = (): Promise<boolean> => api('GET', '/info').then(isTrue, isFalse);
  await waitFor('the controller to answer', answers, { withinMs: 20_000 });
  const clients = fork(join(PARTS, 'clients.ts'), [port, services, options.perSecond].map(String));
  children.push(clients);
  return {
    api,
    pid: controller.pid!,
    deploy: await deploying(api, directory, specsOf(services, port)),
    rolloutsUnderWay: async () => {
      const { services: views } = (await api('GET', '/services')) as { services: readonly View[] };
      return views.filter(({ rollout }) => rollout !== null).length;
    },
    newestRow: async () => ((await api('GET', '/info')) as { info: { lastSeq: number } }).info.lastSeq,
    recordedAfter: (seq) => recordedAfter(socket, seq),
    told: async () => {
      clients.send('tell');
      const [told] = (await once(clients, 'message')) as [Told];
      return told;
    },
    proxyLog: () => readFileSync(join(stateDir, 'proxy', 'proxy.log'), 'utf8'),
  };
}

async function startController(
  stateDir: string,
  { directory, flags, children }: WorldOptions,
): Promise<ChildProcess> {
  const { program: main } = await install(directory);
  const serve = join(dirname(main), 'serve.js');
  const args = [...HEAP_FLAGS, ...flags, join(PARTS, 'server.mjs'), serve, stateDir];
  const controller = spawn(process.execPath, args, { stdio: 'ignore' });
  children.push(controller);
  return controller;
}

async function deploying(
  api: Api,
  directory: string,
  specs: readonly ServiceSpec[],
): Promise<World['deploy']> {
  const source = join(directory, 'app');
  await mkdir(source);
  await writeFile(join(source, 'app.txt'), 'an application');
  const packed = await packSource(await findSource(source, directory), {
    temporaryDirectory: directory,
    limits: PACK_LIMITS,
  });
  await api('PUT', `/artifacts/${packed.digest}`, readFileSync(packed.file));
  return async (index, label, isThere) => {
    const path = `/services/s${index}`;
    await api('POST', `${path}/deploy`, { spec: specs[index], label, artifactDigest: packed.digest });
    const look = async (): Promise<boolean> => {
      const { service } = (await api('GET', path)) as { service: View };
      const { rollout, last } = service;
      if (rollout === null && last !== null && last.exitCode !== 0)
        throw new Error(`${label} of s${index}: ${last.reason}`);
      return isThere(service);
    };
    await waitFor(`${label} of s${index}`, look, { withinMs: SETUP_MS, everyMs: 250 });
  };
}

/** A canary that stands at 10 % for an hour, and defaults for the rest. */
function specsOf(services: number, port: number): readonly ServiceSpec[] {
  const strategy =
    '{canary: {steps: [10%, 100%], dwell: {at-least: 1h, at-most: 2h}, watch: 0s, keep-old: 1h}}';
  const lines = Array.from(
    { length: services },
    (_, index) =>
      `  s${index}: {run: x, listen: ${port}, host: s${index}.test, max-replicas: 1, strategy: ${strategy}}\n`,
  );
  const read = parseConfig(`version: 1\nservices:\n${lines.join('')}`, 'scale.yaml', {});
  if (!read.ok) throw new Error(JSON.stringify(read.diagnostics[0]));
  return Array.from({ length: services }, (_, index) => read.config.services[`s${index}`]!);
}

function isTrue(): true {
  return true;
}

function isFalse(): false {
  return false;
}
