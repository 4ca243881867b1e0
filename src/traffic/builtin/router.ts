import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Address } from '../../lib/address.ts';
import { OperatingError, messageOf } from '../../lib/errors.ts';
import type { SlotName } from '../../release/slot.ts';
import type { TrafficBatch } from '../counts.ts';
import type { HoldPort } from '../hold-port.ts';
import type { Door, DoorObservation, Route, RouterCapabilities, TrafficRouter } from '../router.ts';
import { ControlClient, ControlLost } from './control-client.ts';
import { CONTROL_SOCKET, type ControlCall } from './control-protocol.ts';
import { FAILURE_FILE } from './proxy-failure.ts';
import { USUAL_TIMEOUTS } from '../../release/resilience.ts';

export type BuiltinRouterOptions = {
  /** Holds the proxy's state, its control socket and its log. */
  readonly stateDir: string;
  /** Command line that runs `runProxy` on that directory. */
  readonly command: readonly [program: string, ...args: readonly string[]];
  /** How long a call may take in all, a restart of the proxy included. */
  readonly callTimeoutMs?: number;
};

export type BuiltinRouter = TrafficRouter & {
  /** For routers of other proxies, which let requests wait here. */
  readonly holdPort: HoldPort;
  /** Finds the running proxy or starts one. Errors: TRAFFIC_UNREACHABLE, TRAFFIC_STATE_DAMAGED and others of its start. */
  start(): Promise<void>;
  /** Lets go of the proxy, which keeps serving. */
  close(): void;
  /** Ends the proxy, letting what is in flight go on for at most `graceMs`. */
  stopProxy(graceMs: number): Promise<void>;
  /** Of the running proxy. */
  pid(): number | null;
};

const CAPABILITIES: RouterCapabilities = {
  shareStepPercent: 0.1,
  sticky: ['cookie', 'header', 'address', 'none'],
  identities: true,
  override: true,
  hold: true,
  mirror: true,
  headTimeoutMs: USUAL_TIMEOUTS.responseHeadMs,
  preview: true,
};

const CALL_TIMEOUT_MS = 10_000;
const CONNECT_POLL_MS = 20;
const HELLO_TIMEOUT_MS = 5000;
const RESPAWN_MAX_MS = 2000;

/** The built-in proxy behind the router port: starts it, finds it again, restarts it when it dies. */
export function builtinRouter(options: BuiltinRouterOptions): BuiltinRouter {
  const keeper = new ProxyKeeper(options);
  const callTimeoutMs = options.callTimeoutMs ?? CALL_TIMEOUT_MS;
  const call = (request: ControlCall): Promise<unknown> => keeper.call(request, callTimeoutMs);
  return {
    capabilities: CAPABILITIES,
    install: async (door: Door) => void (await call({ op: 'install', door })),
    remove: async (service: string) => void (await call({ op: 'remove', service })),
    apply: async (route: Route) => void (await call({ op: 'apply', route })),
    observe: async (service: string) => (await call({ op: 'observe', service })) as DoorObservation,
    cut: async (service: string, slot: SlotName) => (await call({ op: 'cut', service, slot })) as number,
    traffic: async (service, cursor) => (await call({ op: 'traffic', service, cursor })) as TrafficBatch,
    holdPort: {
      open: async (way) => (await call({ op: 'holdOpen', way })) as Address,
      set: async (service, revision, hold) => void (await call({ op: 'holdSet', service, revision, hold })),
      waiting: async (service) => (await call({ op: 'holdWaiting', service })) as number,
      close: async (service) => void (await call({ op: 'holdClose', service })),
    },
    start: () => keeper.start(callTimeoutMs),
    close: () => keeper.close(),
    stopProxy: (graceMs) => keeper.stopProxy(graceMs),
    pid: () => keeper.pid,
  };
}

/** Keeps a connection to a living proxy. */
class ProxyKeeper {
  private readonly options: BuiltinRouterOptions;
  private client: ControlClient | null = null;
  private connecting: Promise<ControlClient> | null = null;
  private closed = false;
  private spawns = 0;
  private child: { exited: boolean } | null = null;

  constructor(options: BuiltinRouterOptions) {
    this.options = options;
  }

  get pid(): number | null {
    return this.client?.hello.pid ?? null;
  }

  async start(timeoutMs: number): Promise<void> {
    await this.connected(performance.now() + timeoutMs);
  }

