/**
 * `npm run bench:nginx`, `npm run bench:haproxy`: processor time per request of nginx or HAProxy with Bascule's
 * configuration, outside a rollout and with a quarter of the people on the candidate, beside the same program with a plain
 * configuration (keep-alive to the application, an access log, the usual headers: `behind-plain.ts`): the same backends, the
 * same load, alternating rounds of one run, medians of the ratios within a round.
 *
 *   --proxy nginx   --rounds 12   --seconds 2   --pause 4
 *
 * All get the same load, about 32 requests in so many milliseconds and a half: what a request costs falls with their number, as
 * more of them are read at each waking. `--pause 0` is as fast as each goes, which flatters whoever is faster.
 * Only the proxy's own processes count; what reads the log is measured apart (`node bench/log-reader.ts`).
 * Ends with 1 on an error or an answer that was none, or above a limit: 1.25 × outside a rollout, 1.5 × during one.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Address } from '../src/lib/address.ts';
import { onAddress } from '../src/lib/upstream.ts';
import type { Split } from '../src/traffic/router.ts';
import { absentProxy, type Behind, openBehind, othersKind, type OthersKind } from '../test/e2e/behind.ts';
import { describeDoor, SERVICE } from '../test/e2e/door.ts';
import { freePorts } from '../test/e2e/ports.ts';
import { endAtExit } from '../test/e2e/processes.ts';
import { waitFor } from '../test/e2e/wait-for.ts';
import { startBackends } from './backends.ts';
import { PLAIN } from './behind-plain.ts';
import { burst, LOAD_NAME, writeScript } from './burst.ts';
import { treeCpuSeconds } from './cpu.ts';

const WARM_UP_SECONDS = 1;
const IDENTITIES = 200;
/** Most are on green: nginx asks for those of blue first where it does not know better. */
const SERVE = 'green';
const QUARTER: Split = { rollout: 'r-1', slot: 'blue', sharePercent: 25, seed: 'b'.repeat(32) };
const LIMITS = { calm: 1.25, rollout: 1.5 } as const;

type Entry = {
  readonly name: string;
  readonly port: number;
  /** Of everything that belongs to it. */
  cpuSeconds(): number;
  stop(): Promise<void>;
};
type Round = { readonly micros: number; readonly perSecond: number; readonly errors: number };

type Plan = { readonly rounds: number; readonly seconds: number; readonly pauseMs: number };

