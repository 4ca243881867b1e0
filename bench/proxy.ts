/**
 * `npm run bench`: the built-in proxy, counting and drawing cohorts, beside plain nginx, HAProxy, Caddy and http-proxy-3: the same
 * backends, the same load, alternating rounds of one run, medians.
 *
 *   --lanes small,large,tls,http2,websocket,latency,idle   --rounds 5   --seconds 3
 *
 * A cut form of three minutes: `--rounds 1 --seconds 2`.
 *
 * Processor time: each as fast as it goes with 32 requests under way. Requests per second do not compare where proxy,
 * backends and load share two cores; processor time does. Compare it within one run only: on a busy machine requests
 * queue, more of them are read at each waking, and each costs less. Latency: 1,000 requests a second that come when they come
 * (`proxy/open-loop.ts`). Memory: 10,000 clients that have asked once, in a proxy just started.
 * Ends with 1 on an error, or when small bodies cost more than 0.75 of what they cost Caddy.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeCertificate } from '../src/traffic/builtin/tls-fixture.ts';
import { endAtExit } from '../test/e2e/processes.ts';
import { startBackends } from './backends.ts';
import { BUILTIN } from './builtin.ts';
import { LOAD_NAME, writeScript } from './burst.ts';
import { treeCpuSeconds } from './cpu.ts';
import { PEERS } from './peers.ts';
import { cookiesOf, type Entry, type Ground, startEntry } from './proxy/entry.ts';
import { type Lane, lanesFor } from './proxy/lanes.ts';
import { openLoop, PER_SECOND, QUANTILES, quantileMs } from './proxy/latency.ts';
import { idleMemory } from './proxy/memory.ts';
import type { Latencies } from './proxy/open-loop.ts';
import { median, ratiosOf, type Row, table } from './proxy/table.ts';

const IDENTITIES = 200;
const WARM_UP_SECONDS = 2;
const LIMIT_BESIDE_CADDY = 0.75;
const DIRECT = 'no proxy';
const OTHER_LANES = ['latency', 'idle'];

type Size = { readonly rounds: number; readonly seconds: number };
type Cells = Row['cells'];

async function main(chosen: readonly string[] | null, size: Size): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'bascule-bench-'));
  endAtExit({ environment: null, directory });
  const { addresses, child } = await startBackends();
  const certificate = makeCertificate(directory, 'bench', ['localhost', '127.0.0.1']);
  const ground: Ground = { directory, certificate, backends: addresses };
  const peers = [BUILTIN, ...PEERS].filter((peer) => told(peer.name, peer.absent()));
  const entries: Entry[] = [];
  try {
    for (const peer of peers) entries.push(await startEntry(peer, ground));
    const cookies = await cookiesOf(entries[0]!.ports.port, IDENTITIES);
    const lanes = lanesFor(await writeScript(directory, cookies), cookies);
    const known = [...lanes.map(({ name }) => name), ...OTHER_LANES];
    const wanted = chosen ?? known;
    const unknown = wanted.filter((name) => !known.includes(name));
    if (unknown.length > 0) throw new Error(`--lanes takes ${known.join(', ')}, not ${unknown.join(', ')}`);
    announce(size);
    const bench = new Bench(entries, size);
    for (const lane of lanes)
      if (wanted.includes(lane.name) && told(lane.title, lane.absent())) await bench.cost(lane);
    if (wanted.includes('latency')) await bench.latency(addresses[0].port, cookies);
    if (wanted.includes('idle')) await bench.idle(ground);
    return print(bench);
  } finally {
    for (const { running } of entries) await running.stop();
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

class Bench {
  readonly rows: Row[] = [];
  readonly wrong: string[] = [];
  readonly remarks: string[] = [];
  readonly entries: readonly Entry[];
  readonly #size: Size;

  constructor(entries: readonly Entry[], size: Size) {
    this.entries = entries;
    this.#size = size;
  }

  async cost(lane: Lane): Promise<void> {
    const { rounds } = this.#size;
    const costs = new Map(this.entries.map((entry) => [entry, [] as number[]]));
    for (const { ports } of this.entries) await lane.load(ports, WARM_UP_SECONDS);
    for (let round = 0; round < rounds; round++)
      for (const entry of inTurn(this.entries, round))
        costs.get(entry)!.push(await this.#microsEach(lane, entry));
    const cells: Cells = new Map([...costs].map(([{ peer }, each]) => [peer.name, each]));
    this.rows.push({ title: lane.title, digits: 1, cells, beside: BUILTIN.name });
    if (lane.name === 'small') this.#hold(cells);
  }

  async #microsEach(lane: Lane, { peer, ports, running }: Entry): Promise<number> {
    const before = treeCpuSeconds(running.pid);
    const { requests, errors } = await lane.load(ports, this.#size.seconds);
    const spent = treeCpuSeconds(running.pid) - before;
    if (errors > 0 || requests === 0)
      this.wrong.push(`${lane.name}: ${peer.name} answered ${requests} with ${errors} errors`);
    return (spent * 1e6) / requests;
  }

  #hold(cells: Cells): void {
    const [own, caddy] = [cells.get(BUILTIN.name), cells.get('Caddy')];
    if (own === undefined || caddy === undefined) return;
    const ratio = median(ratiosOf(own, caddy));
    if (ratio > LIMIT_BESIDE_CADDY)
      this.wrong.push(`small bodies cost ${ratio.toFixed(2)} of Caddy's, more than ${LIMIT_BESIDE_CADDY}`);
  }

  async latency(directPort: number, cookies: readonly string[]): Promise<void> {
    const { rounds, seconds } = this.#size;
    const all = [
      { name: DIRECT, port: directPort },
      ...this.entries.map(({ peer, ports }) => ({ name: peer.name, port: ports.port })),
    ];
    const found = new Map(all.map(({ name }) => [name, [] as Latencies[]]));
    for (let round = 0; round < rounds; round++)
      for (const { name, port } of inTurn(all, round))
        found.get(name)!.push(await openLoop(port, seconds, cookies));
    for (const quantile of QUANTILES) {
      const title = `p${quantile * 100} of ${PER_SECOND} requests a second, ms`;
      const cells = [...found].map(
        ([name, each]) => [name, each.map(({ taken }) => quantileMs(taken, quantile))] as const,
      );
      this.rows.push({ title, digits: 2, cells: new Map(cells) });
    }
    const late = median([...found.values()].flat().map((each) => quantileMs(each.late, 0.99)));
    this.remarks.push(`The client of the latencies itself was late by ${late.toFixed(2)} ms (p99).`);
    for (const [name, each] of found) {
      const errors = each.reduce((sum, round) => sum + round.errors, 0);
      if (errors > 0) this.wrong.push(`latency: ${name} answered ${errors} errors`);
    }
  }

  async idle(ground: Ground): Promise<void> {
    const cells = new Map<string, readonly number[]>();
    for (const { peer } of this.entries) {
      const { kibEach, lost } = await idleMemory(peer, ground);
      cells.set(peer.name, [kibEach]);
      if (lost > 0) this.wrong.push(`idle: ${peer.name} closed ${lost} connections`);
    }
    this.rows.push({ title: 'each of 10,000 idle connections, KiB', digits: 1, cells });
  }
}

/** Each comes first in turn, so that none is always after the same one. */
function inTurn<T>(all: readonly T[], round: number): T[] {
  const at = round % all.length;
  return [...all.slice(at), ...all.slice(0, at)];
}

function announce({ rounds, seconds }: Size): void {
  const machine = `${availableParallelism()} cores, load average ${loadavg()[0]!.toFixed(1)} before it began`;
  console.log(`${rounds} rounds of ${seconds} s, load: ${LOAD_NAME}; ${machine}\n`);
}

function told(what: string, why: string | null): boolean {
  if (why !== null) console.log(`skipped ${what}: ${why}`);
  return why === null;
}

function print({ rows, entries, wrong, remarks }: Bench): number {
  const hasDirect = rows.some(({ cells }) => cells.has(DIRECT));
  const names = entries.map(({ peer }) => peer.name);
  console.log(table(rows, hasDirect ? [...names, DIRECT] : names));
  for (const remark of remarks) console.log(`\n${remark}`);
  console.log(wrong.length === 0 ? '\nPASS' : `\nFAIL: ${wrong.join('; ')}`);
  return wrong.length === 0 ? 0 : 1;
}

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { lanes: text, rounds: text, seconds: text }, strict: true });
process.exitCode = await main(values.lanes?.split(',') ?? null, {
  rounds: Number(values.rounds ?? 5),
  seconds: Number(values.seconds ?? 3),
});
