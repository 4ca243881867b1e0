/**
 * `npm run soak`: an hour's worth of mixed traffic in ten minutes through the real server and its built-in proxy, while versions
 * are released, shares moved, replicas restarted and the file changed without a rest, and services come and go.
 *
 *   --minutes 10   --per-second 450
 *
 * Traffic: pages, forms, checked uploads and downloads, slow readers, event streams and WebSockets over HTTP/1.1; pages,
 * forms, uploads, downloads and streams that are left over HTTP/2 with TLS; clients that leave in the middle of everything.
 * Ends with 1 where a request failed (as in `npm run e2e:switches`), or memory or descriptors grew. Memory is that of a process
 * that has just collected its garbage, once it is warm and at the end: one that finds no time for it has much, and leaks nothing.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Api, apiOf } from '../../bench/scale/api.ts';
import { makeCertificate } from '../../src/traffic/builtin/tls-fixture.ts';
import { type App, type Settings, type Stage, lasting, openStage, told } from '../e2e/stage.ts';
import { type Clients, forkClients } from './client-process.ts';
import { Director } from './director.ts';
import { collected } from './collected.ts';
import { faultsOf, print, type Told, WARM_UP } from './report.ts';
import { Watch } from './watch.ts';

const SERVER_FILE = '';
/** Of the requests a second. */
const OVER_HTTP2 = 0.2;
const ODD_PER_SECOND = 10;
const TRAFFIC = {
  uploads: 4,
  downloads: 6,
  streams: 10,
  webSockets: 10,
  transferBytes: 200_000,
  transferMs: 2000,
};
/** Idle connections to applications are closed after 4 s, what was shut out after its grace. */
const SETTLE_MS = 12_000;
const LOOK_MS = 10_000;
/** Of the histogram of delays: it tells the time from one call of its timer to the next. */
const LOOP_TIMER_MS = 10;
const STEPS = { steps: ['10%', '96%', '100%'], 'keep-old': '3s' };

type Size = { readonly minutes: number; readonly perSecond: number };

async function main(size: Size): Promise<number> {
  const closers: (() => Promise<void>)[] = [];
  const files = await mkdtemp(join(tmpdir(), 'bascule-soak-'));
  try {
    const stage = await openStage({ after: (close) => void closers.push(close) }, SERVER_FILE);
    const seen = await soak(stage, files, size);
    print(seen);
    const wrong = faultsOf(seen);
    console.log(wrong.length === 0 ? 'PASS' : `FAIL:\n  ${wrong.join('\n  ')}`);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    for (const close of closers.toReversed()) await close();
    await rm(files, { recursive: true, force: true });
  }
}

async function soak(stage: Stage, files: string, { minutes, perSecond }: Size): Promise<Told> {
  const tls = makeCertificate(files, 'soak', ['127.0.0.1']);
  const plainly = variantsOf({});
  const securely = variantsOf({ tls: { certificate: tls.certificate, key: tls.key } });
  const plain = await soaked(stage, 'plain', plainly);
  const secure = await soaked(stage, 'secure', securely);
  const api = apiOf(join(stage.stateDirectory, 'sockets', 'admin.sock'));
  await sleep(SETTLE_MS);
  const watch = new Watch(stage.controller().pid);
  console.log(
    `${minutes} min at ${perSecond} requests a second; ${availableParallelism()} cores, load average ${loadavg()[0]!.toFixed(1)} before it began`,
  );
  const load = plain.load({
    perSecond: Math.round(perSecond * (1 - OVER_HTTP2)),
    connections: 40,
    users: 1000,
    ...TRAFFIC,
  });
  const others: Clients[] = [
    forkClients('http2-clients', [secure.port, Math.round(perSecond * OVER_HTTP2)]),
    forkClients('odd-clients', [plain.port, ODD_PER_SECOND]),
  ];
  const beganMs = performance.now();
  const isOver = (): boolean => performance.now() - beganMs > minutes * 60_000;
  const changed = (): void => void load.switched().catch(() => undefined);
  const directors = [
    new Director({ app: plain, api, variants: plainly, changed }),
    new Director({ app: secure, api, variants: securely, changed }),
  ];
  const delaysMs: number[] = [];
  try {
    const [sides, warm] = await Promise.all([
      comeAndGo(stage, isOver),
      sleep(minutes * 60_000 * WARM_UP).then(async () => collected(watch.all)),
      lookAtDelays(api, isOver, delaysMs),
      renew(files, isOver),
      ...directors.map((director) => director.run(isOver)),
    ]);
    const report = await load.stop();
    const clients = await Promise.all(others.map(async (each) => [each.name, await each.stop()] as const));
    const seconds = (performance.now() - beganMs) / 1000;
    watch.stop();
    const end = await collected(watch.all);
    await sleep(SETTLE_MS);
    return {
      seconds,
      load: report,
      clients: Object.fromEntries(clients),
      deeds: { plain: directors[0]!.deeds, secure: directors[1]!.deeds },
      sides,
      watched: watch.all,
      collectedMib: { warm, end },
      after: watch.look(),
      delaysMs,
    };
  } catch (error) {
    console.error(`the proxy said: ${(await proxyLog(stage)).slice(-2000)}`);
    throw error;
  } finally {
    watch.stop();
    load.kill();
    for (const each of others) each.kill();
  }
}

