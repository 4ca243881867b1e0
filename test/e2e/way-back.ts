/**
 * `npm run e2e:way-back`: from the transition's commit to the start, at the application, of the last request on the version
 * that is left, over 200 switches under load, through the real program. The event's time is taken just before its commit, so the
 * commit is part of what is measured. Prints p50, p99 and the longest; fails above 50 ms at p99, or on any failed request.
 */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { get, request, type IncomingMessage, type RequestOptions } from 'node:http';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createWorld, type World } from './harness.ts';
import { forkLoad, type RemoteLoad } from './load/remote.ts';
import { freePorts, freeRange } from './ports.ts';

const MOST_MS_P99 = 50;
const WITHIN_MS = 20_000;
const PER_SECOND = 1000;
/** Says when the last request that was not a probe began, by the clock that the journal uses too. */
const APPLICATION = `
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
const version = readFileSync('version.txt', 'utf8').trim();
let lastStartMs = 0;
createServer((request, response) => {
  response.setHeader('X-Version', version);
  if (request.headers['x-echo']) response.setHeader('X-Echo', request.headers['x-echo']);
  if (request.url === '/last') return response.end(JSON.stringify({ lastStartMs }));
  if (request.url !== '/healthz') lastStartMs = performance.timeOrigin + performance.now();
  response.end(version);
}).listen(process.env.PORT, '127.0.0.1').keepAliveTimeout = 90_000;
`;

type View = {
  readonly rollout: object | null;
  readonly stable: string;
  readonly slots: Readonly<
    Record<string, { readonly label: string | null; readonly addresses: readonly string[] }>
  >;
};
type Event = { readonly kind: string; readonly atMs: number; readonly says: readonly string[] };

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { switches: { type: 'string', default: '200' } } });
  const world = await createWorld();
  let load: RemoteLoad | null = null;
  try {
    const port = await setUp(world);
    load = forkLoad({ port, perSecond: PER_SECOND, users: 200, requests: ['GET /'] });
    await load.served('v2', 100, WITHIN_MS);
    const tookMs: number[] = [];
    for (let count = 0; count < Number(values.switches); count += 1)
      tookMs.push(await oneSwitch(world, load));
    return report(tookMs, await load.stop());
  } finally {
    load?.kill();
    await world.close();
  }
}

async function setUp(world: World): Promise<number> {
  const app = join(world.directory, 'app');
  const [port] = await freePorts(1);
  const first = await freeRange(8);
  const serverFile = join(world.directory, 'server.yaml');
  await mkdir(app);
  await writeFile(serverFile, `slot-ports: ${first}-${first + 7}\n`);
  await writeFile(join(app, 'app.mjs'), APPLICATION);
  await writeFile(
    join(app, 'bascule.yaml'),
    `version: 1
services:
  shop:
    run: node app.mjs
    health: {path: /healthz, interval: 200ms}
    listen: 127.0.0.1:${port}
    strategy: {blue-green: {watch: 0, keep-old: 1h}}
`,
  );
  await world.serve({ args: ['--config', serverFile] });
  for (const version of ['v1', 'v2']) {
    await writeFile(join(app, 'version.txt'), version);
    const ran = await world.run(['deploy', 'shop', '--version', version], { cwd: app });
    if (ran.code !== 0) throw new Error(`${version} was not deployed: exit ${ran.code}\n${ran.stderr}`);
  }
  return port!;
}

/** Goes back to what is kept warm. Milliseconds from the commit to the last start on what was left; 0 if there was none after it. */
async function oneSwitch(world: World, load: RemoteLoad): Promise<number> {
  const before = await serviceOf(world);
  const left = Object.values(before.slots).find(({ label }) => label === before.stable)!;
  const chosen = before.stable === 'v1' ? 'v2' : 'v1';
  const answer = (await call(world, 'POST', '/api/v1/services/shop/rollback', { label: chosen })) as {
    readonly rollout: { readonly id: string };
  };
  await load.switched();
  await load.served(chosen, 20, WITHIN_MS);
  while ((await serviceOf(world)).rollout !== null) await sleep(10);
  const [host, port] = left.addresses[0]!.split(':') as [string, string];
  const { lastStartMs } = (await getJson({ host, port, path: '/last' })) as { readonly lastStartMs: number };
  const why = (await call(world, 'GET', `/api/v1/rollouts/${answer.rollout.id}/why`)) as {
    readonly why: { readonly events: readonly Event[] };
  };
  const committed = why.why.events.find(({ kind }) => kind === 'rollback')!;
  return Math.max(0, lastStartMs - committed.atMs);
}

async function serviceOf(world: World): Promise<View> {
  return ((await call(world, 'GET', '/api/v1/services/shop')) as { readonly service: View }).service;
}

async function call(world: World, method: 'GET' | 'POST', path: string, body: object = {}): Promise<unknown> {
  const socketPath = join(world.stateDirectory, 'sockets', 'admin.sock');
  if (method === 'GET') return getJson({ socketPath, path });
  const asked = request({
    socketPath,
    path,
    method,
    timeout: WITHIN_MS,
    headers: { 'content-type': 'application/json' },
  });
  asked.end(JSON.stringify(body));
  return answerOf((await once(asked, 'response')) as [IncomingMessage]);
}

async function getJson(where: RequestOptions): Promise<unknown> {
  return answerOf((await once(get({ ...where, timeout: WITHIN_MS }), 'response')) as [IncomingMessage]);
}

async function answerOf([response]: [IncomingMessage]): Promise<unknown> {
  const body = await json(response);
  if (response.statusCode! >= 300) throw new Error(`${response.statusCode}: ${JSON.stringify(body)}`);
  return body;
}

function report(tookMs: readonly number[], seen: Awaited<ReturnType<RemoteLoad['stop']>>): number {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (quantile: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(quantile * sorted.length) - 1)]!;
  const p99 = at(0.99);
  process.stdout.write(
    `switches        ${sorted.length} by "rollback", under ${PER_SECOND} requests a second\n`,
  );
  process.stdout.write(
    `commit to the last start on the version that was left: p50 ${at(0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${at(1).toFixed(1)} ms\n`,
  );
  process.stdout.write(`requests        ${seen.answered}, failed ${seen.failed}\n`);
  process.stdout.write(`machine         load average ${loadavg()[0]!.toFixed(1)}\n`);
  for (const example of seen.examples) process.stdout.write(`${JSON.stringify(example)}\n`);
  const passed = p99 <= MOST_MS_P99 && seen.failed === 0;
  process.stdout.write(passed ? 'PASS\n' : 'FAIL\n');
  return passed ? 0 : 1;
}

process.exitCode = await main();
