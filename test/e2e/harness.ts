import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { judgedAgain } from './judged-again.ts';
import { directoryPrefix, endAtExit, endProcesses, findProcesses } from './processes.ts';
import type { FoundProcess, Mark } from './processes.ts';
import { waitFor } from './wait-for.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const MAX_OUTPUT = 10_000_000;
/** What a verb says when nobody answers at the socket (interface.md). */
const EXIT_UNREACHABLE = 4;

export type Ran = {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code, or null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly tookMs: number;
};

export type RunOptions = {
  readonly cwd?: string;
  /** Beside PATH and HOME; nothing else of this process's environment is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** 60 s by default; past it the command is killed, and `run` throws. */
  readonly withinMs?: number;
};

export type Controller = {
  readonly pid: number;
  /** All that it wrote so far, both streams. */
  log(): string;
  /** Sends a signal, waits for its end, and returns its exit code, or null when the signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
};

/** A verb that has not ended yet. */
export type Running = {
  readonly pid: number;
  /** All that it wrote so far, both streams. */
  output(): string;
  signal(signal: NodeJS.Signals): void;
  /** Its end, as `run` tells it. */
  readonly ran: Promise<Ran>;
};

/** A machine of one's own for a test through the real program: state, working directories, and every process. */
export type World = {
  /** Temporary; gone after `close`. */
  readonly directory: string;
  readonly stateDirectory: string;
  /** Starts `bascule serve` with further arguments; resolves once verbs reach it. Call it again after `stop` to start it anew. */
  serve(options?: {
    readonly args?: readonly string[];
    readonly env?: RunOptions['env'];
  }): Promise<Controller>;
  /** Runs a verb to its end, on this world's state directory. */
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Begins a verb that is to be watched, signalled or outlived. */
  begin(args: readonly string[], options?: RunOptions): Running;
  /** Every living process that belongs to this world: controller, proxy, applications. */
  processes(): FoundProcess[];
  /** Holds every rollout against its replay (judged-again.ts), ends all of them by pid, and takes the directory away. Call it in `t.after`, so that a failed test leaves nothing. */
  close(): Promise<void>;
};

/** `program` is what stands before the verb: the command under test. */
export async function createWorld(program: readonly string[] = [process.execPath, MAIN]): Promise<World> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), directoryPrefix(process.ppid))));
  const stateDirectory = join(directory, 'state');
  await mkdir(stateDirectory);
  const id = randomUUID();
  const mark: Mark = { environment: `BASCULE_E2E=${id}`, directory };
  // A test that is cut off by its time limit does not get to `close`.
  const closed = endAtExit(mark);
  const { PATH = '', HOME = '' } = process.env;
  const start = (args: readonly string[], { cwd, env }: RunOptions): Child => {
    const [command = '', ...before] = program;
    return startChild([command, ...before, ...args], {
      cwd: cwd ?? directory,
      env: { PATH, HOME, BASCULE_E2E: id, ...env },
    });
  };
  const run = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    toEnd(start([...args, '--state-dir', stateDirectory], options), args, options);
  const begin = (args: readonly string[], options: RunOptions = {}): Running => {
    const child = start([...args, '--state-dir', stateDirectory], options);
    const ran = toEnd(child, args, options);
    // Whoever waits for it hears of it.
    ran.catch(() => undefined);
    return {
      pid: child.process.pid!,
      output: () => child.both.join(''),
      signal: (signal) => void child.process.kill(signal),
      ran,
    };
  };
  return {
    directory,
    stateDirectory,
    run,
    begin,
    serve: async ({ args = [], env = {} } = {}) => {
      const child = start(['serve', ...args, '--state-dir', stateDirectory], { env });
      await reachable(child, async () => (await run(['status'])).code !== EXIT_UNREACHABLE);
      return controllerOf(child);
    },
    processes: () => findProcesses(mark),
    close: async () => {
      try {
        await judgedAgain(stateDirectory);
      } finally {
        await endProcesses(mark);
        await rm(directory, { recursive: true, force: true });
        closed();
      }
    },
  };
}

type Child = {
  readonly process: ReturnType<typeof spawn>;
  readonly stdout: string[];
  readonly stderr: string[];
  /** Both, in the order in which they came. */
  readonly both: string[];
  readonly ended: Promise<void>;
};

type Place = { readonly cwd: string; readonly env: Readonly<Record<string, string>> };

function startChild([command = '', ...args]: readonly string[], place: Place): Child {
  const child = spawn(command, args, { ...place, stdio: 'pipe' });
  const ended = once(child, 'close').then(() => undefined);
  // Whoever waits for the end hears of it; nobody may be waiting yet.
  ended.catch(() => undefined);
  const started: Child = { process: child, stdout: [], stderr: [], both: [], ended };
  child.stdin.on('error', () => undefined);
  collect(child.stdout, [started.stdout, started.both]);
  collect(child.stderr, [started.stderr, started.both]);
  return started;
}

function collect(stream: NodeJS.ReadableStream, into: readonly string[][]): void {
  let length = 0;
  stream.setEncoding('utf8').on('data', (text: string) => {
    length += text.length;
    if (length <= MAX_OUTPUT) for (const parts of into) parts.push(text);
  });
}

async function toEnd(child: Child, args: readonly string[], options: RunOptions): Promise<Ran> {
  const { input = '', withinMs = 60_000 } = options;
  const beganMs = performance.now();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.process.kill('SIGKILL');
  }, withinMs);
  child.process.stdin!.end(input);
  await child.ended.finally(() => clearTimeout(timer));
  if (late)
    throw new Error(
      `"${args.join(' ')}" did not end within ${withinMs} ms; it wrote:\n${child.both.join('')}`,
    );
  return {
    stdout: child.stdout.join(''),
    stderr: child.stderr.join(''),
    code: child.process.exitCode,
    signal: child.process.signalCode,
    tookMs: performance.now() - beganMs,
  };
}

async function reachable(child: Child, answers: () => Promise<boolean>): Promise<void> {
  const hasEnded = (): boolean => child.process.exitCode !== null || child.process.signalCode !== null;
  try {
    await waitFor('the controller to answer', async () => hasEnded() || answers(), { withinMs: 60_000 });
  } catch (error) {
    child.process.kill('SIGKILL');
    throw new Error(`the controller does not answer; it wrote:\n${child.both.join('')}`, { cause: error });
  }
  if (hasEnded()) throw new Error(`the controller ended at once; it wrote:\n${child.both.join('')}`);
}

function controllerOf(child: Child): Controller {
  return {
    pid: child.process.pid!,
    log: () => child.both.join(''),
    stop: async (signal = 'SIGTERM') => {
      child.process.kill(signal);
      await child.ended;
      return child.process.exitCode;
    },
    ended: child.ended,
  };
}
