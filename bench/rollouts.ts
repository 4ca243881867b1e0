/**
 * `npm run bench:rollouts`: rollouts of one service, one after another, through the real controller on real SQLite; whether
 * memory and files stay as they are.
 *
 *   --rollouts 10000   --times 400   --dir /dev/shm
 *
 * In memory where there is a file system there: a disk's syncs are not what is measured. Time goes `--times` as fast as the clock; proxy and processes are stand-ins that do at once what they are told. Memory is
 * what is left after a collection (`--expose-gc`). Ends with 1 where it grows by more than 4 KiB a rollout, or files are left.
 * Then an hour of that clock in which nothing happens: rows that it added to the journal.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createController } from '../src/controller/loop.ts';
import type { Ports } from '../src/controller/ports.ts';
import { openSqliteJournal } from '../src/journal/sqlite/open.ts';
import { openSqliteSamples } from '../src/journal/sqlite/samples.ts';
import type { Clock } from '../src/lib/clock.ts';
import { systemRandom } from '../src/lib/random.ts';
import { parseConfig } from '../src/release/parse.ts';
import type { SlotName } from '../src/release/slot.ts';
import type { Route, TrafficRouter } from '../src/traffic/router.ts';
import type { WorkloadRuntime } from '../src/workload/runtime.ts';

const POINTS = 10;
const MOST_BYTES_PER_ROLLOUT = 4096;
/** Nothing recorded for so long is rest; it is waited for at most so many times. */
const QUIET_MS = 20_000;
const MOST_LOOKS = 30;
const HOUR_MS = 3_600_000;
const CALLER = { actor: 'bench', role: 'operator' } as const;
const FILE = `version: 1
services:
  shop: {run: x, listen: 80, drain: 0s, stream-grace: 0s, strategy: {blue-green: {watch: 0s, keep-old: 0s}}}
`;

type Point = {
  readonly rollouts: number;
  readonly heapMib: number;
  readonly rssMib: number;
  readonly openFiles: number;
  readonly files: number;
  readonly journalMib: number;
};

