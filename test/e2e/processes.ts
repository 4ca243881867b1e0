import { readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export type FoundProcess = {
  readonly pid: number;
  /** Clock ticks after boot: with the pid, it names a process for good. */
  readonly startTicks: string;
  readonly command: string;
};

/** What makes a process one of ours: both are unique to one test. */
export type Mark = {
  /** `NAME=value` in its environment; null where nothing is set. */
  readonly environment: string | null;
  /** A temporary directory in which it works, or which one of its arguments names. */
  readonly directory: string;
};

/**
 * Every living process with the mark. Applications and the proxy are detached and outlive the controller, and
 * applications get a clean environment, so neither parents nor the environment alone would find all. Linux only.
 */
export function findProcesses(mark: Mark): FoundProcess[] {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (lookAt(name, mark) ?? []) : []));
  const ours = new Set(all.filter(({ marked }) => marked).map(({ pid }) => pid));
  // A worker may bear no mark itself. A child may stand before its parent, so go over it until nothing is added.
  for (let size = -1; size !== ours.size;) {
    size = ours.size;
    for (const { pid, parent } of all) if (ours.has(parent)) ours.add(pid);
  }
  return all
    .filter(({ pid }) => ours.has(pid))
    .map(({ pid, startTicks, command }) => ({ pid, startTicks, command }));
}

/** Kills, by pid, until none with the mark is left; throws with their commands if that takes longer than 5 s. */
export async function endProcesses(mark: Mark): Promise<void> {
  const endMs = performance.now() + 5000;
  for (;;) {
    const left = findProcesses(mark);
    if (left.length === 0) return;
    for (const { pid, startTicks } of left) endProcess(pid, startTicks);
    if (performance.now() > endMs)
      throw new Error(`could not end ${left.map(({ command }) => command).join('; ')}`);
    await sleep(20);
  }
}

const atExit = new Set<Mark>();

/**
 * Ends them, and takes the directory away, also when this process ends as it should not: a fault, Ctrl-C, a time limit.
 * Returns what calls that off.
 */
export function endAtExit(mark: Mark): () => void {
  if (atExit.size === 0) {
    process.once('exit', endAll);
    // Not `once`: timeout(1) signals a process and its group, and the second signal would end this in the middle.
    process.on('SIGINT', interrupted);
    process.on('SIGTERM', terminated);
  }
  atExit.add(mark);
  return () => {
    if (!atExit.delete(mark) || atExit.size > 0) return;
    process.off('exit', endAll).off('SIGINT', interrupted).off('SIGTERM', terminated);
  };
}

function endAll(): void {
  for (const mark of atExit) {
    // Nothing can be awaited any more. A parent may just have started a child: look again, a few times.
    for (let i = 0; i < 10; i++)
      for (const { pid, startTicks } of findProcesses(mark)) endProcess(pid, startTicks);
    rmSync(mark.directory, { recursive: true, force: true });
  }
}

function interrupted(): void {
  process.exit(130);
}

function terminated(): void {
  process.exit(143);
}

/** Beginning of the names of the directories in which the tests of a runner, a process of `node --test`, work. */
export function directoryPrefix(runner: number): string {
  return `bascule-e2e-${runner}-`;
}

/** Ends what the tests of a runner have left, a test process that was killed for example, and returns their commands. */
export function endLeft(runner: number): readonly string[] {
  const prefix = directoryPrefix(runner);
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if (!readlinkSync(`/proc/${name}/cwd`).includes(prefix) && !command.includes(prefix)) return [];
      endProcess(Number(name), statOf(name).startTicks);
      return [command];
    } catch {
      return []; // over, or of another user
    }
  });
}

function endProcess(pid: number, startTicks: string): void {
  try {
    if (statOf(String(pid)).startTicks === startTicks) process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

/** kill -9 of a process that a test has found by its own means. */
export function endByPid(pid: number): void {
  process.kill(pid, 'SIGKILL');
}

type Seen = FoundProcess & { readonly parent: number; readonly marked: boolean };

/** Null for this process, one that is over, and one of another user. */
function lookAt(name: string, mark: Mark): Seen | null {
  if (Number(name) === process.pid) return null;
  try {
    const { state, parent, startTicks } = statOf(name);
    if (state === 'Z') return null;
    const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid: Number(name), parent, startTicks, command, marked: isMarked(name, mark) };
  } catch {
    return null;
  }
}

function isMarked(name: string, { environment, directory }: Mark): boolean {
  if (isWithin(readlinkSync(`/proc/${name}/cwd`), directory)) return true;
  const variables = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0');
  if (environment !== null && variables.includes(environment)) return true;
  const [program = '', ...rest] = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
  return (
    program.endsWith('node') &&
    rest.some((argument) => isWithin(argument.replace(/^--[\w-]+=/, ''), directory))
  );
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

type Stat = { readonly state: string; readonly parent: number; readonly startTicks: string };

/** proc(5): the name is in brackets and may hold anything; then come state (3), parent (4) and start time (22). */
function statOf(name: string): Stat {
  const text = readFileSync(`/proc/${name}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, parent: Number(fields[1]), startTicks: fields[19]! };
}
