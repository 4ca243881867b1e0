/**
 * `npm run e2e:counting -- --proxy nginx|haproxy`: requests whose outcomes are known, through a proxy that others make; what
 * Bascule counted is compared with what the applications were asked for and what the client saw.
 *
 *   --requests 200000
 *
 * Meanwhile: log rotations (nginx; HAProxy's log is never rotated), one reload, three times kill -9 of whoever counts, between its
 * read and its commit. Ends with 1 unless every request was counted once, in its slot, replica and class.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { onAddress } from '../../src/lib/upstream.ts';
import { latencyBucketMs } from '../../src/traffic/counts.ts';
import type { Route } from '../../src/traffic/router.ts';
import { absentProxy, type Behind, openBehind, othersKind, type OthersKind } from './behind.ts';
import { CountingClient, type Outcome } from './counting-client.ts';
import { startBackends, type Asked, type Backends } from './counting-backends.ts';
import { type Kept, type Keeper, readKept, type Served, startKeeper } from './counting-keeper.ts';
import { describeDoor } from './door.ts';
import { freePorts, freeRange } from './ports.ts';
import { waitFor } from './wait-for.ts';

const CONNECTIONS = 48;
const PEOPLE = 200;
const KILLS = 3;
/** Of about 95 that it writes: the log is put aside four times or more. */
const LOG_BYTES_PER_REQUEST = 20;
const ROTATIONS = 3;
/** Answers of the latency part: evenly between these, few at a time. */
const [FASTEST_MS, SLOWEST_MS] = [60, 400];
const TIMED = 2000;
const TIMED_LANES = 24;
const TIMEOUT_MS = 1000;

/** Of a thousand requests; all others are answered 200. */
const KINDS = [
  ['main', '/missing', 80],
  ['main', '/error', 50],
  ['main', '/abort', 10],
  ['retried', '/ok', 20],
  ['refused', '/ok', 10],
  ['late', '/never', 2],
] as const;

type Doors = Readonly<Record<string, number>>;