/** What the file says in turn: the door with another log, other headers, other times, one replica less. */
function variantsOf(builtin: Settings): readonly Settings[] {
  const base = {
    run: 'node soak.mjs',
    strategy: lasting(STEPS),
    replicas: 2,
    drain: '5s',
    'stop-grace': '8s',
  };
  const proxy = (more: Settings): Settings => ({ proxy: { builtin: { ...builtin, ...more } } });
  return [
    { ...base, ...proxy({}) },
    { ...base, ...proxy({ 'access-log': { sample: '10%' } }) },
    { ...base, ...proxy({ 'server-timing': true, 'start-traces': '10%' }), drain: '6s' },
    { ...base, ...proxy({ deny: ['192.0.2.0/24'] }), replicas: 1 },
    { ...base, ...proxy({}), 'stream-grace': '2s', 'max-body': '50MB' },
  ];
}

async function soaked(stage: Stage, name: string, variants: readonly Settings[]): Promise<App> {
  const app = await stage.app(name, variants[0]);
  await app.write('soak.mjs', await readFile(new URL('application.mjs', import.meta.url), 'utf8'));
  const ran = await app.deploy('v1');
  if (ran.code !== 0) throw new Error(told(ran));
  return app;
}

/** Services with doors of their own that are set up, asked once and taken away. */
async function comeAndGo(stage: Stage, isOver: () => boolean): Promise<number> {
  let count = 0;
  for (; !isOver(); count++) {
    const app = await stage.app(`side-${count}`, { replicas: 1, strategy: lasting(STEPS) });
    const deployed = await app.deploy('v1');
    if (deployed.code !== 0) throw new Error(told(deployed));
    const { status, version } = await app.ask();
    if (status !== 200 || version !== 'v1') throw new Error(`${app.name} answered ${status} of ${version}`);
    const removed = await app.verb('remove', '--yes');
    if (removed.code !== 0) throw new Error(told(removed));
    await sleep(5000);
  }
  return count;
}

/** The certificate's files are replaced, as whoever renews them does. */
async function renew(files: string, isOver: () => boolean): Promise<void> {
  for (let i = 1; !isOver(); i++) {
    await sleep(1000);
    if (i % 20 === 0) makeCertificate(files, 'soak', ['127.0.0.1']);
  }
}

async function lookAtDelays(api: Api, isOver: () => boolean, into: number[]): Promise<void> {
  while (!isOver()) {
    await sleep(Math.min(LOOK_MS, 5000));
    const metrics = String(await api('GET', '/metrics'));
    const seconds = Number(/^bascule_nodejs_eventloop_lag_p99_seconds (\S+)$/mu.exec(metrics)?.[1]);
    into.push(seconds * 1000 - LOOP_TIMER_MS);
  }
}

async function proxyLog(stage: Stage): Promise<string> {
  return readFile(join(stage.stateDirectory, 'proxy', 'proxy.log'), 'utf8').catch(() => '');
}

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { minutes: text, 'per-second': text }, strict: true });
process.exitCode = await main({
  minutes: Number(values.minutes ?? 10),
  perSecond: Number(values['per-second'] ?? 450),
});
