import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { AcmeDesk } from './acme/acme-desk.ts';
import { readBootId } from '../../lib/boot-id.ts';
import { OperatingError, messageOf } from '../../lib/errors.ts';
import { openSteadyClock, sinceBootMs } from '../../lib/steady-clock.ts';
import { accessFolder, accessLogPath, turnAccessLog } from './access-log-file.ts';
import type { CertificateShelf } from './certificate-shelf.ts';
import { openCertificates } from './open-certificates.ts';
import { CONTROL_SOCKET, CONTROL_VERSION, type ControlCall, type Hello } from './control-protocol.ts';
import { type ControlServer, serveControl } from './control-server.ts';
import { Fleet } from './fleet.ts';
import { HealthMemory } from '../health-memory.ts';
import { HoldDesk } from './hold-desk.ts';
import { HoldFile } from './hold-file.ts';
import { Ledger } from './ledger.ts';
import { Plane } from './plane.ts';
import { Prober, type ReplicaHealth } from '../prober.ts';
import { FAILURE_FILE } from './proxy-failure.ts';
import { ReplicaDesk } from './replica-desk.ts';
import { ProxyLog } from './proxy-log.ts';
import { TicketKeys } from './ticket-keys.ts';
import type { Door } from '../router.ts';
import { type ServiceState, StateStore } from '../state-store.ts';

export type ProxyOptions = {
  readonly stateDir: string;
  /** Worker processes, or null for one per core, up to four. */
  readonly workers: number | null;
};

type Log = (text: string) => void;

const PROXY_LOG = 'proxy.log';
const LOG_BYTES = 10 * 1024 * 1024;
const MAX_WORKERS = 4;
/** A second is closed when all workers have told it, or this long after its end. */
const SECOND_GRACE_MS = 1500;
const CLOSE_TICK_MS = 50;
const CERTIFICATE_LOOK_MS = 1000;
const LISTEN_RETRY_MS = 100;
/** While a former proxy's workers still hold the ports at a restart. */
const QUIET_LISTEN_RETRIES = 50;
const STOP_GRACE_MS = 30_000;

/**
 * `bascule proxy`: the data plane's parent. Owns the listening sockets, the state on disk, health and counts; the
 * workers do the HTTP. Runs until SIGTERM or SIGINT, then lets what is in flight end. Errors: TRAFFIC_STATE_UNWRITABLE,
 * TRAFFIC_PROXY_RUNNING.
 */
export async function runProxy(options: ProxyOptions): Promise<void> {
  process.umask(0o077);
  const logFile = new ProxyLog(join(options.stateDir, PROXY_LOG), LOG_BYTES);
  const log: Log = (text) => logFile.write(text);
  const failurePath = join(options.stateDir, FAILURE_FILE);
  try {
    await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
    await serveUntilStopped(options, log, () => rmSync(failurePath, { force: true }));
  } catch (error) {
    if (error instanceof OperatingError && error.code !== 'TRAFFIC_PROXY_RUNNING')
      leaveFailure(failurePath, error, log);
    throw error;
  }
}

