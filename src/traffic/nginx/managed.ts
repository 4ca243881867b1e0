import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, OperatingError } from '../../lib/errors.ts';
import { checkVersion, runProxy } from '../proxy-command.ts';
import { masterOf, orphansOf, workersOf } from './processes.ts';
import { NGINX } from './program.ts';
import { renderMain } from './render-common.ts';

export type ManagedOptions = {
  readonly root: string;
  /** Program that is nginx. */
  readonly binary: string;
  /** At the top of `http`. */
  readonly extra: string;
  /** A worker died, or all of it: what was not written to the logs yet is gone. */
  readonly onDeath: () => void;
};

const LOOK_MS = 500;
const START_MS = 8000;
const POLL_MS = 20;
const RETRY_MS = 2000;
const MOST_COMPLAINTS = 64 * 1024;

/** An nginx of Bascule's own: not root's, in the state directory; it outlives the controller and is found again. */
export class ManagedNginx {
  readonly directory: string;
  readonly test: readonly string[];
  private readonly options: ManagedOptions;
  private readonly pidFile: string;
  private readonly base: readonly string[];
  private master: number | null = null;
  private workers = new Set<number>();
  private timer: NodeJS.Timeout | null = null;
  private starting: Promise<void> | null = null;
  private closed = false;

  constructor(options: ManagedOptions) {
    this.options = options;
    this.directory = join(options.root, 'conf');
    this.pidFile = join(options.root, 'nginx.pid');
    this.base = [options.binary, '-p', options.root, '-c', join(options.root, 'nginx.conf')];
    this.test = [...this.base, '-t', '-q'];
  }

  get pid(): number | null {
    return masterOf(this.pidFile);
  }

  /** Finds it running or starts it. Errors: TRAFFIC_PROXY_MISSING, TRAFFIC_PROXY_TOO_OLD, TRAFFIC_UNREACHABLE. */
  async ensure(): Promise<void> {
    if (this.closed || (this.master !== null && this.pid === this.master)) return;
    this.starting ??= this.start().finally(() => {
      this.starting = null;
    });
    await this.starting;
  }

  async reload(): Promise<void> {
    await this.ensure();
    this.signal('SIGHUP');
  }

  async reopen(): Promise<void> {
    this.signal('SIGUSR1');
    return Promise.resolve();
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

  /** The last lines of its own log. */
  complaints(): string {
    try {
      const lines = readFileSync(join(this.options.root, 'error.log'), 'latin1').trim().split('\n');
      return lines
        .filter((line) => /\[(emerg|alert|crit)\]/.test(line))
        .slice(-3)
        .join('; ');
    } catch {
      return '';
    }
  }

  private async start(): Promise<void> {
    const { root, binary, extra } = this.options;
    const wasKnown = this.master !== null;
    this.prepare(root);
    const running = this.pid;
    if (running === null) {
      await checkVersion(NGINX, [binary, '-v']);
      if (wasKnown) this.options.onDeath();
      await this.end('SIGQUIT');
      writeFileSync(join(root, 'nginx.conf'), renderMain({ root, user: workerUser(), extra }));
      const { code, output } = await runProxy(NGINX, this.base);
      if (code !== 0 || !(await this.appears())) throw this.failed(output);
      // Whoever counts begins anew where nobody knows what there was before.
      if (!wasKnown) this.options.onDeath();
    }
    this.master = this.pid;
    this.workers = new Set(this.master === null ? [] : workersOf(this.master).keys());
    this.watch();
  }

  private prepare(root: string): void {
    for (const name of ['', 'conf', 'tmp', 'log', 's']) {
      const directory = join(root, name);
      mkdirSync(directory, { recursive: true });
      // Workers walk through, whatever the umask says.
      chmodSync(directory, 0o711);
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
      this.missWorkers();
    } catch {
      // Whoever calls is told; here there is only trying again.
      waitMs = RETRY_MS;
    }
    if (this.closed) return;
    await new Promise((resolve) => {
      setTimeout(resolve, waitMs).unref();
    });
    this.watch();
  }

  /** A worker that was killed took its buffer with it; one that a reload ends writes it out first. */
  private missWorkers(): void {
    const now = this.master === null ? new Map<number, 'serving' | 'leaving'>() : workersOf(this.master);
    const gone = [...this.workers].filter((pid) => !now.has(pid));
    this.workers = new Set(now.keys());
    if (gone.length > 0 && this.deaths().some((pid) => gone.includes(pid))) this.options.onDeath();
  }

  /** Workers that ended by a signal, as the master told last. */
  private deaths(): number[] {
    try {
      const file = join(this.options.root, 'error.log');
      const text = readFileSync(file, 'latin1').slice(-MOST_COMPLAINTS);
      return [...text.matchAll(/worker process (\d+) exited (?:on signal|with fatal code)/g)].map(([, pid]) =>
        Number(pid),
      );
    } catch {
      return [];
    }
  }

  private signal(signal: NodeJS.Signals): void {
    const { pid } = this;
    if (pid === null) throw this.failed('it does not run');
    process.kill(pid, signal);
  }

  private async appears(): Promise<boolean> {
    const deadline = performance.now() + START_MS;
    while (this.pid === null && performance.now() < deadline) await pause();
    return this.pid !== null;
  }

  /** Ends what is left of it and waits until it holds no port any more. */
  private async end(signal: NodeJS.Signals): Promise<void> {
    const { root } = this.options;
    const deadline = performance.now() + START_MS;
    const told = new Set<number>();
    for (;;) {
      const left = orphansOf(root).filter((pid) => signal !== 'SIGQUIT' || !told.has(pid));
      if (left.length === 0 || performance.now() > deadline) break;
      for (const pid of left) {
        if (!told.has(pid)) kill(pid, signal);
        told.add(pid);
      }
      await pause();
    }
    rmSync(this.pidFile, { force: true });
  }

  private failed(why: string): OperatingError {
    return new OperatingError(
      'TRAFFIC_UNREACHABLE',
      `The nginx of ${this.options.root} could not be started or told: ${messageOf(why)} ${this.complaints()}`,
      { retryable: true },
    );
  }
}

/** Workers of a master that is root's: somebody who owns nothing. */
function workerUser(): string | null {
  if (process.geteuid?.() !== 0) return null;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const groups = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['www-data', 'nginx', 'nobody']) {
    const user = users.find((one) => one[0] === name);
    const group = groups.find((one) => one[2] === user?.[3]);
    if (user !== undefined && group !== undefined) return `${name} ${group[0]}`;
  }
  return 'nobody';
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, POLL_MS);
  });
}
