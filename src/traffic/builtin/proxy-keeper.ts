import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OperatingError, messageOf } from '../../lib/errors.ts';
import { ControlClient, ControlLost } from './control-client.ts';
import { CONTROL_SOCKET, type ControlCall } from './control-protocol.ts';
import { FAILURE_FILE } from './proxy-failure.ts';

export type BuiltinRouterOptions = {
  /** Holds the proxy's state, its control socket and its log. */
  readonly stateDir: string;
  /** Command line that runs `runProxy` on that directory. */
  readonly command: readonly [program: string, ...args: readonly string[]];
  /** How long a call may take in all, a restart of the proxy included. */
  readonly callTimeoutMs?: number;
  /** What the command runs, told from other builds. A running proxy of another one is replaced; absent: whatever runs is used. */
  readonly build?: string;
  readonly onReplaced?: (replaced: ProxyReplaced) => void;
  /** A proxy of another build goes on, because it could not be replaced. */
  readonly onKept?: (why: string) => void;
};

export type ProxyReplaced = {
  /** Build and pid; null where the former one did not say its build. */
  readonly from: string | null;
  readonly fromPid: number;
  readonly to: string | null;
  readonly toPid: number;
  readonly tookMs: number;
};

export const CALL_TIMEOUT_MS = 10_000;
const CONNECT_POLL_MS = 20;
const HELLO_TIMEOUT_MS = 5000;
const RESPAWN_MAX_MS = 2000;
/** Until the new one has started and the former one has given way, on a machine that has no time. */
const REPLACE_TIMEOUT_MS = 60_000;

/** Keeps a connection to a living proxy. */
export class ProxyKeeper {
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
    await this.replaceOther();
    await this.connected(performance.now() + timeoutMs);
  }

  async replaceProxy(): Promise<ProxyReplaced> {
    const client = await ControlClient.openAny(this.controlPath, HELLO_TIMEOUT_MS).catch((error: unknown) => {
      throw unreachable(this.options.stateDir, error);
    });
    try {
      const replaced = await this.replaceBy(client);
      this.letGoOf(replaced.fromPid);
      return replaced;
    } finally {
      client.close();
    }
  }

  /** The former proxy hears until its end, but whoever asks from now on means the one in its place. */
  private letGoOf(pid: number): void {
    if (this.client?.hello.pid !== pid) return;
    this.client.close();
    this.client = null;
  }

  /** A running proxy that is not what this controller would start gives way to what it would. */
  private async replaceOther(): Promise<void> {
    const { build, stateDir, onKept, onReplaced } = this.options;
    if (build === undefined) return;
    const client = await ControlClient.openAny(this.controlPath, HELLO_TIMEOUT_MS).catch(() => null);
    if (client === null) return;
    try {
      if (client.hello.build === build) return;
      onReplaced?.(await this.replaceBy(client));
    } catch (error) {
      // It serves, and that is what counts.
      const lost = error instanceof ControlLost;
      onKept?.(lost ? unreachable(stateDir, error).message : messageOf(error));
    } finally {
      client.close();
    }
  }

  private async replaceBy(client: ControlClient): Promise<ProxyReplaced> {
    const { pid: fromPid, build: from = null, handover } = client.hello;
    if (handover === undefined) throw cannotGiveWay(fromPid);
    const sinceMs = performance.now();
    const { command } = this.options;
    const call = { op: 'replace', command, env: this.environment() } as const;
    const { pid: toPid } = (await client.call(call, REPLACE_TIMEOUT_MS)) as { readonly pid: number };
    const tookMs = Math.round(performance.now() - sinceMs);
    return { from, fromPid, to: this.options.build ?? null, toPid, tookMs };
  }

  private get controlPath(): string {
    return join(this.options.stateDir, CONTROL_SOCKET);
  }

  /** Compiled code is kept, so that a proxy that has to be started again serves within a fraction of a second. */
  private environment(): Readonly<Record<string, string>> {
    const own = Object.entries(process.env).filter((each): each is [string, string] => each[1] !== undefined);
    return { ...Object.fromEntries(own), NODE_COMPILE_CACHE: join(this.options.stateDir, 'compile-cache') };
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
        // Its end is noticed in a turn of the event loop, which this one must let go by.
        if (this.client === client) await pause(1);
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
    let lastError: unknown = null;
    let spawnAtMs = 0;
    while (performance.now() < deadlineMs && !this.closed) {
      try {
        return this.adopt(await ControlClient.open(this.controlPath, HELLO_TIMEOUT_MS));
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
      if (this.client === client) this.client = null;
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
    const env = this.environment();
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

function cannotGiveWay(pid: number): OperatingError {
  return new OperatingError(
    'TRAFFIC_PROXY_KEPT',
    `The running proxy (pid ${pid}) is of a version that cannot give way to another one; it serves as before. End it at a quiet moment (kill ${pid}): this server then starts its own.`,
    { retryable: false },
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
