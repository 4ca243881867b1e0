/**
 * `npm run bench`: processor time per request of the built-in proxy, counting and drawing cohorts, beside plain nginx, HAProxy,
 * Caddy and http-proxy-3: the same backends, the same load, alternating rounds of one run, medians.
 *
 *   --rounds 3   --seconds 5
 *
 * Requests per second do not compare where proxy, backends and load share two cores; processor time does. Compare it
 * within one run only: on a busy machine requests queue, more of them are read at each waking, and each costs less.
 * Ends with 1 on an error, or when the built-in one costs more than Caddy.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePorts } from '../test/e2e/ports.ts';
import { endAtExit } from '../test/e2e/processes.ts';
import { waitFor } from '../test/e2e/wait-for.ts';
import { startBackends } from './backends.ts';
import { BUILTIN } from './builtin.ts';
import { LOAD_NAME, burst, writeScript } from './burst.ts';
import type { Burst } from './burst.ts';
import { treeCpuSeconds } from './cpu.ts';
import { PEERS } from './peers.ts';
import type { Peer, Running } from './peers.ts';

const WARM_UP_SECONDS = 2;
const IDENTITIES = 200;

type Entry = {
  readonly name: string;
  readonly port: number;
  readonly running: Running;
  readonly rounds: Round[];
};
type Round = Burst & { readonly microsPerRequest: number; readonly cores: number };

async function main(rounds: number, seconds: number): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'bascule-bench-'));
  endAtExit({ environment: null, directory });
  const { addresses, child } = await startBackends();
  const entries: Entry[] = [];
  try {
    for (const peer of [BUILTIN, ...PEERS]) {
      const why = peer.absent();
      if (why === null) entries.push(await start(peer, directory, addresses));
      else console.log(`skipped ${peer.name}: ${why}`);
    }
    const script = await writeScript(directory, await cookies(entries[0]!.port));
    const machine = `${availableParallelism()} cores, load average ${loadavg()[0]!.toFixed(1)} before it began`;
    console.log(`${rounds} rounds of ${seconds} s, load: ${LOAD_NAME}; ${machine}`);
    for (const entry of entries) await burst(entry.port, WARM_UP_SECONDS, script);
    for (let i = 0; i < rounds; i++) {
      for (const entry of entries) entry.rounds.push(await measure(entry, seconds, script));
    }
    return print(entries);
  } finally {
    for (const { running } of entries) await running.stop();
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

async function start(
  peer: Peer,
  directory: string,
  backends: Parameters<Peer['start']>[0]['backends'],
): Promise<Entry> {
  const [port] = await freePorts(1);
  const own = join(directory, peer.name);
  await mkdir(own);
  const running = await peer.start({ directory: own, port: port!, backends });
  try {
    await waitFor(
      `${peer.name} to answer`,
      async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 200,
    );
  } catch (error) {
    await running.stop();
    throw error;
  }
  return { name: peer.name, port: port!, running, rounds: [] };
}

/** As the built-in proxy gives them out, so that its requests are of people whom it knows. The others get the same. */
async function cookies(port: number): Promise<string[]> {
  const found: string[] = [];
  for (let i = 0; i < IDENTITIES; i++) {
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    await answer.arrayBuffer();
    const [cookie] = answer.headers.getSetCookie();
    // Without it every request would be a newcomer's, and something else would be measured.
    if (cookie === undefined) throw new Error('the built-in proxy gave no cookie');
    found.push(cookie.split(';')[0]!);
  }
  return found;
}

async function measure({ port, running }: Entry, seconds: number, script: string): Promise<Round> {
  const before = treeCpuSeconds(running.pid);
  const done = await burst(port, seconds, script);
  const spent = treeCpuSeconds(running.pid) - before;
  return { ...done, microsPerRequest: (spent * 1e6) / done.requests, cores: spent / seconds };
}

function print(entries: readonly Entry[]): number {
  const cost = new Map(
    entries.map(({ name, rounds }) => [name, median(rounds.map((each) => each.microsPerRequest))]),
  );
  const floor = cost.get('nginx');
  console.log('\nproxy            CPU µs/request    beside nginx   requests/s   cores used   errors');
  for (const { name, rounds } of entries) {
    const each = rounds.map(({ microsPerRequest }) => microsPerRequest);
    const range = `(${Math.min(...each).toFixed(0)}–${Math.max(...each).toFixed(0)})`;
    const ratio = floor === undefined ? '' : `${(cost.get(name)! / floor).toFixed(2)} ×`;
    const speed = median(rounds.map(({ perSecond }) => perSecond)).toFixed(0);
    const cores = median(rounds.map((round) => round.cores)).toFixed(2);
    const costs = `${cost.get(name)!.toFixed(0)} ${range}`;
    const columns = [costs.padEnd(18), ratio.padEnd(15), speed.padEnd(13), cores.padEnd(13)];
    console.log(`${name.padEnd(17)}${columns.join('')}${errorsOf(rounds)}`);
  }
  const own = cost.get(BUILTIN.name)!;
  const wrong = entries
    .filter(({ rounds }) => errorsOf(rounds) > 0)
    .map(({ name }) => `${name} answered errors`);
  if (own >= (cost.get('Caddy') ?? Number.POSITIVE_INFINITY))
    wrong.push(`${BUILTIN.name} costs more than Caddy`);
  console.log(wrong.length === 0 ? 'PASS' : `FAIL: ${wrong.join('; ')}`);
  return wrong.length === 0 ? 0 : 1;
}

function errorsOf(rounds: readonly Burst[]): number {
  return rounds.reduce((sum, { errors }) => sum + errors, 0);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { rounds: text, seconds: text }, strict: true });
process.exitCode = await main(Number(values.rounds ?? 3), Number(values.seconds ?? 5));
