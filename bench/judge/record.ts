/**
 * Records traces for the comparison of judges: the example's shop in two versions behind the built-in proxy, everything as it is
 * deployed, both with half of the requests, and real faults. What is written is what the proxy counted.
 *
 *   node bench/judge/record.ts [FOLDER] [--seconds 90] [--rps 100] [--only PATTERN]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { copyFile, cp, rm, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { openSqliteSamples } from '../../src/journal/sqlite/samples.ts';
import type { ReplicaSecond, SparseHistogram } from '../../src/traffic/counts.ts';
import { createWorld, type Controller, type World } from '../../test/e2e/harness.ts';
import { freePorts, freeRange } from '../../test/e2e/ports.ts';
import type { Trace, TraceSide } from './trace.ts';

const SHOP = fileURLToPath(new URL('../../examples/node-shop', import.meta.url));
const FAULTY = fileURLToPath(new URL('../../test/e2e/faulty-shop.mjs', import.meta.url));
const KEPT = fileURLToPath(new URL('traces', import.meta.url));
const SLOT_PORTS = 8;
const USUAL = { medianMs: 20, errorRate: 0.001, slowdown: 1, tickMs: 1000 };
/** When the shared database stalls, and for how long. */
const STALL = { afterSeconds: 30, seconds: 10 };

type Kind = Pick<Trace, 'name' | 'kind' | 'says' | 'ages'> & {
  readonly change: object;
  readonly stalls?: true;
};

const KINDS: readonly Kind[] = [
  { name: 'same', kind: 'healthy', says: 'same version', change: {} },
  { name: 'stall', kind: 'healthy', says: 'shared database stalls for 10 s', change: {}, stalls: true },
  {
    name: 'cold',
    kind: 'healthy',
    says: 'cold start, 5 times as slow for 10 s',
    change: { fault: { coldSeconds: 10 } },
    ages: true,
  },
  { name: 'errors-1', kind: 'fault', says: '0.1 → 1 % errors', change: { errorRate: 0.01 } },
  { name: 'errors-5', kind: 'fault', says: '0.1 → 5 % errors', change: { errorRate: 0.05 } },
  { name: 'dead', kind: 'fault', says: 'every page fails', change: { errorRate: 1 } },
  { name: 'slow-2', kind: 'fault', says: 'twice as slow', change: { slowdown: 2 } },
  {
    name: 'leak',
    kind: 'fault',
    says: '0.1 pp more errors each second',
    change: { fault: { leakPerSecond: 0.001 } },
    ages: true,
  },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '90' },
    rps: { type: 'string', default: '100' },
    only: { type: 'string', default: '' },
  },
});
const folder = positionals[0] ?? KEPT;
mkdirSync(folder, { recursive: true });
for (const kind of KINDS.filter(({ name }) => new RegExp(values.only, 'u').test(name))) {
  const trace = await recorded(kind, Number(values.seconds), Number(values.rps));
  writeFileSync(join(folder, `${kind.name}.json.gz`), gzipSync(JSON.stringify(trace), { level: 9 }));
  console.log(`${kind.name}: ${trace.seconds.length} seconds`);
}

async function recorded({ change, stalls, ...kind }: Kind, seconds: number, rps: number): Promise<Trace> {
  const world = await createWorld();
  try {
    const [port] = await freePorts(1);
    const { shop, controller, stallFile } = await opened(world, port!);
    await deployed(world, shop, { version: 'v1', ...USUAL });
    const load = loaded(port!, rps);
    await deployed(world, shop, { version: 'v2', ...USUAL, ...change });
    // A second or two go by until the share is proven everywhere, and until the last second is counted.
    const over = sleep((seconds + 4) * 1000);
    if (stalls === true) {
      await sleep(STALL.afterSeconds * 1000);
      await writeFile(stallFile, '');
      await sleep(STALL.seconds * 1000);
      await rm(stallFile);
    }
    await over;
    load.stop();
    await world.run(['abort', 'shop'], { cwd: shop });
    // What a controller still writes cannot be read by another process.
    await controller.stop();
    return { ...kind, seconds: (await countsOf(world)).slice(0, seconds) };
  } finally {
    await world.close();
  }
}

