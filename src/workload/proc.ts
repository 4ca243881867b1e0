import { readFileSync, readdirSync } from 'node:fs';

/** One process as Linux shows it in /proc/PID/stat (proc_pid_stat(5)). */
export type ProcessStat = {
  readonly pid: number;
  /** Name of the executable, at most 15 characters. */
  readonly name: string;
  /** `R`, `S`, …; `Z` and `X` are dead. */
  readonly state: string;
  readonly group: number;
  readonly session: number;
  /** Field 22: clock ticks from boot to start. With the pid and the boot id it names a process for ever. */
  readonly startTicks: number;
};

/** Null when there is no such process. A zombie is there: its pid cannot be given to another yet. */
export function readStat(pid: number): ProcessStat | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  return parseStat(text);
}

/** The name may itself hold spaces and parentheses: only the last `)` ends it. */
export function parseStat(text: string): ProcessStat {
  const nameStart = text.indexOf('(');
  const nameEnd = text.lastIndexOf(')');
  const rest = text.slice(nameEnd + 2).split(' ');
  return {
    pid: Number(text.slice(0, nameStart)),
    name: text.slice(nameStart + 1, nameEnd),
    state: rest[0]!,
    group: Number(rest[2]),
    session: Number(rest[3]),
    startTicks: Number(rest[19]),
  };
}

export function isDead(stat: ProcessStat): boolean {
  return stat.state === 'Z' || stat.state === 'X';
}

/** Every process that this one may see. */
export function listPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Whether all these variables were in the process's environment when it started. False when it may not be read. */
export function hasEnvironment(pid: number, variables: Readonly<Record<string, string>>): boolean {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return false;
  }
  const present = new Set(text.split('\0'));
  return Object.entries(variables).every(([name, value]) =>
    present.has(Buffer.from(`${name}=${value}`).toString('latin1')),
  );
}

/** `pid 123 (python3 app.py)`, cut to what fits a line. */
export function describePid(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
    return words === '' ? `pid ${pid}` : `pid ${pid} (${words.slice(0, 80)})`;
  } catch {
    return `pid ${pid}`;
  }
}
