/**
 * `npm run bench:scale`: what a controller with many services costs, beside the same with a tenth of them.
 *
 *   --services 1000   --seconds 60   --rate 500   --few 100   --flags '--cpu-prof'
 *
 * The real `serve`, compiled, as a process of its own, real SQLite, the API, the real built-in proxy with a door for each service. Only
 * the runtime is a stand-in (`scale/server.mjs`): one process answers on all ports. A fifth of the services is in a canary
 * that stands at its first step. CPU is process time, threads included; event-loop delay is what /metrics tells, whose timer
 * alone takes 10 ms. Ends with 1 where a bound is passed.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { YOUNG_HEAP } from '../src/lib/young-heap.ts';
import { PACK_LIMITS, packSource } from '../src/release/pack.ts';
import { findSource } from '../src/release/pack-source.ts';
import { parseConfig } from '../src/release/parse.ts';
import type { ServiceSpec } from '../src/release/service.ts';
import { install } from '../test/e2e/installed.ts';
import { freePorts, freeRange } from '../test/e2e/ports.ts';
import { endProcesses } from '../test/e2e/processes.ts';
import { waitFor } from '../test/e2e/wait-for.ts';
import type { Load, Told } from './scale/applications.ts';

const BOUNDS = { cores: 0.25, rssMib: 256, ratio: 1.3, loopP99Ms: 20, idleRows: 0 } as const;
const IN_ROLLOUT = 0.2;
const SETTLE_MS = 20_000;
const SETUP_MS = 120_000;
/** Deploys under way while it is set up: the proxy writes doors one after another. */
const AT_ONCE = 40;

/** For node, of the controller: `--cpu-prof`. */
let flags: readonly string[] = [];

type Usage = { readonly cpuSeconds: number; readonly rssMib: number };
type Measured = {
  readonly services: number;
  readonly rollouts: number;
  readonly cores: number;
  readonly rssMib: number;
  readonly proxyCores: number;
  readonly proxyRssMib: number;
  readonly loopP99Ms: number;
  readonly answered: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly idleRows: number;
  readonly idleCores: number;
};

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { services: text, seconds: text, rate: text, few: text, flags: text },
    strict: true,
  });
  const seconds = Number(values.seconds ?? 60);
  const rate = Number(values.rate ?? 500);
  flags = (values.flags ?? '').split(' ').filter(Boolean);
  const results: Measured[] = [];
  for (const services of [Number(values.few ?? 100), Number(values.services ?? 1000)]) {
    if (services > 0) results.push(await measure(services, seconds, rate));
  }
  return print(results);
}

async function measure(services: number, seconds: number, rate: number): Promise<Measured> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'bascule-scale-')));
  const children: ChildProcess[] = [];
  try {
    const world = await setUp(directory, services, children);
    const { applications, controller, api, port } = world;
    applications.send({ port, hosts: services, perSecond: rate } satisfies Load);
    const rollouts = Math.round(services * IN_ROLLOUT);
    await eachOf(rollouts, (index) =>
      world.deploy(index, 'v2', (view) => (view.rollout?.sharePercent ?? 0) > 0),
    );
    await sleep(SETTLE_MS);
    const before = await tell(applications);
    await api('GET', '/metrics');
    const busy = await over(controller.pid!, seconds);
    const loopP99Ms = p99Of(String(await api('GET', '/metrics')));
    const after = await tell(applications);
    await eachOf(rollouts, (index) => api('POST', `/services/s${index}/abort`, {}));
    await waitFor('the rollouts to be over', async () => (await world.underWay()) === 0, {
      withinMs: SETUP_MS,
      everyMs: 1000,
    });
    await sleep(SETTLE_MS);
    const rows = await world.rows();
    const idle = await over(controller.pid!, seconds);
    return {
      services,
      rollouts,
      cores: busy.controller.cpuSeconds / seconds,
      rssMib: busy.controller.rssMib,
      proxyCores: busy.proxy.cpuSeconds / seconds,
      proxyRssMib: busy.proxy.rssMib,
      loopP99Ms,
      answered: after.answered - before.answered,
      failed: after.failed - before.failed,
      perSecond: (after.answered - before.answered) / seconds,
      idleRows: (await world.rows()) - rows,
      idleCores: idle.controller.cpuSeconds / seconds,
    };
  } finally {
    for (const child of children) child.kill('SIGTERM');
    await sleep(flags.length === 0 ? 0 : 5000);
    await endProcesses({ environment: null, directory });
    await rm(directory, { recursive: true, force: true });
  }
}

