import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { processIo } from './cli/io.ts';
import { runCli } from './cli/run.ts';
import { ROLES } from './controller/controller.ts';
import { createController } from './controller/loop.ts';
import { parseServerFile, type ServerFile } from './controller/server-file.ts';
import { createApi } from './http/server.ts';
import { openSqliteJournal } from './journal/sqlite/open.ts';
import { openSqliteSamples } from './journal/sqlite/samples.ts';
import { systemClock } from './lib/clock.ts';
import { systemRandom } from './lib/random.ts';
import { runProxy } from './traffic/builtin/proxy-main.ts';
import { builtinRouter } from './traffic/builtin/router.ts';
import { readBootId } from './workload/proc.ts';
import { processRuntime } from './workload/process/process-runtime.ts';
import { secretResolver } from './workload/secrets.ts';
import { DEFAULT_LIMITS } from './workload/store/limits.ts';
import { releaseStore } from './workload/store/release-store.ts';

const MAIN = fileURLToPath(import.meta.url);
const VERSION = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  }
).version;
const MIB = 1024 * 1024;
const STOP_GRACE_MS = 5000;
const ROUTE_LATE_MS = 10_000;

type ServeOptions = { readonly stateDir: string; readonly configFile: string | null };

/** The controller: opens what it needs, adopts what runs, answers until SIGTERM or SIGINT. */
async function serve({ stateDir, configFile }: ServeOptions): Promise<void> {
  await mkdir(stateDir, { recursive: true, mode: 0o750 });
  const file = readServerFile(stateDir, configFile);
  const log = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  const random = systemRandom;
  const clock = systemClock;
  const journal = openSqliteJournal({
    dir: stateDir,
    keyFile: join(stateDir, 'keys', 'journal.key'),
    maxBytes: null,
    clock,
    random,
  });
  const bootId = readBootId();
  const secrets = secretResolver({
    dir: join(stateDir, 'secrets'),
    allowedEnv: file.allowedEnv,
    environ: process.env,
    digestKey: readFileSync(join(stateDir, 'keys', 'journal.key')),
  });
  const samples = await openSqliteSamples({
    dir: stateDir,
    maxBytes: null,
    maxQueuedBytes: 64 * MIB,
    clock,
    report: (error) => log.error(error.message),
  });
  const path = process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
  const store = await releaseStore({
    stateDir,
    limits: DEFAULT_LIMITS,
    allowedUsers: file.allowedUsers,
    path,
    clock,
  });
  const runtime = processRuntime({
    stateDir,
    store,
    secrets,
    allowedUsers: file.allowedUsers,
    path,
    bootId,
    clock,
    largestLogBytes: 16 * MIB,
  });
  const router = builtinRouter({ stateDir: join(stateDir, 'proxy'), command: proxyCommand(stateDir, file) });
  const ports = {
    clock,
    random,
    journal,
    samples,
    router,
    runtime,
    store,
    environmentDigest: secrets.digest,
    log,
  };
  const settings = { slotPorts: file.slotPorts, keepReleases: file.keepReleases, routeLateMs: ROUTE_LATE_MS };
  const info = { version: VERSION, startedAtMs: clock.nowMs(), stateDir, pid: process.pid };

  const { controller, idempotency, start, stop } = createController(ports, settings, info);
  const api = createApi({
    controller,
    idempotency,
    socketDirectory: join(stateDir, 'sockets'),
    version: VERSION,
    clock,
    onBug: (error, request) => log.error({ request, err: error }, 'a bug'),
  });
  await router.start();
  await start(bootId);
  await api.start();
  log.info(
    { stateDir, pid: process.pid, chain: journal.head() },
    `bascule ${VERSION} is ready; sockets for ${ROLES.join(', ')} in ${join(stateDir, 'sockets')}`,
  );

  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  log.info('stopping; traffic and applications go on');
  await api.stop(STOP_GRACE_MS);
  await stop();
  runtime.detach();
  router.close();
}

function proxyCommand(stateDir: string, file: ServerFile): readonly [string, ...string[]] {
  const workers = file.proxyWorkers === null ? [] : ['--workers', String(file.proxyWorkers)];
  return [process.execPath, MAIN, 'proxy', '--state-dir', join(stateDir, 'proxy'), ...workers];
}

function readServerFile(stateDir: string, configFile: string | null): ServerFile {
  const path = configFile ?? join(stateDir, 'server.yaml');
  const text = configFile !== null || existsSync(path) ? readFileSync(path, 'utf8') : '';
  return parseServerFile(text, path);
}

process.exitCode = await runCli(process.argv.slice(2), processIo(), {
  serve,
  proxy: runProxy,
  version: VERSION,
});