  /** Repeats a call whose answer was lost, for as long as the time allows: every call can be repeated. */
  async call(request: ControlCall, timeoutMs: number): Promise<unknown> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const client = await this.connected(deadlineMs);
      try {
        return await client.call(request, Math.max(1, deadlineMs - performance.now()));
      } catch (error) {
        if (!(error instanceof ControlLost)) throw error;
        if (performance.now() >= deadlineMs) throw unreachable(this.options.stateDir, error);
      }
    }
  }

  close(): void {
    this.closed = true;
    this.client?.close();
    this.client = null;
  }

  async stopProxy(graceMs: number): Promise<void> {
    const client = await this.connected(performance.now() + CALL_TIMEOUT_MS);
    this.closed = true;
    const { pid } = client.hello;
    // The proxy may be gone before its answer is.
    await client.call({ op: 'stop', graceMs }, CALL_TIMEOUT_MS).catch(ignoreLost);
    this.close();
    const deadlineMs = performance.now() + graceMs + CALL_TIMEOUT_MS;
    while (isAlive(pid) && performance.now() < deadlineMs) await pause(CONNECT_POLL_MS);
  }

  private async connected(deadlineMs: number): Promise<ControlClient> {
    if (this.client !== null) return this.client;
    if (this.closed) throw unreachable(this.options.stateDir, new Error('this controller has let go of it'));
    this.connecting ??= this.connect(deadlineMs).finally(() => {
      this.connecting = null;
    });
    return this.connecting;
  }

  private async connect(deadlineMs: number): Promise<ControlClient> {
    const path = join(this.options.stateDir, CONTROL_SOCKET);
    let lastError: unknown = null;
    let spawnAtMs = 0;
    while (performance.now() < deadlineMs && !this.closed) {
      try {
        return this.adopt(await ControlClient.open(path, HELLO_TIMEOUT_MS));
      } catch (error) {
        if (!(error instanceof ControlLost)) throw error;
        lastError = error;
      }
      if (this.child === null && performance.now() >= spawnAtMs) {
        this.spawn();
      } else if (this.child?.exited === true) {
        this.child = null;
        this.spawns += 1;
        throwFailure(this.options.stateDir);
        spawnAtMs = performance.now() + Math.min(RESPAWN_MAX_MS, 50 * 2 ** this.spawns);
      }
      await pause(CONNECT_POLL_MS);
    }
    throw unreachable(this.options.stateDir, lastError);
  }

  private adopt(client: ControlClient): ControlClient {
    this.client = client;
    this.child = null;
    client.unref();
    const sinceMs = performance.now();
    client.onClose(() => {
      this.client = null;
      // Died at once again and again: waits longer each time. Served for a while: starts anew without delay.
      this.spawns = performance.now() - sinceMs > RESPAWN_MAX_MS ? 0 : this.spawns + 1;
      if (!this.closed) void this.revive();
    });
    return client;
  }

  /** Nobody may be calling at the moment, and users wait all the same. */
  private async revive(): Promise<void> {
    while (this.client === null && !this.closed) {
      try {
        await this.connected(performance.now() + CALL_TIMEOUT_MS);
      } catch {
        // Whoever calls gets the reason; here there is only trying again.
        await pause(RESPAWN_MAX_MS, 'unref');
      }
    }
  }

  private spawn(): void {
    const { stateDir, command } = this.options;
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    rmSync(join(stateDir, FAILURE_FILE), { force: true });
    const log = openLog(join(stateDir, 'proxy.log'));
    const state = { exited: false };
    const [program, ...args] = command;
    // Compiled code is kept, so that a proxy that has to be started again serves within a fraction of a second.
    const env = { ...process.env, NODE_COMPILE_CACHE: join(stateDir, 'compile-cache') };
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], env });
    if (log !== 'ignore') closeSync(log);
    child.once('exit', () => {
      state.exited = true;
    });
    child.once('error', () => {
      state.exited = true;
    });
    child.unref();
    this.child = state;
  }
}

/** The proxy that was just started ended with a reason: says it in its place. */
function throwFailure(stateDir: string): void {
  let failure: { code: string; message: string; retryable: boolean };
  try {
    failure = JSON.parse(readFileSync(join(stateDir, FAILURE_FILE), 'utf8')) as typeof failure;
  } catch {
    return;
  }
  throw new OperatingError(failure.code, failure.message, { retryable: failure.retryable });
}

/** A proxy without a log is better than none. */
function openLog(path: string): number | 'ignore' {
  try {
    return openSync(path, 'a', 0o600);
  } catch {
    return 'ignore';
  }
}

function unreachable(stateDir: string, cause: unknown): OperatingError {
  return new OperatingError(
    'TRAFFIC_UNREACHABLE',
    `The built-in proxy does not answer on ${join(stateDir, CONTROL_SOCKET)} (${messageOf(cause)}). If it runs, it routes as before; see ${join(stateDir, 'proxy.log')}.`,
    { retryable: true, cause },
  );
}

function ignoreLost(error: unknown): void {
  if (!(error instanceof ControlLost)) throw error;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function pause(ms: number, hold: 'ref' | 'unref' = 'ref'): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    if (hold === 'unref') timer.unref();
  });
}