async function serveUntilStopped(options: ProxyOptions, log: Log, onServing: () => void): Promise<void> {
  const sources = { bootId: readBootId(), wallMs: Date.now, sinceBootMs };
  const clock = openSteadyClock(options.stateDir, sources);
  const startSecond = Math.floor(clock.steadyMs() / 1000);
  const calls = new CallQueue();
  const stop = stopSignal();
  const control = await serveControl(join(options.stateDir, CONTROL_SOCKET), (call) => calls.handle(call));
  try {
    const store = new StateStore(options.stateDir);
    const memory = new HealthMemory(options.stateDir);
    const tell = (error: OperatingError): void => log(`${error.code}: ${error.message}`);
    const holdFile = new HoldFile(options.stateDir);
    const [restored, healthy, holds] = await Promise.all([
      store.load(tell),
      memory.load(),
      holdFile.read(tell),
    ]);
    const { acme, shelf } = openCertificates(options.stateDir, restored, log, () => fleet);
    const tickets = new TicketKeys((keys) => fleet.tell({ kind: 'ticketKeys', keys }));
    const desk = new HoldDesk(holdFile, log);
    const ledger = new Ledger(randomBytes(8).toString('hex'), startSecond);
    const prober: Prober = openProber(log, (health) => {
      fleet.tell({ kind: 'health', health });
      memory.keep(prober.health());
      replicas.review(health.service);
    });
    const fleet: Fleet = new Fleet({
      clock,
      size: options.workers ?? Math.min(MAX_WORKERS, availableParallelism()),
      onStart: (place) => ({
        kind: 'start',
        place,
        services: plane.states,
        health: prober.health(),
        certificates: new Map(plane.states.map(({ door }) => [door.service, shelf.of(door.service)])),
        ticketKeys: tickets.keys,
        challenges: acme.challenges,
        accessFolder: accessFolder(options.stateDir),
      }),
      onCounts: (counts) => ledger.add(counts.services),
      onSuspect: ({ service, slot, replica }) => prober.hurry(service, slot, replica),
      onAccessLogFull: (service) => putAside(options.stateDir, plane.doorOf(service), log),
      onDeath: () => ledger.markLost(),
      onLaunched: () => replicas.renew(),
      onReplica: (worker, message) => replicas.receive(worker, message),
      log,
    });
    const stateOf = (service: string): ServiceState | null => plane.stateOf(service);
    const replicas: ReplicaDesk = new ReplicaDesk({ fleet, prober, stateOf, log });
    const plane: Plane = new Plane({ store, fleet, prober, ledger, shelf, acme, replicas }, restored);
    for (const { door } of restored) replicas.install(door);
    followRestored(prober, restored, healthy);
    await fleet.start();
    await listenRestored(plane, log);
    await desk.restore(holds);
    setInterval(() => closeSeconds(ledger, fleet, clock.steadyMs()), CLOSE_TICK_MS);
    lookAfter(shelf, acme);
    onServing();
    flushCompileCache();
    log(`serving ${restored.length} services with ${fleet.pids.length} workers`);
    calls.begin(async (call) => perform(call, { plane, fleet, desk, stop: stop.now }));
    const graceMs = await stop.asked;
    desk.stop();
    acme.stop();
    await end({ control, fleet, prober, graceMs, log });
  } catch (error) {
    control.close();
    throw error;
  }
}

/** Whatever becomes of it, lines are written or dropped by the workers, who say so. */
function putAside(stateDir: string, door: Door | null, log: Log): void {
  const proxy = door?.spec.proxy;
  if (door === null || proxy?.kind !== 'builtin' || proxy.accessLog === undefined) return;
  try {
    turnAccessLog(accessLogPath(accessFolder(stateDir), door.service), proxy.accessLog.keepBytes);
  } catch (error) {
    log(`could not put the access log of ${door.service} aside: ${messageOf(error)}`);
  }
}

function lookAfter(shelf: CertificateShelf, acme: AcmeDesk): void {
  setInterval(() => {
    shelf.look();
    acme.tick();
  }, CERTIFICATE_LOOK_MS);
}

function openProber(log: Log, onChange: (health: ReplicaHealth) => void): Prober {
  return new Prober({
    random: Math.random,
    onChange: (health) => {
      const { service, slot, replica, healthy } = health;
      log(`${service} ${slot} replica ${replica} is ${healthy ? 'healthy' : 'not healthy'}`);
      onChange(health);
    },
  });
}

function followRestored(
  prober: Prober,
  restored: readonly ServiceState[],
  healthy: Awaited<ReturnType<HealthMemory['load']>>,
): void {
  for (const { door, route } of restored) {
    const was = (slot: string, replica: number): boolean =>
      healthy.some((each) => each.service === door.service && each.slot === slot && each.replica === replica);
    prober.follow(door, route, was);
  }
}

