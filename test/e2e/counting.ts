/**
 * `npm run e2e:counting -- --proxy nginx|haproxy`: requests whose outcomes are known, through a proxy that others make; what
 * Bascule counted is compared with what the applications were asked for and what the client saw.
 *
 *   --requests 200000
 *
 * Meanwhile: log rotations (nginx; HAProxy's log is never rotated), one reload, three times kill -9 of whoever counts, between its
 * read and its commit. Ends with 1 unless every request was counted once, in its slot, replica and class.
 */
import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { absentProxy, type Behind, openBehind, othersKind, type OthersKind } from './behind.ts';
import { startBackends } from './counting-backends.ts';
import { CountingClient } from './counting-client.ts';
import { startKeeper } from './counting-keeper.ts';
import { compareLatency } from './counting-latency.ts';
import { CONNECTIONS, load } from './counting-load.ts';
import { compare } from './counting-report.ts';
import { killWorker } from './counting-worker.ts';
import { allServe, describeAll, type Doors, SERVERS, settled } from './counting-world.ts';
import { machine } from './switches-report.ts';

const KILLS = 3;
/** Of about 95 that it writes: the log is put aside four times or more. */
const LOG_BYTES_PER_REQUEST = 20;
const ROTATIONS = 3;

async function main(kind: OthersKind, requests: number): Promise<number> {
  const why = absentProxy(kind);
  if (why !== null) throw new Error(why);
  const directory = await mkdtemp(join(tmpdir(), 'bascule-counting-'));
  const file = join(directory, 'kept.json');
  const backends = await startBackends(SERVERS);
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
    await allServe(doors);
    const before = await settled(file, backends);
    const client = new CountingClient(CONNECTIONS);
    const rotations = watchRotations(join(behind.root, 'log', 'main.log'));
    const beganMs = performance.now();
    const disturbances = disturb(behind, requests, async () => {
      await keeper.die();
      keeper = await startKeeper(kind, place, served);
    });
    const outcomes = await load(client, doors, requests, (sent) => disturbances.at(sent));
    await disturbances.done();
    const tookS = (performance.now() - beganMs) / 1000;
    const after = await settled(file, backends);
    console.log(`${kind}: ${requests} requests in ${tookS.toFixed(0)} s; ${machine()}`);
    const wrong = [...compare(before, after, outcomes)];
    wrong.push(...(await compareLatency(client, doors['timed']!, { file, backends, before: after })));
    client.close();
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

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { proxy: text, requests: text }, strict: true });
process.exitCode = await main(othersKind(values.proxy), Number(values.requests ?? 200_000));
