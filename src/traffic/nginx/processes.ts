import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

/** The master's process id of a pid file, while that process is an nginx. */
export function masterOf(pidFile: string): number | null {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').trim());
    return pid > 1 && isNginx(pid) ? pid : null;
  } catch {
    return null;
  }
}

/** Workers of a master; those that only finish what they have are told apart. */
export function workersOf(master: number): ReadonlyMap<number, 'serving' | 'leaving'> {
  const workers = new Map<number, 'serving' | 'leaving'>();
  for (const pid of childrenOf(master)) {
    try {
      const title = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      if (title.includes('worker process'))
        workers.set(pid, title.includes('shutting down') ? 'leaving' : 'serving');
    } catch {
      // It ended meanwhile.
    }
  }
  return workers;
}

/** Workers whose master was killed go on serving, and hold its ports: those that write to a file of this directory. */
export function orphansOf(root: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isNginx(pid) && writesBelow(pid, root));
}

function isNginx(pid: number): boolean {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('nginx');
  } catch {
    return false;
  }
}

function writesBelow(pid: number, root: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(join(root, 'error.log'));
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}
