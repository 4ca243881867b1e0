import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { listOwnedListeners, type OwnedListener } from '../../workload/listeners.ts';
import { describePid, listPids } from '../../workload/proc.ts';

/** What runs, as far as this user may see it. */
export type Running = {
  readonly listeners: readonly OwnedListener[];
  /** The proxy of this state directory; null where it does not run. */
  readonly proxy: { readonly pid: number; readonly workers: readonly number[] } | null;
  /** Processes that were started in a release of this state directory. */
  readonly replicas: readonly { readonly pid: number; readonly service: string }[];
};

export function runningFor(stateDir: string): Running {
  const pids = listPids();
  return {
    listeners: listOwnedListeners(),
    proxy: proxyOf(stateDir, pids),
    replicas: replicasOf(stateDir, pids),
  };
}

function proxyOf(stateDir: string, pids: readonly number[]): Running['proxy'] {
  const directory = join(stateDir, 'proxy');
  const pid = pids.find((one) => {
    const words = textOf(`/proc/${one}/cmdline`).split('\0');
    const isProxy =
      words.some((word) => /(?:^|\/)proxy-program\.[jt]s$/u.test(word)) || words.includes('proxy');
    return isProxy && words[words.indexOf('--state-dir') + 1] === directory;
  });
  if (pid === undefined) return null;
  const children = textOf(`/proc/${pid}/task/${pid}/children`).trim();
  return { pid, workers: children === '' ? [] : children.split(' ').map(Number) };
}

function replicasOf(stateDir: string, pids: readonly number[]): Running['replicas'] {
  const releases = `${join(stateDir, 'releases')}/`;
  return pids.flatMap((pid) => {
    const cwd = cwdOf(pid);
    return cwd.startsWith(releases) ? [{ pid, service: cwd.slice(releases.length).split('/')[0]! }] : [];
  });
}

/** Names of services that have releases. */
export function releasedServices(stateDir: string): readonly string[] {
  try {
    return readdirSync(join(stateDir, 'releases'));
  } catch {
    return []; // none yet, or not ours to read
  }
}

/** `pid 12 (node)`: its program alone, as options may hold secrets. */
export function namePid(pid: number | null): string {
  if (pid === null) return 'a process of another user';
  return describePid(pid).replace(/ \((\S+) .*\)$/u, ' ($1)');
}

export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // gone, or of another user
  }
}

function cwdOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