async function main(kind: OthersKind, requests: number): Promise<number> {
  const why = absentProxy(kind);
  if (why !== null) throw new Error(why);
  const directory = await mkdtemp(join(tmpdir(), 'bascule-counting-'));
  const file = join(directory, 'kept.json');
  const backends = await startBackends([
    'main.blue.0',
    'main.blue.1',
    'main.green.0',
    'main.green.1',
    'late.blue.0',
    'retried.blue.0-breaks',
    'retried.blue.1',
    'timed.blue.0',
  ]);
  const behind = await openBehind(kind);
  // From now on the keeper has it.
  behind.router.close();
  const served = await describeAll(behind, backends);
  const doors: Doors = Object.fromEntries(
    served.map(({ door }) => [door.service, door.spec.listen.port] as const),
  );
  const place = { root: behind.root, file, logBytes: requests * LOG_BYTES_PER_REQUEST };
  let keeper = await startKeeper(kind, place, served);
  try {
    await waitFor('every door to serve', async () =>
      (await Promise.all(PROBED.map((name) => isOpen(doors[name]!)))).every(Boolean),
    );
    const before = await settled(file, backends);
    const client = new CountingClient(CONNECTIONS);
    const rotations = watchRotations(join(behind.root, 'log', 'main.log'));
    const beganMs = performance.now();
    const disturbances = disturb(behind, requests, async () => {
      await keeper.die();
      keeper = await startKeeper(kind, place, served);
    });
    const outcomes = await load(client, doors, requests, disturbances.at);
    await disturbances.done();
    const tookS = (performance.now() - beganMs) / 1000;
    const timed = await measureLatency(client, doors['timed']!);
    client.close();
    const after = await settled(file, backends);
    console.log(`${kind}: ${requests} requests in ${tookS.toFixed(0)} s; ${machine()}`);
    const wrong = [...compare(before, after, outcomes), ...compareLatency(after.kept, timed)];
    wrong.push(...disturbances.missing());
    if (kind === 'haproxy') console.log(`HAProxy says of itself: ${await droppedLogs(behind.root)}`);
    if (kind === 'nginx') {
      console.log(`meanwhile ${KILLS} kills, 1 reload, ${rotations()} rotations`);
      if (rotations() < ROTATIONS) wrong.push(`only ${rotations()} rotations`);
    }
    console.log(wrong.length === 0 ? 'PASS' : `FAIL: ${wrong.join('; ')}`);
    if (kind === 'nginx') await killWorker({ behind, doors, backends, file });
    return wrong.length === 0 ? 0 : 1;
  } finally {
    keeper.stop();
    await behind.close();
    backends.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

const PROBED = ['main', 'retried', 'late', 'timed'];

async function isOpen(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/ok`).catch(() => null);
  await answer?.arrayBuffer();
  return answer?.status === 200;
}

/** One door per kind of fault, so that a fault of one changes nothing of the others. */
async function describeAll({ spec }: Behind, { ports }: Backends): Promise<Served[]> {
  const own = await freePorts(5);
  // Where no outgoing connection of anybody is given it meanwhile.
  const dead = await freeRange(1);
  const at = (port: number) => onAddress({ host: '127.0.0.1', port });
  const by = (prefix: string) =>
    Object.entries(ports)
      .filter(([key]) => key.startsWith(prefix))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, port]) => at(port));
  const serve = (service: string, blue: ReturnType<typeof by>, green: ReturnType<typeof by>): Served => {
    const split: Route['split'] =
      green.length === 0 ? null : { rollout: 'r-1', slot: 'green', sharePercent: 25, seed: 'b'.repeat(32) };
    const proxy =
      spec.kind === 'builtin' ? spec : { ...spec, readTimeoutMs: service === 'late' ? TIMEOUT_MS : 30_000 };
    const described = describeDoor(own.pop()!, { blue, green: green.length === 0 ? blue : green }, proxy);
    return {
      door: { ...described, service },
      route: {
        service,
        revision: 1,
        serve: 'blue',
        split,
        replicas: { blue: blue.length, green: green.length },
        standIn: false,
      },
    };
  };
  return [
    serve('main', by('main.blue'), by('main.green')),
    serve('late', by('late.blue'), []),
    serve('retried', by('retried.blue'), []),
    serve('refused', [at(dead)], []),
    serve('timed', by('timed.blue'), []),
  ];
}

/** By service and path, what the client saw: `200`, `404`, … and `0` for an answer that never came. */
type Outcomes = Record<string, Record<number, number>>;

async function load(
  client: CountingClient,
  doors: Doors,
  requests: number,
  progress: (sent: number) => void,
): Promise<{ readonly seen: Outcomes; readonly again: number }> {
  const seen: Outcomes = {};
  let sent = 0;
  let again = 0;
  const lane = async (): Promise<void> => {
    while (sent < requests) {
      const n = sent++;
      progress(n);
      const [service, path] = kindOf(n);
      const outcome = await client.ask({ port: doors[service]!, path, cookie: cookieOf(n) });
      again += outcome.again;
      const counts = (seen[`${service}${path}`] ??= {});
      counts[outcome.status] = (counts[outcome.status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  return { seen, again };
}

function kindOf(n: number): readonly [string, string] {
  // Spread over the thousand, so that no kind comes in a row.
  let at = (n * 7) % 1000;
  for (const [service, path, share] of KINDS) {
    if (at < share) return [service, path];
    at -= share;
  }
  return ['main', '/ok'];
}

function cookieOf(n: number): string {
  const hex = Math.imul((n % PEOPLE) + 1, 2_654_435_761)
    .toString(16)
    .replace('-', '');
  return `bascule_id=${hex.padStart(32, '0')}`;
}

type Disturbances = {
  at(sent: number): void;
  done(): Promise<void>;
  missing(): string[];
};

function disturb(behind: Behind, requests: number, kill: () => Promise<void>): Disturbances {
  const pending: Promise<void>[] = [];
  const due = [
    ...Array.from({ length: KILLS }, (_, i) => ({ at: (requests * (i + 1)) / (KILLS + 2), act: kill })),
    { at: requests / 2, act: () => behind.reload() },
  ].toSorted((a, b) => a.at - b.at);
  let turn: Promise<void> = Promise.resolve();
  return {
    at: (sent) => {
      while (due.length > 0 && sent >= due[0]!.at) {
        const { act } = due.shift()!;
        turn = turn.then(act);
        pending.push(turn);
      }
    },
    done: async () => void (await Promise.all(pending)),
    missing: () => (due.length === 0 ? [] : [`${due.length} disturbances did not happen`]),
  };
}

async function measureLatency(client: CountingClient, port: number): Promise<number[]> {
  const took: number[] = [];
  let sent = 0;
  const lane = async (): Promise<void> => {
    while (sent < TIMED) {
      const n = sent++;
      const ms = FASTEST_MS + ((n * 617) % TIMED) * ((SLOWEST_MS - FASTEST_MS) / TIMED);
      const { tookMs } = await client.ask({ port, path: `/slow?ms=${ms}`, cookie: cookieOf(n) });
      took.push(tookMs);
    }
  };
  await Promise.all(Array.from({ length: TIMED_LANES }, lane));
  return took.toSorted((a, b) => a - b);
}

type Settled = { readonly asked: Asked; readonly kept: Kept };

/** Once every second that is over now was delivered and committed. */
async function settled(file: string, backends: Backends): Promise<Settled> {
  // Requests that a client left are over when the application is done with them.
  await sleep(1500);
  const second = Math.floor(Date.now() / 1000) + 1;
  await waitFor(
    'the counts to be committed',
    () =>
      Object.values(readKept(file).upTo).every((upTo) => upTo >= second) &&
      Object.keys(readKept(file).upTo).length > 0,
    { withinMs: 20_000, everyMs: 100 },
  );
  return { asked: await backends.asked(), kept: readKept(file) };
}

function compare(
  before: Settled,
  after: Settled,
  { seen, again }: { readonly seen: Outcomes; readonly again: number },
): string[] {
  const wrong: string[] = [];
  const rows = new Map<string, Readonly<Record<string, number>>>();
  for (const [key, counts] of Object.entries(after.asked))
    rows.set(key.replace('-breaks', ''), less(counts, before.asked[key]!));
  const refused = Object.values(seen['refused/ok'] ?? {}).reduce((sum, count) => sum + count, 0);
  rows.set('refused.blue.0', { connectFailure: refused });
  console.log(
    `\n${'slot and replica'.padEnd(18)}${'class'.padEnd(16)}${'known'.padStart(8)}${'counted'.padStart(9)}`,
  );
  for (const [key, known] of rows) {
    if (key.startsWith('timed')) continue;
    const counted = less(after.kept.counts[key] ?? {}, before.kept.counts[key] ?? {});
    for (const name of new Set([...Object.keys(known), ...Object.keys(counted)])) {
      const [want, have] = [known[name] ?? 0, counted[name] ?? 0];
      if (want === 0 && have === 0) continue;
      console.log(
        `${key.padEnd(18)}${name.padEnd(16)}${String(want).padStart(8)}${String(have).padStart(9)}${want === have ? '' : '  <<<'}`,
      );
      if (want !== have) wrong.push(`${key} ${name}: ${want} were, ${have} counted`);
    }
  }
  for (const [what, statuses] of Object.entries(seen))
    console.log(`the client saw of ${what}: ${JSON.stringify(statuses)}`);
  console.log(`sent again, as the connection was closed before the request was read: ${again}`);
  const lost = after.kept.lost.length - before.kept.lost.length;
  if (lost > 0) wrong.push(`seconds were reported as lost: ${JSON.stringify(after.kept.lost)}`);
  wrong.push(...unlike(seen));
  return wrong;
}

/** What the client saw of each path, but for what fails by design. */
function unlike(seen: Outcomes): string[] {
  const wanted: Readonly<Record<string, number>> = {
    'main/ok': 200,
    'main/missing': 404,
    'main/error': 500,
    'main/abort': 0,
    'retried/ok': 200,
    'late/never': 504,
  };
  return Object.entries(wanted).flatMap(([what, status]) =>
    Object.keys(seen[what] ?? {}).some((found) => Number(found) !== status)
      ? [`the client saw ${JSON.stringify(seen[what])} of ${what}`]
      : [],
  );
}

function less(
  counts: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [name, count - (before[name] ?? 0)]),
  );
}

/** Both from the request to the answer's head: the client's from its last byte sent, the proxy's from its connect. */
function compareLatency({ latency }: Kept, timed: readonly number[]): string[] {
  const wrong: string[] = [];
  for (const q of [0.5, 0.95, 0.99]) {
    const theirs = timed[Math.ceil(timed.length * q) - 1]!;
    const ours = quantile(latency['timed'] ?? {}, q);
    const off = (ours / theirs - 1) * 100;
    console.log(
      `p${q * 100}: the client measured ${theirs.toFixed(1)} ms, counted ${ours.toFixed(1)} ms (${off.toFixed(1)} %)`,
    );
    if (!(Math.abs(off) <= 2)) wrong.push(`p${q * 100} is ${off.toFixed(1)} % off`);
  }
  return wrong;
}

/** Within the bucket in which it falls, as if those in it were spread evenly. */
function quantile(buckets: Readonly<Record<number, number>>, q: number): number {
  const found = Object.entries(buckets)
    .map(([bucket, count]) => [Number(bucket), count] as const)
    .filter(([bucket]) => latencyBucketMs(bucket) > FASTEST_MS / 2);
  const rank = q * found.reduce((sum, [, count]) => sum + count, 0);
  let below = 0;
  for (const [bucket, count] of found.toSorted(([a], [b]) => a - b)) {
    if (below + count >= rank) {
      const [low, high] = [latencyBucketMs(bucket - 1), latencyBucketMs(bucket)];
      return low + ((high - low) * (rank - below)) / count;
    }
    below += count;
  }
  return Number.NaN;
}

/** Lines that its present worker could not write. */
async function droppedLogs(root: string): Promise<string> {
  const socket = connect(join(root, 'stats.sock'));
  socket.end('show info\n');
  let said = '';
  for await (const part of socket.setEncoding('utf8')) said += part as string;
  return said
    .split('\n')
    .filter((line) => /^(DroppedLogs|Nbthread|CumReq)/.test(line))
    .join(', ');
}

/** How often another file had taken the log's place, so far. */
function watchRotations(file: string): () => number {
  const inodes = new Set<number>();
  const timer = setInterval(() => {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found !== undefined) inodes.add(found.ino);
  }, 50);
  timer.unref();
  return () => inodes.size - 1;
}

type Broken = {
  readonly behind: Behind;
  readonly doors: Doors;
  readonly backends: Backends;
  readonly file: string;
};

/** What a worker that is killed under load takes with it: measured, not judged. */
async function killWorker({ behind, doors, backends, file }: Broken): Promise<void> {
  const before = await settled(file, backends);
  const client = new CountingClient(CONNECTIONS);
  const [, worker] = behind.pids();
  const broken: Outcome[] = [];
  const endMs = performance.now() + 4000;
  const killer = sleep(2700).then(() => process.kill(worker!, 'SIGKILL'));
  const lane = async (_: unknown, at: number): Promise<void> => {
    for (let n = at; performance.now() < endMs; n += CONNECTIONS) {
      const outcome = await client.ask({ port: doors['main']!, path: '/ok', cookie: cookieOf(n) });
      if (outcome.status !== 200) broken.push(outcome);
    }
  };
  await Promise.all([killer, ...Array.from({ length: CONNECTIONS }, lane)]);
  client.close();
  const after = await settled(file, backends);
  const total = (counts: Asked): number =>
    Object.entries(counts)
      .filter(([key]) => key.startsWith('main'))
      .flatMap(([, of]) => Object.values(of))
      .reduce((sum, count) => sum + count, 0);
  const were = total(after.asked) - total(before.asked);
  const counted = total(after.kept.counts) - total(before.kept.counts);
  const told = after.kept.lost
    .filter(({ service }) => service === 'main')
    .slice(before.kept.lost.filter(({ service }) => service === 'main').length);
  console.log(
    `one of nginx's workers killed at ${(were / 4).toFixed(0)} requests a second: ${were - counted} of ${were} not counted, ` +
      `${broken.length} broken off; seconds reported as lost: ${told.map(({ fromSecond, toSecond }) => toSecond - fromSecond + 1).join(', ') || 'none'}`,
  );
}

function machine(): string {
  return `${availableParallelism()} cores, load average ${loadavg()[0]!.toFixed(1)}`;
}

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { proxy: text, requests: text }, strict: true });
process.exitCode = await main(othersKind(values.proxy), Number(values.requests ?? 200_000));
