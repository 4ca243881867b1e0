/**
 * `npm run bench:scale`: what a controller with many services costs, beside the same with a tenth of them.
 *
 *   --services 1000   --seconds 60   --rate 500   --few 100   --flags '--cpu-prof'
 *
 * The real `serve` with real SQLite, the API and the real built-in proxy with a door for each service (`scale/world.ts`). A
 * fifth of the services is in a canary that stands at its first step. CPU is process time, threads included. Event-loop
 * delay is the p99 that /metrics tells, less the 10 ms that its timer takes by itself. Ends with 1 where a bound is passed.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { endProcesses } from '../test/e2e/processes.ts';
import { waitFor } from '../test/e2e/wait-for.ts';
import type { Told } from './scale/clients.ts';
import { usageOver, type Usage } from './scale/usage.ts';
import { openWorld, type World } from './scale/world.ts';

const BOUNDS = { cores: 0.25, rssMib: 256, ratio: 1.3, loopP99Ms: 20, idleRows: 0 } as const;
const IN_ROLLOUT = 0.2;
const SETTLE_MS = 20_000;
const OVER_MS = 120_000;
/** Deploys under way while it is set up: the proxy writes doors one after another. */
const AT_ONCE = 20;
/** Of the histogram of delays: it tells the time from one call of its timer to the next. */
const LOOP_TIMER_MS = 10;
/** For `--cpu-prof` to be written. */
const PROFILE_MS = 5000;

type Options = { readonly seconds: number; readonly rate: number; readonly flags: readonly string[] };

type Measured = {
  readonly services: number;
  readonly rollouts: number;
  readonly controller: Usage;
  readonly parent: Usage;
  readonly workers: Usage;
  readonly loopP99Ms: number;
  /** Requests while it was measured, by what became of them. */
  readonly requests: Told;
  readonly perSecond: number;
  readonly idleRows: readonly string[];
  readonly idle: Usage;
  readonly proxyTold: readonly string[];
};

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { services: text, seconds: text, rate: text, few: text, flags: text },
    strict: true,
  });
  const options = {
    seconds: Number(values.seconds ?? 60),
    rate: Number(values.rate ?? 500),
    flags: (values.flags ?? '').split(' ').filter(Boolean),
  };
  const results: Measured[] = [];
  for (const services of [Number(values.few ?? 100), Number(values.services ?? 1000)]) {
    if (services > 0) results.push(await measured(services, options));
  }
  return print(results);
}

