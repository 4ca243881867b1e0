/**
 * The controller's half of the counting, as a process that can be killed: it owns the router, reads every service's counts,
 * and commits them with their cursor by one rename. Told to die, it does so by SIGKILL between a read and its commit.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/lib/clock.ts';
import { HaproxyRouter } from '../../src/traffic/haproxy/router.ts';
import { NginxRouter } from '../../src/traffic/nginx/router.ts';
import type { TrafficBatch } from '../../src/traffic/counts.ts';
import type { Door, Route } from '../../src/traffic/router.ts';
import type { OthersKind } from './behind.ts';

const READ_EVERY_MS = 300;

/** What was committed so far. */
export type Kept = {
  readonly cursors: Record<string, string>;
  /** By `service.slot.replica`, then class. */
  readonly counts: Record<string, Record<string, number>>;
  /** Requests by service: each once, at its last attempt. */
  readonly requests: Record<string, number>;
  readonly latency: Record<string, Record<number, number>>;
  readonly upTo: Record<string, number>;
  readonly lost: { readonly service: string; readonly fromSecond: number; readonly toSecond: number }[];
};

export type Served = { readonly door: Door; readonly route: Route };
type Order = { readonly serve: readonly Served[] } | 'die';

export type Keeper = {
  readonly child: ChildProcess;
  /** It is killed by itself, between a read that brought something and its commit. */
  die(): Promise<void>;
  stop(): void;
};

/** Resolves once it reads; `serve` is what it installs first. */
export async function startKeeper(
  kind: OthersKind,
  place: { readonly root: string; readonly file: string; readonly logBytes: number },
  serve: readonly Served[],
): Promise<Keeper> {
  const argv = [kind, place.root, place.file, String(place.logBytes)];
  const child = fork(fileURLToPath(import.meta.url), argv, { execArgv: [] });
  child.send({ serve });
  const [said] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
  if (said !== 'ready') throw new Error(`the keeper ended: ${String(said)}`);
  return {
    child,
    die: async () => {
      const exit = once(child, 'exit');
      child.send('die');
      const [, signal] = (await exit) as [unknown, string];
      if (signal !== 'SIGKILL') throw new Error(`the keeper ended by ${signal}`);
    },
    stop: () => void child.kill('SIGKILL'),
  };
}

export function readKept(file: string): Kept {
  if (!existsSync(file)) return { cursors: {}, counts: {}, requests: {}, latency: {}, upTo: {}, lost: [] };
  return JSON.parse(readFileSync(file, 'utf8')) as Kept;
}

async function main(
  kind: OthersKind,
  { root, file, logBytes }: { readonly root: string; readonly file: string; readonly logBytes: number },
): Promise<void> {
  const router =
    kind === 'nginx'
      ? new NginxRouter({ root, clock: systemClock, logBytes })
      : new HaproxyRouter({ root, clock: systemClock });
  await router.start();
  let isToDie = false;
  const [order] = (await once(process, 'message')) as [Exclude<Order, 'die'>];
  process.on('message', (order: Order) => {
    isToDie ||= order === 'die';
  });
  process.once('disconnect', () => process.exit());
  for (const { door, route } of order.serve) {
    await router.install(door);
    await router.apply(route);
  }
  const kept = readKept(file);
  for (const { door } of order.serve)
    kept.cursors[door.service] ??= (await router.traffic(door.service, null)).cursor;
  process.send!('ready');
  for (;;) {
    await sleep(READ_EVERY_MS);
    let isNew = false;
    for (const { door } of order.serve) {
      const batch = await router.traffic(door.service, kept.cursors[door.service]!);
      take(kept, door.service, batch);
      isNew ||= batch.replicas.length > 0;
    }
    if (isToDie && isNew) process.kill(process.pid, 'SIGKILL');
    writeFileSync(`${file}.new`, JSON.stringify(kept));
    renameSync(`${file}.new`, file);
  }
}

function take(kept: Kept, service: string, batch: TrafficBatch): void {
  kept.cursors[service] = batch.cursor;
  kept.upTo[service] = batch.upToSecond;
  if (batch.lost !== null) kept.lost.push({ service, ...batch.lost });
  const latency = (kept.latency[service] ??= {});
  for (const { slot, replica, classes, requests, latency: found } of batch.replicas) {
    const counts = (kept.counts[`${service}.${slot}.${replica}`] ??= {});
    for (const [name, count] of Object.entries(classes)) counts[name] = (counts[name] ?? 0) + count;
    kept.requests[service] = (kept.requests[service] ?? 0) + requests;
    for (const [bucket, count] of found) latency[bucket] = (latency[bucket] ?? 0) + count;
  }
}

if (import.meta.main) {
  const [kind, root = '', file = '', logBytes] = process.argv.slice(2);
  await main(kind as OthersKind, { root, file, logBytes: Number(logBytes) });
}