async function setUp(directory: string, services: number, children: ChildProcess[]) {
  const stateDir = join(directory, 'state');
  const source = join(directory, 'app');
  await mkdir(stateDir);
  await mkdir(source);
  await writeFile(join(source, 'app.txt'), 'an application');
  const first = await freeRange(2 * services);
  const [port] = (await freePorts(1)) as [number];
  await writeFile(join(stateDir, 'server.yaml'), `slot-ports: ${first}-${first + 2 * services - 1}\n`);
  const applications = fork(join(import.meta.dirname, 'scale', 'applications.ts'), [
    String(first),
    String(2 * services),
  ]);
  children.push(applications);
  await once(applications, 'message');
  const { program: main } = await install(directory);
  const server = join(import.meta.dirname, 'scale', 'server.mjs');
  const controller = spawn(
    process.execPath,
    [YOUNG_HEAP, ...flags, server, join(dirname(main), 'serve.js'), stateDir],
    {
      stdio: ['ignore', 'ignore', 'ignore'],
    },
  );
  children.push(controller);
  const api = apiOf(join(stateDir, 'sockets', 'admin.sock'));
  await waitFor(
    'the controller to answer',
    () =>
      api('GET', '/info').then(
        () => true,
        () => false,
      ),
    { withinMs: 20_000 },
  );

  const packed = await packSource(await findSource(source, directory), {
    temporaryDirectory: directory,
    limits: PACK_LIMITS,
  });
  await api('PUT', `/artifacts/${packed.digest}`, readFileSync(packed.file));
  const specs = specsOf(services, port);
  const deploy = async (index: number, label: string, isThere: (view: View) => boolean): Promise<void> => {
    const path = `/services/s${index}`;
    await api('POST', `${path}/deploy`, { spec: specs[index], label, artifactDigest: packed.digest });
    await waitFor(
      `${label} of s${index}`,
      async () => {
        const { service } = (await api('GET', path)) as { service: View };
        if (service.rollout === null && service.last !== null && service.last.exitCode !== 0)
          throw new Error(`${label} of s${index}: ${service.last.reason}`);
        return isThere(service);
      },
      { withinMs: SETUP_MS, everyMs: 250 },
    );
  };
  const underWay = async (): Promise<number> => {
    const { services: views } = (await api('GET', '/services')) as { services: readonly View[] };
    return views.filter(({ rollout }) => rollout !== null).length;
  };
  await eachOf(services, (index) =>
    deploy(index, 'v1', (view) => view.rollout === null && view.stable === 'v1'),
  );
  const rows = async (): Promise<number> =>
    ((await api('GET', '/info')) as { info: { lastSeq: number } }).info.lastSeq;
  return { applications, controller, api, port, deploy, underWay, rows };
}

type View = {
  readonly stable: string | null;
  readonly rollout: { readonly sharePercent: number } | null;
  readonly last: { readonly exitCode: number | null; readonly reason: string | null } | null;
};

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

/** A few at once, as people and pipelines come. */
async function eachOf(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

type Api = (method: string, path: string, body?: unknown) => Promise<unknown>;

function apiOf(socketPath: string): Api {
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const bytes = Buffer.isBuffer(body);
      const type = bytes ? 'application/octet-stream' : 'application/json';
      const headers = body === undefined ? {} : { 'content-type': type };
      const sent = request({ socketPath, method, path: `/api/v1${path}`, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          if (response.statusCode !== 200)
            reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
          else resolve(path === '/metrics' ? text : text === '' ? null : JSON.parse(text));
        });
      });
      sent.on('error', reject);
      sent.end(body === undefined || bytes ? body : JSON.stringify(body));
    });
}

