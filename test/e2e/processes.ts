import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export type FoundProcess = {
  readonly pid: number;
  /** Clock ticks after boot: with the pid, it names a process for good. */
  readonly startTicks: string;
  readonly command: string;
};

/** What makes a process one of ours: both are unique to one test. */
export type Mark = {
  /** `NAME=value` in its environment. */
  readonly environment: string;
  /** A temporary directory in which it works, or which one of its arguments names. */
  readonly directory: string;
};

/**
 * Every living process with the mark. Applications and the proxy are detached and outlive the controller, and
 * applications get a clean environment, so neither parents nor the environment alone would find all. Linux only.
 */
export function findProcesses(mark: Mark): FoundProcess[] {
  const found: FoundProcess[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      const stat = statOf(name);
      if (stat.state !== 'Z' && isMarked(name, mark)) {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        found.push({ pid: Number(name), startTicks: stat.startTicks, command });
      }
    } catch {
      // It ended meanwhile, or is another user's.
    }
  }
  return found;
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

function endProcess(pid: number, startTicks: string): void {
  try {
    if (statOf(String(pid)).startTicks === startTicks) process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

function isMarked(name: string, { environment, directory }: Mark): boolean {
  if (isWithin(readlinkSync(`/proc/${name}/cwd`), directory)) return true;
  const variables = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0');
  if (variables.includes(environment)) return true;
  const [program = '', ...rest] = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
  return (
    program.endsWith('node') &&
    rest.some((argument) => isWithin(argument.replace(/^--[\w-]+=/, ''), directory))
  );
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** proc(5): the name is in brackets and may hold anything; the state is field 3, the start time field 22. */
function statOf(name: string): { readonly state: string; readonly startTicks: string } {
  const text = readFileSync(`/proc/${name}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, startTicks: fields[19]! };
}
