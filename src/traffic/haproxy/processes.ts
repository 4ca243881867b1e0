import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** Processes of an HAProxy that was started with this file: the master, its workers, and those of a master that was killed. */
export function processesOf(configurationFile: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isStartedWith(pid, configurationFile));
}

function isStartedWith(pid: number, configurationFile: string): boolean {
  try {
    return (
      basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('haproxy') &&
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').includes(configurationFile)
    );
  } catch {
    return false;
  }
}

/** Somebody who owns nothing, for workers of a master that is root's; null where it is not. */
export function workerUser(): { readonly name: string; readonly group: string } | null {
  if (process.geteuid?.() !== 0) return null;
  const groups = rows('/etc/group');
  for (const name of ['haproxy', 'www-data', 'nobody']) {
    const user = rows('/etc/passwd').find((one) => one[0] === name);
    const group = groups.find((one) => one[2] === user?.[3]);
    if (user !== undefined && group !== undefined) return { name, group: group[0]! };
  }
  return null;
}

function rows(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
}