async function tell(applications: ChildProcess): Promise<Told> {
  applications.send('tell');
  const [told] = (await once(applications, 'message')) as [Told];
  return told;
}

async function over(
  pid: number,
  seconds: number,
): Promise<{ readonly controller: Usage; readonly proxy: Usage }> {
  const before = { controller: usageOf([pid]), proxy: usageOf(below(pid)) };
  await sleep(seconds * 1000);
  const after = { controller: usageOf([pid]), proxy: usageOf(below(pid)) };
  const spent = (of: 'controller' | 'proxy'): Usage => ({
    cpuSeconds: after[of].cpuSeconds - before[of].cpuSeconds,
    rssMib: after[of].rssMib,
  });
  return { controller: spent('controller'), proxy: spent('proxy') };
}

/** User and system time of the processes, threads included, and their resident memory: proc(5). */
function usageOf(pids: readonly number[]): Usage {
  let cpuSeconds = 0;
  let rssMib = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    cpuSeconds += (Number(fields[11]) + Number(fields[12])) / 100;
    rssMib += Number(/VmRSS:\s+(\d+)/u.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  }
  return { cpuSeconds, rssMib };
}

/** What the process started, and what that started: the proxy's parent and its workers. */
function below(pid: number): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [...children, ...children.flatMap(below)];
}

function p99Of(metrics: string): number {
  return Number(/^bascule_nodejs_eventloop_lag_p99_seconds (\S+)$/mu.exec(metrics)?.[1]) * 1000;
}

function print(results: readonly Measured[]): number {
  const [few, many = few] = results as [Measured, Measured | undefined];
  const perService = ({ cores, services }: Measured): number => (cores * 1e6) / services;
  console.log(`${availableParallelism()} cores, load average ${loadavg()[0]!.toFixed(1)}\n`);
  for (const each of results) {
    console.log(
      `${each.services} services, ${each.rollouts} in a rollout, ${each.answered} requests answered (${each.perSecond.toFixed(0)} a second), ${each.failed} failed`,
    );
    console.log(
      `  controller              ${each.cores.toFixed(3)} cores, ${each.rssMib.toFixed(0)} MiB; ${perService(each).toFixed(0)} µs a second and service`,
    );
    console.log(
      `  controller, no rollout  ${each.idleCores.toFixed(3)} cores, ${each.idleRows} rows in the journal`,
    );
    console.log(`  event-loop delay p99    ${each.loopP99Ms.toFixed(1)} ms`);
    console.log(
      `  proxy, parent + workers ${each.proxyCores.toFixed(3)} cores, ${each.proxyRssMib.toFixed(0)} MiB`,
    );
  }
  const ratio = perService(many) / perService(few);
  console.log(`cost of a service at ${many.services} beside ${few.services}: ${ratio.toFixed(2)} ×`);
  const wrong = [
    ...(many.cores > BOUNDS.cores ? [`${many.cores.toFixed(2)} cores`] : []),
    ...(many.rssMib > BOUNDS.rssMib ? [`${many.rssMib.toFixed(0)} MiB`] : []),
    ...(ratio > BOUNDS.ratio ? [`${ratio.toFixed(2)} × the cost of a service`] : []),
    ...(many.loopP99Ms > BOUNDS.loopP99Ms ? [`event-loop delay of ${many.loopP99Ms.toFixed(1)} ms`] : []),
    ...results.flatMap(({ idleRows }) => (idleRows > BOUNDS.idleRows ? [`${idleRows} rows while idle`] : [])),
    ...results.flatMap(({ failed }) => (failed > 0 ? [`${failed} requests failed`] : [])),
  ];
  console.log(wrong.length === 0 ? 'PASS' : `FAIL: ${wrong.join('; ')}`);
  return wrong.length === 0 ? 0 : 1;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

process.exitCode = await main();