async function measured(services: number, options: Options): Promise<Measured> {
  const { rate: perSecond, flags } = options;
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'bascule-scale-')));
  const children: ChildProcess[] = [];
  try {
    const world = await openWorld({ directory, services, perSecond, flags, children });
    return await measure(world, services, options);
  } finally {
    for (const child of children) child.kill('SIGTERM');
    await sleep(flags.length === 0 ? 0 : PROFILE_MS);
    await endProcesses({ environment: null, directory });
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(world: World, services: number, { seconds }: Options): Promise<Measured> {
  const rollouts = Math.round(services * IN_ROLLOUT);
  await eachOf(services, (index) =>
    world.deploy(index, 'v1', (view) => view.rollout === null && view.stable === 'v1'),
  );
  await eachOf(rollouts, (index) =>
    world.deploy(index, 'v2', (view) => (view.rollout?.sharePercent ?? 0) > 0),
  );
  await sleep(SETTLE_MS);
  const before = await world.told();
  await world.api('GET', '/metrics');
  const usage = await usageOver(world.pid, seconds);
  const loopP99Ms = p99Of(String(await world.api('GET', '/metrics'))) - LOOP_TIMER_MS;
  const requests = since(before, await world.told());
  await eachOf(rollouts, (index) => world.api('POST', `/services/s${index}/abort`, {}));
  const isOver = async (): Promise<boolean> => (await world.rolloutsUnderWay()) === 0;
  await waitFor('the rollouts to be over', isOver, { withinMs: OVER_MS, everyMs: 1000 });
  await sleep(SETTLE_MS);
  const row = await world.newestRow();
  const { controller: idle } = await usageOver(world.pid, seconds);
  const idleRows = await world.recordedAfter(row);
  return {
    services,
    rollouts,
    ...usage,
    loopP99Ms,
    requests,
    perSecond: (requests['200'] ?? 0) / seconds,
    idleRows,
    idle,
    proxyTold: world
      .proxyLog()
      .split('\n')
      .filter((line) => /worker|JSON|error/iu.test(line)),
  };
}

/** A few at once, as people and pipelines come. */
async function eachOf(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

function since(before: Told, after: Told): Told {
  const more = Object.entries(after).map(
    ([outcome, count]) => [outcome, count - (before[outcome] ?? 0)] as const,
  );
  return Object.fromEntries(more.filter(([, count]) => count > 0));
}

function p99Of(metrics: string): number {
  return Number(/^bascule_nodejs_eventloop_lag_p99_seconds (\S+)$/mu.exec(metrics)?.[1]) * 1000;
}

function failed({ requests }: Measured): number {
  const good = new Set(['200', 'asked again']);
  return Object.entries(requests).reduce((sum, [outcome, count]) => sum + (good.has(outcome) ? 0 : count), 0);
}

function perServiceUs({ controller, services }: Measured): number {
  return (controller.cores * 1e6) / services;
}

function print(results: readonly Measured[]): number {
  const [few, many = few] = results as [Measured, Measured | undefined];
  console.log(`${availableParallelism()} cores, load average ${loadavg()[0]!.toFixed(1)}\n`);
  for (const each of results) printOne(each);
  const ratio = perServiceUs(many) / perServiceUs(few);
  console.log(`cost of a service at ${many.services} beside ${few.services}: ${ratio.toFixed(2)} ×`);
  const { cores, rssMib } = many.controller;
  const wrong = [
    ...(cores > BOUNDS.cores ? [`${cores.toFixed(2)} cores`] : []),
    ...(rssMib > BOUNDS.rssMib ? [`${rssMib.toFixed(0)} MiB`] : []),
    ...(ratio > BOUNDS.ratio ? [`${ratio.toFixed(2)} × the cost of a service`] : []),
    ...(many.loopP99Ms > BOUNDS.loopP99Ms ? [`event-loop delay of ${many.loopP99Ms.toFixed(1)} ms`] : []),
    ...results.flatMap(({ idleRows }) =>
      idleRows.length > BOUNDS.idleRows ? [`${idleRows.length} rows while idle`] : [],
    ),
    ...results.flatMap((each) => (failed(each) > 0 ? [`${failed(each)} requests failed`] : [])),
  ];
  console.log(wrong.length === 0 ? 'PASS' : `FAIL: ${wrong.join('; ')}`);
  return wrong.length === 0 ? 0 : 1;
}

function use({ cores, rssMib }: Usage): string {
  return `${cores.toFixed(3)} cores, ${rssMib.toFixed(0)} MiB`;
}

function printOne(each: Measured): void {
  const { services, rollouts, requests, perSecond, controller, parent, workers, idle } = each;
  const became = Object.entries(requests).map(([outcome, count]) => `${outcome}: ${count}`);
  console.log(
    `${services} services, ${rollouts} in a rollout, requests ${became.join(', ')} (${perSecond.toFixed(0)} a second)`,
  );
  console.log(
    `  controller              ${use(controller)}; ${perServiceUs(each).toFixed(0)} µs a second and service`,
  );
  console.log(`  controller, no rollout  ${use(idle)}, ${each.idleRows.length} rows in the journal`);
  console.log(`  event-loop delay p99    ${each.loopP99Ms.toFixed(1)} ms`);
  console.log(`  proxy, parent           ${use(parent)}`);
  console.log(`  proxy, workers          ${use(workers)}`);
  for (const line of [...each.idleRows, ...each.proxyTold]) console.log(`  ${line}`);
}

process.exitCode = await main();
