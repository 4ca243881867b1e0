import { rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { readBootId } from '../../lib/boot-id.ts';
import { OperatingError, messageOf } from '../../lib/errors.ts';
import { openSteadyClock, sinceBootMs } from '../../lib/steady-clock.ts';
import { CallQueue } from './call-queue.ts';
import { CONTROL_SOCKET, CONTROL_VERSION, type ControlCall, type Hello } from './control-protocol.ts';
import { serveControl } from './control-server.ts';
import type { Fleet } from './fleet.ts';
import { HANDOVER_VERSION } from './handover.ts';
import { listensOn } from './door-listeners.ts';
import type { Ledger } from './ledger.ts';
import type { Plane } from './plane.ts';
import { FAILURE_FILE } from './proxy-failure.ts';
import { ProxyLog } from './proxy-log.ts';
import { type Log, type Parts, openParts } from './proxy-parts.ts';
import { type TakingOver, hasFormer } from './taking-over.ts';

export type ProxyOptions = {
  readonly stateDir: string;
  /** Worker processes, or null for one per core, up to four. */
  readonly workers: number | null;
  /** What tells this program, as it is started, from others; null where nobody asks. */
  readonly build?: string | null;
};

const PROXY_LOG = 'proxy.log';
const LOG_BYTES = 10 * 1024 * 1024;
/** A second is closed when all workers have told it, or this long after its end. */
const SECOND_GRACE_MS = 1500;
const CLOSE_TICK_MS = 50;
const CERTIFICATE_LOOK_MS = 1000;
const LISTEN_RETRY_MS = 100;
/** While a former proxy's workers still hold the ports at a restart. */
const QUIET_LISTEN_RETRIES = 50;
const STOP_GRACE_MS = 30_000;
/** What a worker that ends may be late by. */
const RETIRE_MARGIN_MS = 10_000;

/**
 * `bascule proxy`: the data plane's parent. Owns the listening sockets, the state on disk, health and counts; the
 * workers do the HTTP. Runs until SIGTERM or SIGINT, then lets what is in flight end; or until another one has taken its place.
 * Errors: TRAFFIC_STATE_UNWRITABLE, TRAFFIC_PROXY_RUNNING.
 */
export async function runProxy(options: ProxyOptions): Promise<void> {
  process.umask(0o077);
  const logFile = new ProxyLog(join(options.stateDir, PROXY_LOG), LOG_BYTES);
  const log: Log = (text) => logFile.write(text);
  const failurePath = join(options.stateDir, FAILURE_FILE);
  const isSuccessor = hasFormer();
  try {
    await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
    await serveUntilStopped(options, log, () => rmSync(failurePath, { force: true }));
  } catch (error) {
    if (!isSuccessor && error instanceof OperatingError && error.code !== 'TRAFFIC_PROXY_RUNNING')
      leaveFailure(failurePath, error, log);
    if (isSuccessor) {
      log(`does not take the former proxy's place: ${messageOf(error)}`);
      process.exit(1);
    }
    throw error;
  }
}

async function serveUntilStopped(options: ProxyOptions, log: Log, onServing: () => void): Promise<void> {
  const sources = { bootId: readBootId(), wallMs: Date.now, sinceBootMs };
  const clock = openSteadyClock(options.stateDir, sources);
  const calls = new CallQueue();
  const stop = stopSignal();
  const path = join(options.stateDir, CONTROL_SOCKET);
  const control = await serveControl(path, (call) => calls.handle(call), hasFormer());
  try {
    const { stateDir, workers, build = null } = options;
    const parts = await openParts({ stateDir, workers, clock, control, calls, log });
    const { plane, fleet, ledger, shelf, acme, taking, giving } = parts;
    await fleet.start();
    if (taking === null) await beginServing(parts);
    else await takePlace(taking, parts);
    const beats = [
      setInterval(() => closeSeconds(ledger, fleet, clock.steadyMs()), CLOSE_TICK_MS),
      setInterval(() => {
        shelf.look();
        acme.tick();
      }, CERTIFICATE_LOOK_MS),
    ];
    onServing();
    flushCompileCache();
    log(`serving ${plane.states.length} services with ${fleet.pids.length} workers`);
    calls.begin(async (call) => perform(call, { ...parts, stop: stop.now, build }));
    void giving.given.then(() => leave(parts, beats));
    await end(parts, await stop.asked);
  } catch (error) {
    control.close();
    throw error;
  }
}

async function beginServing({ plane, desk, holdFile, tell, log }: Parts): Promise<void> {
  await listenRestored(plane, log);
  await desk.restore(await holdFile.read(tell), new Map());
}

/** Nothing of the former proxy is touched before it is sure that ours serves what it served. */
async function takePlace(taking: TakingOver, parts: Parts): Promise<void> {
  const { plane, fleet, desk, holdFile, inherited, control, tell, log } = parts;
  try {
    const { states, sockets, holdSockets } = await taking.handedOver();
    const others = await plane.become(states, taking.wasHealthy);
    if (others.length > 0)
      log(`took over as the former proxy had them, and not as on disk: ${others.join(', ')}`);
    for (const [listener, handle] of sockets) inherited.set(listener, handle);
    const missing = await plane.listenMissing();
    for (const unused of inherited.values()) unused.close();
    inherited.clear();
    await desk.restore(await holdFile.read(tell), holdSockets);
    await taking.committed();
    fleet.former = taking.former;
    await control.takePlace(taking.former.isLeft);
    taking.done();
    if (missing.length > 0) void listenRestored(plane, log);
  } catch (error) {
    log(`does not take the former proxy's place: ${messageOf(error)}`);
    await taking.refuse(messageOf(error));
    // Our workers follow.
    process.exit(1);
  }
}

type Running = Parts & { readonly stop: (graceMs: number) => void; readonly build: string | null };

function perform(call: ControlCall, running: Running): unknown {
  const { plane, fleet, giving, build } = running;
  switch (call.op) {
    case 'hello':
      return {
        version: CONTROL_VERSION,
        pid: process.pid,
        workers: fleet.pids,
        build,
        handover: HANDOVER_VERSION,
      } satisfies Hello;
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
    case 'replace':
      return giving.give(call);
    case 'stop':
      running.stop(call.graceMs);
      return null;
    default:
      return performHold(call, running);
  }
}

type HoldCalls = Extract<ControlCall, { op: `hold${string}` }>;

/** Who waits in the former proxy obeys as well. */
async function performHold(call: HoldCalls, { desk, fleet: { former } }: Parts): Promise<unknown> {
  switch (call.op) {
    case 'holdOpen':
      return desk.open(call.way);
    case 'holdSet':
      await Promise.all([desk.set(call.service, call.revision, call.hold), former?.hold(call)]);
      return null;
    case 'holdWaiting':
      return desk.waiting(call.service) + ((await former?.hold(call)) ?? 0);
    case 'holdClose':
      await Promise.all([desk.close(call.service), former?.hold(call)]);
      return null;
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

/** Another proxy serves: what is in flight here ends by itself, and goes by the routes that are its. */
async function leave(parts: Parts, beats: readonly NodeJS.Timeout[]): Promise<void> {
  const { control, plane, fleet, prober, desk, acme, giving, log } = parts;
  for (const beat of beats) clearInterval(beat);
  acme.stop();
  prober.stop();
  // What was answered last is on its way by then.
  setImmediate(() => control.leave());
  const graces = plane.states.flatMap(({ door: { spec } }) => [spec.drainMs, spec.streamGraceMs]);
  const kept = plane.states.flatMap(({ door }) =>
    listensOn(door).map(({ speech }) => speech.manners.keepAliveMs),
  );
  const withinMs = Math.max(0, ...kept) + Math.max(0, ...graces) + RETIRE_MARGIN_MS;
  const late = new Promise<void>((resolve) => setTimeout(resolve, withinMs));
  await Promise.all([
    fleet.retire(withinMs),
    Promise.race([desk.retire(), late]),
    Promise.race([fleet.former?.gone, late]),
  ]);
  await giving.gone();
  log('ended: nothing of what was in flight is left');
  process.exit(0);
}

async function end({ control, fleet, prober, desk, acme, log }: Parts, graceMs: number): Promise<void> {
  log(`stopping: what is in flight has ${graceMs}ms`);
  desk.stop();
  acme.stop();
  control.close();
  prober.stop();
  await Promise.all([fleet.stop(graceMs), fleet.former?.stop(graceMs)]);
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