async function main(kind: OthersKind, { rounds, seconds, pauseMs }: Plan): Promise<number> {
  const why = absentProxy(kind);
  if (why !== null) throw new Error(why);
  const directory = await mkdtemp(join(tmpdir(), 'bascule-bench-'));
  endAtExit({ environment: null, directory });
  const { addresses, child } = await startBackends();
  const entries: Entry[] = [];
  try {
    entries.push(await startPlain(kind, directory, addresses));
    entries.push(await startOurs('calm', kind, addresses, null));
    entries.push(await startOurs('rollout', kind, addresses, QUARTER));
    const script = await writeScript(directory, cookies(), pauseMs);
    const busy = `load average ${loadavg()[0]!.toFixed(1)} before it began`;
    console.log(
      `${kind}: ${rounds} rounds of ${seconds} s, load: ${LOAD_NAME}; ${availableParallelism()} cores, ${busy}`,
    );
    for (const { port } of entries) await burst(`http://127.0.0.1:${port}/`, WARM_UP_SECONDS, script);
    const results = new Map<string, Round[]>(entries.map(({ name }) => [name, []]));
    for (let i = 0; i < rounds; i++)
      for (const entry of entries) results.get(entry.name)!.push(await measure(entry, seconds, script));
    return print(results);
  } finally {
    for (const entry of entries) await entry.stop();
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

async function startPlain(
  kind: OthersKind,
  directory: string,
  backends: readonly [Address, Address],
): Promise<Entry> {
  const [port] = await freePorts(1);
  const own = join(directory, 'plain');
  await mkdir(own);
  const running = await PLAIN[kind]({ directory: own, port: port!, backends });
  await waitFor('plain to answer', () => answers(port!));
  return {
    name: 'plain',
    port: port!,
    cpuSeconds: () => treeCpuSeconds(running.pid),
    stop: () => running.stop(),
  };
}

async function startOurs(
  name: keyof typeof LIMITS,
  kind: OthersKind,
  [blue, green]: readonly [Address, Address],
  split: Split | null,
): Promise<Entry> {
  const [port] = await freePorts(1);
  const behind: Behind = await openBehind(kind);
  const { router, spec } = behind;
  await router.install(describeDoor(port!, { blue: [onAddress(blue)], green: [onAddress(green)] }, spec));
  const replicas = { blue: 1, green: 1 };
  await router.apply({ service: SERVICE, revision: 1, serve: SERVE, split, replicas, standIn: true });
  await waitFor('both slots to be healthy', async () => {
    const { slots } = await router.observe(SERVICE);
    return slots.blue.replicas[0]?.healthy === true && slots.green.replicas[0]?.healthy === true;
  });
  await waitFor(`${name} to answer`, () => answers(port!));
  return {
    name,
    port: port!,
    cpuSeconds: () => treeCpuSeconds(behind.pids()[0]!),
    stop: () => behind.close(),
  };
}

async function answers(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  await answer.arrayBuffer();
  return answer.status === 200;
}

/** Of people whom it knows. */
function cookies(): string[] {
  return Array.from(
    { length: IDENTITIES },
    (_, i) =>
      `bascule_id=${Math.imul(i + 1, 2_654_435_761)
        .toString(16)
        .replace('-', '')
        .padStart(32, '0')}`,
  );
}

async function measure(entry: Entry, seconds: number, script: string): Promise<Round> {
  const before = entry.cpuSeconds();
  const { requests, perSecond, errors } = await burst(`http://127.0.0.1:${entry.port}/`, seconds, script);
  const spent = entry.cpuSeconds() - before;
  if (requests === 0) throw new Error(`${entry.name} answered nothing`);
  return { micros: (spent * 1e6) / requests, perSecond, errors };
}

function print(results: ReadonlyMap<string, readonly Round[]>): number {
  const plain = results.get('plain')!;
  const wrong: string[] = [];
  const slower: string[] = [];
  console.log('\n          CPU µs/request    beside plain             requests/s   errors');
  for (const [name, rounds] of results) {
    const micros = rounds.map((round) => round.micros);
    const ratios = rounds.map((round, i) => round.micros / plain[i]!.micros);
    const errors = rounds.reduce((sum, round) => sum + round.errors, 0);
    const rate = rateOf(rounds);
    const limit = LIMITS[name as keyof typeof LIMITS];
    const columns = [
      spread(micros, 1).padEnd(18),
      name === 'plain' ? ''.padEnd(25) : `${spread(ratios, 2)} ×`.padEnd(25),
      rate.toFixed(0).padEnd(13),
    ];
    console.log(`${name.padEnd(10)}${columns.join('')}${errors}`);
    if (rate < 0.8 * rateOf(plain)) slower.push(`${name} got ${((100 * rate) / rateOf(plain)).toFixed(0)} %`);
    if (errors > 0) wrong.push(`${name} answered ${errors} errors`);
    if (limit !== undefined && median(ratios) > limit) wrong.push(`${name} is above ${limit} ×`);
  }
  if (slower.length > 0) console.log(`not the same load: ${slower.join('; ')} of plain's requests`);
  console.log(wrong.length === 0 ? 'PASS' : `FAIL: ${wrong.join('; ')}`);
  return wrong.length === 0 ? 0 : 1;
}

function rateOf(rounds: readonly Round[]): number {
  return median(rounds.map((round) => round.perSecond));
}

function spread(values: readonly number[], digits: number): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits));
  return `${median(values).toFixed(digits)} (${least}–${most})`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: { proxy: text, rounds: text, seconds: text, pause: text },
  strict: true,
});
process.exitCode = await main(othersKind(values.proxy), {
  rounds: Number(values.rounds ?? 12),
  seconds: Number(values.seconds ?? 2),
  pauseMs: Number(values.pause ?? 4),
});