async function main(rollouts: number, times: number, root: string): Promise<number> {
  const dir = await mkdtemp(join(root, 'bascule-rollouts-'));
  try {
    const clock = fastClock(times);
    const ports = await portsOn(dir, clock, times);
    const settings = { slotPorts: { from: 9000, to: 9100 }, keepReleases: 5, routeLateMs: 10_000 };
    const info = { version: 'bench', startedAtMs: clock.nowMs(), stateDir: dir, pid: process.pid };
    const running = createController(ports, settings, info);
    const { controller } = running;
    await running.start('boot');
    const read = parseConfig(FILE, 'bench.yaml', {});
    const spec = read.ok ? read.config.services['shop']! : null;
    if (spec === null) throw new Error('the configuration is wrong');
    const points: Point[] = [];
    const begin = performance.now();
    for (let n = 1; n <= rollouts; n++) {
      await controller.steer.deploy(
        { spec, label: `v${n}`, artifactDigest: 'a'.repeat(64), supersede: false, planId: null },
        CALLER,
      );
      for (const since = performance.now(); controller.read.service('shop').rollout !== null;) {
        if (performance.now() - since > 60_000) throw new Error(`rollout ${n} does not end`);
        await sleep(1);
      }
      if (controller.read.service('shop').stable !== `v${n}`) throw new Error(`v${n} does not serve`);
      if (n % Math.ceil(rollouts / POINTS) === 0) points.push(point(n, dir));
    }
    const seconds = (performance.now() - begin) / 1000;
    await settled(ports, times);
    const before = ports.journal.head().seq;
    await sleep(HOUR_MS / times);
    const idleRows = ports.journal.head().seq - before;
    const onRecord = (kind: string): number =>
      ports.journal.documents({ kind, aggregate: null, limit: 1e6 }).length;
    const documents = { rollouts: onRecord('rollout'), releases: onRecord('release') };
    await running.stop();
    return print({ points, seconds, idleRows, documents });
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** What the last rollout leaves behind, its former version to be given up for one, is not idleness yet. */
async function settled({ journal }: Ports, times: number): Promise<void> {
  for (let i = 0, last = -1; i < MOST_LOOKS && last !== journal.head().seq; i++) {
    last = journal.head().seq;
    await sleep(QUIET_MS / times);
  }
}

function point(rollouts: number, dir: string): Point {
  globalThis.gc!();
  const { heapUsed, rss } = process.memoryUsage();
  const files = readdirSync(dir, { recursive: true }).length;
  const journalMib = statSync(join(dir, 'journal.db')).size / 2 ** 20;
  const openFiles = readdirSync('/proc/self/fd').length;
  return { rollouts, heapMib: heapUsed / 2 ** 20, rssMib: rss / 2 ** 20, openFiles, files, journalMib };
}

function fastClock(times: number): Clock {
  const [beganMs, since] = [Date.now(), performance.now()];
  const goneMs = (): number => (performance.now() - since) * times;
  const nowMs = (): number => Math.floor(beganMs + goneMs());
  return { nowMs, steadyMs: nowMs, monotonicMs: goneMs };
}

async function portsOn(dir: string, clock: Clock, times: number): Promise<Ports> {
  const keyFile = join(dir, 'keys', 'journal.key');
  return {
    clock,
    random: systemRandom,
    timers: {
      sleep: (ms, signal) => sleep(ms / times, undefined, { signal, ref: false }).catch(() => undefined),
      every: (ms, act) => {
        const timer = setInterval(act, ms / times);
        return () => clearInterval(timer);
      },
    },
    journal: openSqliteJournal({ dir, keyFile, maxBytes: null, clock, random: systemRandom }),
    samples: await openSqliteSamples({ dir, maxBytes: null, maxQueuedBytes: 64 << 20, clock, report }),
    router: routerAtOnce(clock),
    runtime: runtimeAtOnce(),
    store: {
      put: async () => undefined,
      has: async () => true,
      prepare: async () => dir,
      space: async () => ({ freeBytes: 1e12 }),
      prune: async () => [],
    },
    sources: { of: () => 'the bench measures nothing elsewhere', pushed: { add: () => undefined } },
    checker: {
      attempt: async () => {
        throw new Error('nothing is to be checked');
      },
    },
    environmentDigest: async () => 'none',
    probe: async () => null,
    log: {
      info: () => undefined,
      warn: () => undefined,
      error: (_fields, message) => console.error(message),
    },
  };
}

/** In use and healthy as soon as it is said; nobody asks for anything. */
function routerAtOnce(clock: Clock): TrafficRouter {
  const routes = new Map<string, Route>();
  const slot = (service: string, name: SlotName) => ({
    replicas: Array.from({ length: routes.get(service)?.replicas[name] ?? 0 }, (_, replica) => ({
      replica,
      healthy: true,
      goodInARow: 3,
      lastProbe: null,
    })),
    inFlight: 0,
    streams: 0,
  });
  return {
    capabilities: {
      shareStepPercent: 0.1,
      sticky: ['cookie', 'none'],
      identities: true,
      override: false,
      hold: false,
      mirror: false,
      preview: false,
    },
    install: async () => undefined,
    remove: async () => undefined,
    apply: async (route) => void routes.set(route.service, route),
    observe: async (service) => ({
      revision: routes.get(service)?.revision ?? 0,
      slots: { blue: slot(service, 'blue'), green: slot(service, 'green') },
    }),
    cut: async () => 0,
    traffic: async () => {
      const upToSecond = Math.floor(clock.nowMs() / 1000) - 1;
      return { cursor: String(upToSecond), upToSecond, lost: null, replicas: [], identities: [] };
    },
  };
}

function runtimeAtOnce(): WorkloadRuntime {
  return {
    ensure: async () => undefined,
    observe: async () => [],
    stop: async () => undefined,
    logs: async function* () {},
    diagnose: async () => [],
    onChange: () => () => undefined,
  };
}

function report(error: Error): never {
  throw error;
}

type Result = {
  readonly points: readonly Point[];
  readonly seconds: number;
  readonly idleRows: number;
  readonly documents: { readonly rollouts: number; readonly releases: number };
};

function print({ points, seconds, idleRows, documents }: Result): number {
  console.log('rollouts   heap MiB   RSS MiB   open files   files   journal MiB');
  for (const each of points) {
    const columns = [
      each.heapMib.toFixed(2),
      each.rssMib.toFixed(0),
      each.openFiles,
      each.files,
      each.journalMib.toFixed(1),
    ];
    console.log(
      `${String(each.rollouts).padEnd(11)}${columns.map((text) => String(text).padEnd(11)).join('')}`,
    );
  }
  const [first, last] = [points[Math.floor(points.length / 2)]!, points.at(-1)!];
  const grew = ((last.heapMib - first.heapMib) * 2 ** 20) / (last.rollouts - first.rollouts);
  console.log(
    `\n${last.rollouts} rollouts in ${seconds.toFixed(0)} s, load average ${loadavg()[0]!.toFixed(1)}`,
  );
  console.log(
    `heap of the second half: ${grew.toFixed(0)} bytes a rollout; on record ${documents.rollouts} rollouts, ${documents.releases} releases`,
  );
  console.log(`rows in the journal of an idle hour: ${idleRows}`);
  const isFlat =
    grew <= MOST_BYTES_PER_ROLLOUT && last.openFiles <= first.openFiles && last.files <= first.files;
  console.log(isFlat && idleRows === 0 ? 'PASS' : 'FAIL');
  return isFlat && idleRows === 0 ? 0 : 1;
}

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { rollouts: text, times: text, dir: text }, strict: true });
const inMemory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
process.exitCode = await main(
  Number(values.rollouts ?? 10_000),
  Number(values.times ?? 400),
  values.dir ?? inMemory,
);