type Running = {
  readonly plane: Plane;
  readonly fleet: Fleet;
  readonly desk: HoldDesk;
  readonly stop: (graceMs: number) => void;
};

function perform(call: ControlCall, { plane, fleet, desk, stop }: Running): unknown {
  switch (call.op) {
    case 'hello':
      return { version: CONTROL_VERSION, pid: process.pid, workers: fleet.pids } satisfies Hello;
    case 'install':
      return plane.install(call.door);
    case 'remove':
      return plane.remove(call.service);
    case 'apply':
      return plane.apply(call.route);
    case 'observe':
      return plane.observe(call.service);
    case 'cut':
      return plane.cut(call.service, call.slot);
    case 'traffic':
      return plane.traffic(call.service, call.cursor);
    case 'holdOpen':
      return desk.open(call.way);
    case 'holdSet':
      return desk.set(call.service, call.revision, call.hold);
    case 'holdWaiting':
      return desk.waiting(call.service);
    case 'holdClose':
      return desk.close(call.service);
    case 'stop':
      stop(call.graceMs);
      return null;
  }
}

/** Calls that come before the proxy serves wait for that. */
class CallQueue {
  private perform: ((call: ControlCall) => Promise<unknown>) | null = null;
  private readonly ready = Promise.withResolvers<void>();

  begin(perform: (call: ControlCall) => Promise<unknown>): void {
    this.perform = perform;
    this.ready.resolve();
  }

  async handle(call: ControlCall): Promise<unknown> {
    await this.ready.promise;
    return this.perform!(call);
  }
}

/** The ports of a proxy that was killed may be held for a moment by its workers, which are about to see that it is gone. */
async function listenRestored(plane: Plane, log: Log, retries = 0): Promise<void> {
  const errors = await plane.listenMissing();
  if (errors.length === 0) return;
  if (retries === QUIET_LISTEN_RETRIES) for (const error of errors) log(error.message);
  if (retries < QUIET_LISTEN_RETRIES) {
    await new Promise((resolve) => setTimeout(resolve, LISTEN_RETRY_MS));
    await listenRestored(plane, log, retries + 1);
  } else {
    // The others serve meanwhile; this one is tried for as long as it takes.
    setTimeout(() => void listenRestored(plane, log, retries + 1), LISTEN_RETRY_MS * 10);
  }
}

function closeSeconds(ledger: Ledger, fleet: Fleet, nowMs: number): void {
  const overdue = Math.floor((nowMs - SECOND_GRACE_MS) / 1000) - 1;
  ledger.close(Math.max(overdue, fleet.countedSecond ?? 0));
}

type Ending = {
  readonly control: ControlServer;
  readonly fleet: Fleet;
  readonly prober: Prober;
  readonly graceMs: number;
  readonly log: Log;
};

async function end({ control, fleet, prober, graceMs, log }: Ending): Promise<void> {
  log(`stopping: what is in flight has ${graceMs}ms`);
  control.close();
  prober.stop();
  await fleet.stop(graceMs);
  log('stopped');
  process.exit(0);
}

type StopSignal = { readonly asked: Promise<number>; readonly now: (graceMs: number) => void };

function stopSignal(): StopSignal {
  const { promise: asked, resolve: now } = Promise.withResolvers<number>();
  process.on('SIGTERM', () => now(STOP_GRACE_MS));
  process.on('SIGINT', () => now(STOP_GRACE_MS));
  return { asked, now };
}

function leaveFailure(path: string, error: OperatingError, log: Log): void {
  const { code, message, retryable } = error;
  try {
    writeFileSync(path, JSON.stringify({ code, message, retryable }), { mode: 0o600 });
  } catch (failed) {
    log(`could not write ${path}: ${messageOf(failed)}`);
  }
}
