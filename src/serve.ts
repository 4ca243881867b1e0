import { readFileSync } from 'node:fs';
import { access, chmod, constants, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { backups } from './backup/make.ts';
import { terminalLog } from './cli/terminal-log.ts';
import { ROLES } from './controller/controller.ts';
import { openChannels, type Channels } from './channels.ts';
import { createController } from './controller/loop.ts';
import type { Log, Ports } from './controller/ports.ts';
import { readServerFile, serverFileOf, type ServerFile } from './controller/server-file.ts';
import { openDashboard } from './http/dashboard-files.ts';
import { createApi, type Api } from './http/server.ts';
import { openSqliteJournal } from './journal/sqlite/open.ts';
import { openSqliteSamples } from './journal/sqlite/samples.ts';
import { readBootId } from './lib/boot-id.ts';
import type { Clock } from './lib/clock.ts';
import { messageOf, OperatingError } from './lib/errors.ts';
import { lossyLines } from './lib/lossy-lines.ts';
import { systemRandom } from './lib/random.ts';
import { sameFile } from './lib/same-file.ts';
import { openSteadyClock, sinceBootMs, type SteadyClock } from './lib/steady-clock.ts';
import { systemTimers } from './lib/timers.ts';
import { openLogins } from './logins.ts';
import { openRouters } from './routers.ts';
import { openSources } from './sources.ts';
import type { Notice } from './notify/notice.ts';
import type { Outbox } from './notify/outbox.ts';
import { withDoorSecrets } from './traffic/door-secrets.ts';
import type { HaproxyRouter } from './traffic/haproxy/router.ts';
import type { NginxRouter } from './traffic/nginx/router.ts';
import { routerByKind } from './traffic/router-by-kind.ts';
import { runtimeByOwner } from './workload/by-owner.ts';
import { externalRuntime } from './workload/external/external-runtime.ts';
import { probe } from './workload/external/probe.ts';
import { processRuntime } from './workload/process/process-runtime.ts';
import { releaseChecker } from './workload/checks/checker.ts';
import { commandRunner } from './workload/checks/command-runner.ts';
import { secretResolver } from './workload/secrets.ts';
import { DEFAULT_LIMITS } from './workload/store/limits.ts';
import { releaseStore } from './workload/store/release-store.ts';

const MIB = 1024 * 1024;
const STOP_GRACE_MS = 5000;
const STATE_CHECK_MS = 1000;
const ROUTE_LATE_MS = 10_000;
const RUNS_AS_ROOT =
  'this server runs as root, and so does every service without "user:"; list users under "allowed-users" in the server file and name one in each service';

export type ServeOptions = {
  readonly stateDir: string;
  readonly configFile: string | null;
  readonly version: string;
};

/**
 * The controller: opens what it needs, adopts what runs, answers until SIGTERM or SIGINT. `openRuntime` is for a bench whose
 * applications are not real.
 */
export async function serve(
  { stateDir, configFile, version }: ServeOptions,
  openRuntime = processRuntime,
): Promise<void> {
  await makeStateDirectory(stateDir);
  const file = readServerFile(stateDir, configFile);
  const opened = await openPorts({ stateDir, version }, file, openRuntime);
  const { ports, clock, bootId, processes, builtin, others, journal, ofSecrets, replaced } = opened;
  const { log } = ports;
  if (process.geteuid?.() === 0) log.warn({ allowedUsers: file.allowedUsers }, RUNS_AS_ROOT);
  const { slotPorts, keepReleases, freezes } = file;
  const settings = { slotPorts, keepReleases, freezes, routeLateMs: ROUTE_LATE_MS };
  const info = { version, startedAtMs: ports.clock.nowMs(), stateDir, pid: process.pid };
  const outbox = openOutbox({ stateDir, file, ports, ofSecrets });
  const running = createController({ ...ports, ...tellingBy(outbox) }, settings, info);
  const deaf = running.controller.read.onEvent(() => outbox.wake());
  const api = createApi({
    controller: running.controller,
    notifier: outbox,
    settings: { file, path: serverFileOf(stateDir, configFile), channels: () => outbox.described() },
    ...openDashboard(stateDir, openLogins(file.oidc, ofSecrets)),
    idempotency: running.idempotency,
    socketDirectory: join(stateDir, 'sockets'),
    version,
    clock: ports.clock,
    backup: backups({ stateDir, journal, version, nowMs: () => ports.clock.nowMs() }),
    onBug: (error, request) => log.error({ request, err: error }, 'a bug'),
    onDenied: (denied) => running.note({ ...denied, result: 'refused', reason: null }),
    onNoted: (noted) => running.note({ service: null, reason: null, ...noted }),
    listeners: file.listeners,
    onNote: (message) => log.warn({}, message),
  });
  // One after the other, whatever becomes of each: on a disk that failed, a socket cannot even be taken away.
  const stop = async (): Promise<void> => {
    const steps = [
      () => api.stop(STOP_GRACE_MS),
      deaf,
      () => outbox.stop(),
      () => running.stop(),
      () => journal.close(),
      () => processes.detach(),
      () => builtin.close(),
      ...others.map((proxy) => () => proxy.close()),
    ];
    for (const step of steps) await quietly(log, step);
  };
  try {
    await builtin.start();
    for (const proxy of others) await startProxy(proxy, log);
    await running.start(bootId);
    for (const says of replaced) running.noteProxy(says);
    await api.start();
    await outbox.start();
  } catch (error) {
    await stop();
    throw error;
  }
  const sockets = `sockets for ${ROLES.join(', ')} in ${join(stateDir, 'sockets')}`;
  log.info(
    { stateDir, pid: process.pid, chain: ports.journal.head() },
    `bascule ${version} is ready; ${sockets}`,
  );

  tellBrokenHistory(stateDir, journal.verify(), log);
  const isThere = sameFile(join(stateDir, 'journal.db'));
  await untilStopped(isThere, { api, clock, log });
  // Where the chain ends is in the log, so that records that are taken away later are missed.
  log.info({ chain: journal.head() }, 'stopping; traffic and applications go on');
  await stop();
  if (!isThere()) throw gone(stateDir);
}

type Watched = { readonly api: Api; readonly clock: SteadyClock; readonly log: Log };

/** Until a signal, or until the journal is not there any more. */
async function untilStopped(isThere: () => boolean, { api, clock, log }: Watched): Promise<void> {
  const over = Promise.withResolvers<void>();
  const check = (): void => (isThere() ? clock.note() : over.resolve());
  const checks = [systemTimers.every(STATE_CHECK_MS, check), watchSockets(api, log)];
  // A terminal that closes is a word to stop like any other.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => over.resolve());
  await over.promise;
  for (const end of checks) end();
}

function gone(stateDir: string): OperatingError {
  return new OperatingError(
    'STATE_DIR_UNUSABLE',
    `The journal in ${stateDir} was deleted or replaced, so this server stopped: nothing that it decides could be recorded. Traffic and applications go on as they are. Put the directory back ("bascule restore") and start it again.`,
    { retryable: false },
  );
}

/** Whoever deletes a socket, with a broom for /run for example, must not leave a server that nobody reaches. */
function watchSockets(api: Api, log: Log): () => void {
  let was: Awaited<ReturnType<Api['mend']>> = 'whole';
  return systemTimers.every(STATE_CHECK_MS, () => {
    void api.mend().then((is) => {
      if (is === 'mended') log.warn({}, 'a socket of the API had been deleted; it is there again');
      if (is === 'lost' && was !== 'lost')
        log.error({}, 'the directory of the sockets was deleted: nobody reaches this server; restart it');
      was = is;
    });
  });
}

async function quietly(log: Log, step: () => unknown): Promise<void> {
  try {
    await step();
  } catch (error) {
    log.error({}, `stopping: ${messageOf(error)}`);
  }
}

/** Not a reason to stop: what goes on is decided by the states, and somebody has to be there for the way back. */
function tellBrokenHistory(stateDir: string, fault: ReturnType<Ports['journal']['verify']>, log: Log): void {
  if (fault === null) return;
  const { seq, why } = fault;
  const said = `JOURNAL_CHAIN: event ${seq} of the journal in ${stateDir} does not fit its chain (${why}). The server goes on; nothing is pruned. Keep a copy of the state directory and find out who changed it.`;
  log.error({ seq }, said);
}

/** A server whose nginx or HAProxy is gone serves everything else; the services behind it say what is missing. */
async function startProxy(proxy: NginxRouter | HaproxyRouter, log: Log): Promise<void> {
  try {
    await proxy.start();
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    log.error({ code: error.code }, error.message);
  }
}

async function makeStateDirectory(stateDir: string): Promise<void> {
  try {
    // Users of services walk through it to their release; nothing in it is for others.
    process.umask(0o027);
    if ((await mkdir(stateDir, { recursive: true })) !== undefined) await chmod(stateDir, 0o711);
    await access(stateDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new OperatingError(
      'STATE_DIR_UNUSABLE',
      `The state directory ${stateDir} cannot be made or written, so the server did not start (${messageOf(error)}). Name one of your own with --state-dir, or make it for this user.`,
      { retryable: false, cause: error },
    );
  }
}

/** Every adapter, on one state directory. The journal first: it holds the lease. */
async function openPorts(
  of: Pick<ServeOptions, 'stateDir' | 'version'>,
  file: ServerFile,
  openRuntime: typeof processRuntime,
) {
  const { stateDir } = of;
  const bootId = readBootId();
  const clock = openSteadyClock(join(stateDir, 'proxy'), { bootId, wallMs: Date.now, sinceBootMs });
  const log = openLog(clock);
  const keyFile = join(stateDir, 'keys', 'journal.key');
  const journal = openSqliteJournal({ dir: stateDir, keyFile, maxBytes: null, clock, random: systemRandom });
  const path = process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
  const { allowedUsers } = file;
  const ofSecrets = {
    dir: join(stateDir, 'secrets'),
    environ: process.env,
    digestKey: readFileSync(keyFile),
  };
  const secrets = secretResolver({ ...ofSecrets, allowedEnv: file.allowedEnv });
  const samples = await openSqliteSamples({
    dir: stateDir,
    maxBytes: null,
    maxQueuedBytes: 64 * MIB,
    clock,
    report: (error) => log.error({}, error.message),
  });
  const store = await releaseStore({ stateDir, limits: DEFAULT_LIMITS, allowedUsers, path, clock });
  const processes = openRuntime({
    stateDir,
    store,
    secrets,
    allowedUsers,
    path,
    bootId,
    clock,
    largestLogBytes: 16 * MIB,
    report: (message) => log.warn({}, message),
  });
  const outside = externalRuntime(clock);
  const runtime = runtimeByOwner([processes, outside], ({ spec }) =>
    spec.run === null ? outside : processes,
  );
  const { replaced, ...routers } = openRouters(of, file, { clock, log });
  const { builtin, nginx, haproxy } = routers;
  const sources = openSources({
    connections: file.sources,
    secrets: ofSecrets,
    commands: commandRunner({ stateDir, store, allowedUsers, path }),
    nowMs: () => clock.nowMs(),
  });
  const ports: Ports = {
    clock,
    random: systemRandom,
    timers: systemTimers,
    journal,
    samples,
    router: withDoorSecrets(routerByKind(routers), secrets),
    runtime,
    store,
    checker: releaseChecker({ stateDir, store, allowedUsers, path }),
    sources,
    environmentDigest: (env) => secrets.digest(env),
    probe,
    log,
  };
  const others = [nginx, haproxy];
  return { ports, clock, bootId, processes, builtin, others, journal, ofSecrets, replaced };
}

/** What the controller knows of those who are told. */
function tellingBy(outbox: Outbox): Required<Pick<Ports, 'messages' | 'noticed'>> {
  return { messages: () => outbox.counts(), noticed: () => outbox.wake() };
}

type OutboxParts = {
  readonly stateDir: string;
  readonly file: ServerFile;
  readonly ports: Ports;
  readonly ofSecrets: Parameters<typeof openChannels>[0]['secrets'];
};

/** Who is told about rollouts, and how far each is. */
function openOutbox({ stateDir, file, ports, ofSecrets }: OutboxParts): Channels {
  const { journal, timers, clock, log } = ports;
  return openChannels({
    connections: file.notify,
    secrets: ofSecrets,
    parts: {
      after: (afterSeq, limit) =>
        journal
          .events({ aggregate: null, rollout: null, afterSeq, limit })
          .map(({ seq, mac, atMs, event }) => {
            const { notices = [] } = event as { readonly notices?: readonly Notice[] };
            return { seq, mac, atMs, notices };
          }),
      head: () => journal.head().seq,
      timers,
      nowMs: () => clock.nowMs(),
      warn: (fields, message) => log.warn(fields, message),
      directory: join(stateDir, 'notify'),
    },
  });
}

/** JSON with every field for whoever keeps logs, lines for whoever watches. */
function openLog(clock: Clock): Log {
  // A log that cannot be written costs lines, never the controller.
  const write = lossyLines(2);
  if (process.stderr.isTTY) return terminalLog(write, () => clock.nowMs());
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write });
}
