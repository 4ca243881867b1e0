/**
 * `npm run e2e:replacements`: the built-in proxy under load of HTTP/1.1 and of HTTP/2 over TLS, with uploads, slow downloads, event
 * streams and WebSockets, while its route is switched, while the proxy itself is replaced, and while its workers are killed.
 *
 *   --switches 1000      as in `npm run e2e:switches`; both doors at once
 *   --replacements 100   of the whole proxy by another one, each with a switch while the former one still has connections
 *   --kills 20           kill -9 of one of the workers
 *   --per-second 500     requests a second over HTTP/1.1, besides all the rest
 *   --workers 3
 *
 * No request may fail by a switch or a replacement. A kill may fail what was on a connection of the process that was killed: the
 * process is stopped, its connections are read from /proc, then it is killed; a failure on any other connection is a fault.
 * Ends with 1 if there was one, or if anything that this is to show was not shown.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DRAIN_MS } from './door.ts';
import { connectionsOf, killCounting, workersOf } from './held-connections.ts';
import { forkLoad, type RemoteLoad } from './load/remote.ts';
import { faults, print, type Asked, type Kill, type Part, type Replacement } from './replacements-report.ts';
import { Switcher, meanwhileSwitching } from './switcher.ts';
import { startTwoDoors, type TwoDoors } from './two-doors.ts';
import { waitFor } from './wait-for.ts';

const TRANSFER_MS = 2000;
const TRAFFIC = {
  connections: 32,
  users: 2000,
  uploads: 6,
  downloads: 6,
  streams: 12,
  webSockets: 12,
  http2: 8,
  transferBytes: 300_000,
  transferMs: TRANSFER_MS,
};
/** Proxies that still have connections, besides the one that serves: each takes the memory of a whole one. */
const MOST_FORMERS = 3;
/** For a client to notice. */
const SETTLE_MS = 700;
const REST_MS = 2500;

async function main(asked: Asked): Promise<number> {
  const doors = await startTwoDoors(2, asked.workers);
  const load = forkLoad({ port: doors.port, tlsPort: doors.tlsPort, perSecond: asked.perSecond, ...TRAFFIC });
  try {
    const route = new Switcher(doors, load);
    await sleep(1000);
    const switches = await part(load, () => switchOver(route, asked.switches));
    const replaced: Replacement[] = [];
    // Streams of former proxies get their grace, and end in order, for as long as there are any.
    const replacing = () => replaceOver({ doors, route }, asked.replacements, replaced);
    const replacements = await part(load, () => meanwhileSwitching(load, replacing));
    const killed: Kill[] = [];
    const kills = await part(load, () => killOver(doors, load, { asked, killed }));
    const report = await load.stop();
    const shown = { report, switches, replacements, kills, replaced, killed, switched: route.shown() };
    const wrong = faults(shown, asked, DRAIN_MS / TRANSFER_MS);
    print(shown, wrong);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    load.kill();
    await doors.close();
  }
}

/** What the load saw meanwhile. */
async function part(load: RemoteLoad, work: () => Promise<void>): Promise<Part> {
  const before = await load.snapshot();
  await work();
  // What failed last is noticed by then.
  await sleep(SETTLE_MS);
  const after = await load.snapshot();
  return {
    sent: after.sent - before.sent,
    failed: after.failed - before.failed,
    http2Requests: after.http2.requests - before.http2.requests,
    forMs: after.elapsedMs - before.elapsedMs,
  };
}

async function switchOver(route: Switcher, switches: number): Promise<void> {
  for (let i = 1; i <= switches; i++) {
    await route.switch();
    // For longer than the streams' grace, so that streams are ended.
    if (i % 100 === 0) {
      await sleep(REST_MS);
      progress(`${i} of ${switches} switches`);
    }
  }
}

type Running = { readonly doors: TwoDoors; readonly route: Switcher };

async function replaceOver({ doors, route }: Running, count: number, replaced: Replacement[]): Promise<void> {
  let formers: number[] = [];
  for (let i = 1; i <= count; i++) {
    const { fromPid, tookMs } = await doors.proxy.replaceProxy();
    formers = [...formers, fromPid].filter(isAlive);
    replaced.push({ tookMs, formers: formers.length });
    // Who is connected to the former one goes by it as well.
    await route.switch();
    await waitFor(
      'former proxies to end',
      () => {
        formers = formers.filter(isAlive);
        return formers.length <= MOST_FORMERS;
      },
      { withinMs: 120_000 },
    );
    if (i % 10 === 0) progress(`${i} of ${count} replacements`);
  }
  await waitFor('the last former proxy to end', () => !formers.some(isAlive), { withinMs: 120_000 });
}

type Killing = { readonly asked: Asked; readonly killed: Kill[] };

async function killOver(doors: TwoDoors, load: RemoteLoad, { asked, killed }: Killing): Promise<void> {
  const parent = doors.proxy.pid();
  if (parent === null) throw new Error('no proxy runs');
  for (let i = 1; i <= asked.kills; i++) {
    const ports = [doors.port, doors.tlsPort];
    const victim = await waitFor('a worker with connections', () =>
      workersOf(parent).find((pid, at) => at >= i % asked.workers && connectionsOf(pid, ports).size > 0),
    );
    const before = (await load.snapshot()).failedOn.length;
    const held = await killCounting(victim, ports);
    await waitFor('all workers to be there', () => workersOf(parent).length === asked.workers, {
      withinMs: 30_000,
    });
    await sleep(SETTLE_MS);
    const failedOn = (await load.snapshot()).failedOn.slice(before);
    killed.push({
      held: held.size,
      failed: failedOn.length,
      elsewhere: failedOn.filter((port) => !held.has(port)).length,
    });
    if (i % 5 === 0) progress(`${i} of ${asked.kills} kills`);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

function flags(): Asked {
  const text = { type: 'string' } as const;
  const options = {
    switches: text,
    replacements: text,
    kills: text,
    'per-second': text,
    workers: text,
  };
  const { values } = parseArgs({ options, strict: true });
  const number = (name: keyof typeof values, fallback: number): number => {
    const value = Number(values[name] ?? fallback);
    if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} takes a whole number`);
    return value;
  };
  return {
    switches: number('switches', 1000),
    replacements: number('replacements', 100),
    kills: number('kills', 20),
    perSecond: number('per-second', 500),
    workers: number('workers', 3),
  };
}

process.exitCode = await main(flags());
