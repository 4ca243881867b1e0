import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { messageOf, OperatingError } from '../../lib/errors.ts';
import { checkVersion, searchPath } from '../proxy-command.ts';
import { MasterSocket } from './master.ts';
import { processesOf, workerUser } from './processes.ts';
import { HAPROXY } from './program.ts';
import type { ProxyProcess } from './proxy-process.ts';
import { renderMain, renderServices } from './render.ts';

export type ManagedOptions = {
  readonly root: string;
  /** Program that is HAProxy. */
  readonly binary: string;
  /** It died: what was under way is not in the log. */
  readonly onDeath: () => void;
};

/** The descriptor that the access log has: the lowest that HAProxy does not use at its start. */
const LOG_FD = 9;
const LOOK_MS = 300;
const START_MS = 8000;
const POLL_MS = 20;
const RETRY_MS = 2000;
const MOST_PATH = 90;
const MOST_MESSAGES = 4 * 1024 * 1024;
const MAX_CONNECTIONS = 10_000;
/** Each connection has one to its client and one to the application; some files are HAProxy's own. */
const OWN_FILES = 1000;

/** An HAProxy of Bascule's own, in the state directory; it outlives the controller and is found again. */
export class ManagedHaproxy implements ProxyProcess {
  readonly master: MasterSocket;
  readonly file: string;
  readonly logTarget = `fd@${LOG_FD}`;
  readonly logFile: string;
  readonly test: readonly string[];
  readonly isManaged = true;
  private readonly options: ManagedOptions;
  private readonly mainFile: string;
  private known: number | null = null;
  private timer: NodeJS.Timeout | null = null;
  private starting: Promise<void> | null = null;
  private closed = false;

  constructor(options: ManagedOptions) {
    const { root, binary } = options;
    this.options = options;
    this.mainFile = join(root, 'main.cfg');
    this.file = join(root, 'services.cfg');
    this.logFile = join(root, 'access.log');
    this.master = new MasterSocket(join(root, 'master.sock'));
    this.test = [binary, '-c', '-f', this.mainFile, '-f', `${this.file}.new`];
  }

  /** Of the master that was seen last. */
  get pid(): number | null {
    return this.known;
  }

  async ensure(): Promise<void> {
    if (this.closed || (this.known !== null && isAlive(this.known))) return;
    this.starting ??= this.start().finally(() => {
      this.starting = null;
    });
    await this.starting;
  }

  complaints(): string {
    try {
      const lines = readFileSync(this.messagesFile, 'latin1').trim().split('\n');
      return lines
        .filter((line) => line.includes('[ALERT]'))
        .slice(-3)
        .join('; ');
    } catch {
      return '';
    }
  }

  /** Lets go of it; it serves on. */
  close(): void {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  /** Ends it; what is in flight is cut. */
  async stop(): Promise<void> {
    this.close();
    await this.end('SIGTERM');
  }

  private get messagesFile(): string {
    return join(this.options.root, 'haproxy.log');
  }

  private async start(): Promise<void> {
    const wasKnown = this.known !== null;
    const { root, binary } = this.options;
    const running = wasKnown ? null : await this.answering();
    if (running === null) {
      if (this.master.path.length > MOST_PATH)
        throw this.failed(`its socket's path is longer than ${MOST_PATH} bytes`);
      await checkVersion(HAPROXY, [binary, '-v']);
      this.options.onDeath();
      // Workers of a master that was killed hold the ports: they end what they have.
      await this.end('SIGUSR1');
      mkdirSync(root, { recursive: true });
      writeFileSync(
        this.mainFile,
        renderMain({ user: workerUser(), root, maxConnections: mostConnections() }),
      );
      if (!existsSync(this.file)) writeFileSync(this.file, renderServices([], this.logTarget));
      await this.spawn();
    }
    this.known = running ?? (await this.answering());
    this.watch();
  }

  private async spawn(): Promise<void> {
    const { root, binary } = this.options;
    const messages = openSync(
      this.messagesFile,
      sizeOf(this.messagesFile) > MOST_MESSAGES ? 'w' : 'a',
      0o600,
    );
    const log = this.openLog();
    const unused = Array.from({ length: LOG_FD - 3 }, () => 'ignore' as const);
    rmSync(this.master.path, { force: true });
    const ending: { why: string | null } = { why: null };
    const child = spawn(
      binary,
      ['-W', '-S', `${this.master.path},mode,600`, '-f', this.mainFile, '-f', this.file],
      {
        cwd: root,
        detached: true,
        stdio: ['ignore', messages, messages, ...unused, log],
        env: { ...process.env, PATH: searchPath() },
      },
    );
    child.once('error', (error) => (ending.why = messageOf(error)));
    child.once('exit', (code, signal) => (ending.why = `it ended at once (${signal ?? code})`));
    child.unref();
    closeSync(messages);
    closeSync(log);
    const deadline = performance.now() + START_MS;
    while ((await this.answering()) === null) {
      if (ending.why !== null) throw this.failed(ending.why);
      if (performance.now() > deadline) throw this.failed(`its socket does not answer within ${START_MS}ms`);
      await pause(POLL_MS);
    }
  }

  /**
   * A file of its own for every start: HAProxy takes O_APPEND away from the descriptor, so workers of a master that was
   * killed would write over what the new ones wrote.
   */
  private openLog(): number {
    if (sizeOf(this.logFile) > 0) renameSync(this.logFile, `${this.logFile}.${Date.now()}`);
    return openSync(this.logFile, 'a', 0o600);
  }

  /** The master's process id, once it has a worker. */
  private async answering(): Promise<number | null> {
    try {
      const { master, current } = await this.master.workers();
      return current === null || !processesOf(this.mainFile).includes(master) ? null : master;
    } catch {
      return null;
    }
  }

  private watch(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), LOOK_MS);
    this.timer.unref();
  }

  private async look(): Promise<void> {
    let waitMs = 0;
    try {
      await this.ensure();
    } catch {
      // Whoever calls is told; here there is only trying again.
      waitMs = RETRY_MS;
    }
    if (this.closed) return;
    await pause(waitMs, 'unref');
    this.watch();
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const deadline = performance.now() + START_MS;
    const told = new Set<number>();
    for (;;) {
      // Those that end what they have hold no port any more.
      const left = processesOf(this.mainFile).filter((pid) => signal !== 'SIGUSR1' || !told.has(pid));
      if (left.length === 0 || performance.now() > deadline) break;
      for (const pid of left) if (!told.has(pid)) kill(pid, signal);
      for (const pid of left) told.add(pid);
      await pause(POLL_MS);
    }
  }

  private failed(why: string): OperatingError {
    return new OperatingError(
      'TRAFFIC_UNREACHABLE',
      `The HAProxy of ${this.options.root} could not be started: ${why}. ${this.complaints()}`.trim(),
      { retryable: true },
    );
  }
}

/** HAProxy does not start where it may not open as many files as it would need. */
function mostConnections(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const hard = Number(/^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  return Math.max(100, Math.min(MAX_CONNECTIONS, Math.floor((hard - OWN_FILES) / 2)));
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

function pause(ms: number, hold: 'ref' | 'unref' = 'ref'): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    if (hold === 'unref') timer.unref();
  });
}
