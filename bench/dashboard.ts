/**
 * `npm run bench:dashboard`: what the first view of the overview takes, and what open dashboards cost the controller.
 *
 *   --services 200   --dashboards 50   --seconds 30
 *
 * The real `serve`, compiled and installed (`scale/world.ts`). First with many services: a browser that has nothing of it yet
 * opens the overview, three times; time until every service is on the page, and bytes over the wire. Then with one service in a
 * canary under traffic: so many streams of the dashboard's kind are open, each read to the end of what comes. CPU is process
 * time, threads included. Ends with 1 where a bound is passed.
 */
import type { ChildProcess } from 'node:child_process';
import { request, type IncomingMessage } from 'node:http';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openBrowser } from '../test/e2e/browser.ts';
import { endProcesses } from '../test/e2e/processes.ts';
import { usageOver } from './scale/usage.ts';
import { openWorld, type World } from './scale/world.ts';

const BOUNDS = { firstViewMs: 1000, kib: 200, cores: 0.05 } as const;
const TIMES = 3;
const AT_ONCE = 20;
const SETTLE_MS = 10_000;
const PER_SECOND = 100;

type Login = { readonly site: string; readonly cookie: string; readonly key: string };
type View = { readonly ms: number; readonly kib: number };

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { services: text, dashboards: text, seconds: text }, strict: true });
process.exitCode = await main(
  Number(values.services ?? 200),
  Number(values.dashboards ?? 50),
  Number(values.seconds ?? 30),
);

async function main(services: number, dashboards: number, seconds: number): Promise<number> {
  const views = await inWorld(services, 1, (world) => firstViews(world, services));
  const cost = await inWorld(1, PER_SECOND, (world) => costOf(world, dashboards, seconds));
  const slowest = Math.max(...views.map(({ ms }) => ms));
  const heaviest = Math.max(...views.map(({ kib }) => kib));
  console.log(`${availableParallelism()} cores, load average ${loadavg()[0]!.toFixed(1)}`);
  const shown = views.map(({ ms, kib }) => `${ms.toFixed(0)} ms, ${kib.toFixed(0)} KiB`);
  console.log(`first view of ${services} services: ${shown.join('; ')}`);
  console.log(
    `a live rollout: ${cost.without.toFixed(3)} cores; with ${dashboards} dashboards ${cost.cores.toFixed(3)} cores, ${cost.kibPerSecond.toFixed(0)} KiB a second`,
  );
  const wrong = [
    ...(slowest > BOUNDS.firstViewMs ? [`${slowest.toFixed(0)} ms to the first view`] : []),
    ...(heaviest > BOUNDS.kib ? [`${heaviest.toFixed(0)} KiB`] : []),
    ...(cost.cores > BOUNDS.cores ? [`${cost.cores.toFixed(3)} cores`] : []),
  ];
  console.log(wrong.length === 0 ? 'PASS' : `FAIL: ${wrong.join('; ')}`);
  return wrong.length === 0 ? 0 : 1;
}

async function inWorld<T>(
  services: number,
  perSecond: number,
  act: (world: World) => Promise<T>,
): Promise<T> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'bascule-dashboard-')));
  const children: ChildProcess[] = [];
  try {
    const world = await openWorld({ directory, services, perSecond, flags: [], children });
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < services)
        await world.deploy(next++, 'v1', (view) => view.rollout === null && view.stable === 'v1');
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    await world.deploy(0, 'v2', (view) => (view.rollout?.sharePercent ?? 0) > 0);
    await sleep(SETTLE_MS);
    return await act(world);
  } finally {
    for (const child of children) child.kill('SIGTERM');
    await endProcesses({ environment: null, directory });
    await rm(directory, { recursive: true, force: true });
  }
}

async function firstViews(world: World, services: number): Promise<readonly View[]> {
  const closers: (() => Promise<void>)[] = [];
  try {
    const browser = await openBrowser({ after: (close) => void closers.push(close) });
    const views: View[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      const { site, cookie, key } = await login(world);
      // A context of its own has nothing cached.
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      const [name, value] = cookie.split('=') as [string, string];
      await context.addCookies([{ name, value, url: site, httpOnly: true, sameSite: 'Strict' }]);
      await context.addInitScript(`localStorage.setItem('bascule-session', ${JSON.stringify(key)})`);
      const page = await context.newPage();
      const network = await context.newCDPSession(page);
      await network.send('Network.enable');
      let bytes = 0;
      network.on('Network.loadingFinished', ({ encodedDataLength }) => {
        bytes += encodedDataLength;
      });
      const begin = performance.now();
      await page.goto(site, { waitUntil: 'commit' });
      await page
        .locator('main li h3 a, main tbody th a')
        .nth(services - 1)
        .waitFor({ timeout: 60_000 });
      views.push({ ms: performance.now() - begin, kib: bytes / 1024 });
      await context.close();
    }
    return views;
  } finally {
    for (const close of closers) await close();
  }
}

async function costOf(
  world: World,
  dashboards: number,
  seconds: number,
): Promise<{ readonly without: number; readonly cores: number; readonly kibPerSecond: number }> {
  const before = await usageOver(world.pid, seconds);
  const one = await login(world);
  const streams = await Promise.all(Array.from({ length: dashboards }, () => openStream(one)));
  let bytes = 0;
  for (const stream of streams) {
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
  }
  await sleep(SETTLE_MS);
  bytes = 0;
  const after = await usageOver(world.pid, seconds);
  const kibPerSecond = bytes / 1024 / seconds;
  const open = streams.filter((stream) => !stream.readableEnded && !stream.destroyed).length;
  for (const stream of streams) stream.destroy();
  if (open !== dashboards || kibPerSecond < 1)
    throw new Error(`${open} streams are open, ${kibPerSecond} KiB/s`);
  return { without: before.controller.cores, cores: after.controller.cores, kibPerSecond };
}

async function login(world: World): Promise<Login> {
  const { url } = (await world.api('POST', '/dashboard/link')) as { url: string };
  const [site = '', link] = url.split('/#login=');
  const answer = await fetch(`${site}/session`, {
    method: 'POST',
    headers: { origin: site, 'content-type': 'application/json' },
    body: JSON.stringify({ link }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  const { key } = (await answer.json()) as { key: string };
  return { site, key, cookie: answer.headers.get('set-cookie')!.split(';')[0]! };
}

function openStream({ site, cookie, key }: Login): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { cookie, 'bascule-session': key };
    request(`${site}/api/v1/events?views=true`, { headers, agent: false }, (response) => {
      if (response.statusCode === 200) resolve(response);
      else reject(new Error(`${response.statusCode} for a stream`));
    })
      .once('error', reject)
      .end();
  });
}