async function opened(
  world: World,
  port: number,
): Promise<{ readonly shop: string; readonly controller: Controller; readonly stallFile: string }> {
  const [shop, stallFile] = [join(world.directory, 'shop'), join(world.directory, 'stall')];
  await cp(SHOP, shop, { recursive: true });
  await copyFile(FAULTY, join(shop, 'faulty-shop.mjs'));
  const first = await freeRange(SLOT_PORTS);
  const serverFile = join(world.directory, 'server.yaml');
  await writeFile(serverFile, `slot-ports: ${first}-${first + SLOT_PORTS - 1}\n`);
  await writeFile(
    join(shop, 'bascule.yaml'),
    `version: 1
services:
  shop:
    run: node faulty-shop.mjs
    env: {STALL_FILE: ${stallFile}}
    health: {path: /healthz, interval: 500ms}
    listen: 127.0.0.1:${port}
    strategy:
      canary:
        steps: [50%, 100%]
        dwell: 1h
        sticky: none
        when-worse: pause
        judge: {use: {limits: {interval: 1h, max: {error-rate: 100%}}}}
`,
  );
  return { shop, stallFile, controller: await world.serve({ args: ['--config', serverFile] }) };
}

async function deployed(world: World, shop: string, version: Record<string, unknown>): Promise<void> {
  await writeFile(join(shop, 'version.json'), `${JSON.stringify(version)}\n`);
  const ran = await world.run(['deploy', 'shop', '--version', String(version['version']), '--detach'], {
    cwd: shop,
  });
  if (ran.code !== 0) throw new Error(`deploy ended with ${ran.code}: ${ran.stderr}`);
  const until = Date.now() + 60_000;
  while (Date.now() < until) {
    const { stdout } = await world.run(['status', 'shop', '--json'], { cwd: shop });
    if (/"phase":\s*"dwelling"|"rollout":\s*null/u.test(stdout)) return;
    await sleep(500);
  }
  throw new Error(`${String(version['version'])} got no traffic`);
}

/** Requests at random times, whatever the answers take. */
function loaded(port: number, rps: number): { readonly stop: () => void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  let running = true;
  const next = (): void => {
    if (!running) return;
    const sent = get({ agent, host: '127.0.0.1', port, path: '/' }, (answer) => answer.resume());
    sent.on('error', () => undefined);
    setTimeout(next, -Math.log(1 - Math.random()) * (1000 / rps));
  };
  next();
  return {
    stop: () => {
      running = false;
      agent.destroy();
    },
  };
}

/** Seconds in which both sides had half of the requests, without the first, in which the share changed. */
async function countsOf(world: World): Promise<Trace['seconds']> {
  const samples = await openSqliteSamples({
    dir: world.stateDirectory,
    maxBytes: null,
    maxQueuedBytes: 1_048_576,
    clock: { nowMs: () => Date.now(), steadyMs: () => Date.now(), monotonicMs: () => performance.now() },
    report: () => undefined,
  });
  const { replicas } = await samples.read({ service: 'shop', fromSecond: 0, toSecond: 4_000_000_000 });
  await samples.close();
  const seconds = Map.groupBy(replicas, (row) => row.second);
  const both = [...seconds.values()].filter((rows) =>
    ['blue', 'green'].every((slot) => rows.some((row) => row.slot === slot)),
  );
  return both.slice(1).map((rows) => ({ stable: sideOf(rows, 'blue'), candidate: sideOf(rows, 'green') }));
}

function sideOf(rows: readonly ReplicaSecond[], slot: 'blue' | 'green'): TraceSide {
  const mine = rows.filter((row) => row.slot === slot);
  let [attempts, failed] = [0, 0];
  const latency = new Map<number, number>();
  for (const row of mine) {
    attempts += row.attempts;
    failed += row.classes.serverError + row.classes.connectFailure + row.classes.timeout;
    for (const [bucket, count] of row.latency) latency.set(bucket, (latency.get(bucket) ?? 0) + count);
  }
  const sorted: SparseHistogram = [...latency].toSorted(([a], [b]) => a - b);
  return [attempts, failed, sorted];
}
