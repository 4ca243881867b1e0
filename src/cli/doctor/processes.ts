import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { listOwnedListeners, type OwnedListener } from '../../workload/listeners.ts';
import { describePid, listPids, readStat } from '../../workload/proc.ts';

/** What runs, as far as this user may see it. */
export type Running = {
  readonly listeners: readonly OwnedListener[];
  /** The proxy of this state directory; null where it does not run. */
  readonly proxy: RunningProxy | null;
  /** Processes that were started in a release of this state directory. */
  readonly replicas: readonly { readonly pid: number; readonly service: string }[];
};

export type RunningProxy = {
  readonly pid: number;
  readonly workers: readonly number[];
  /** Null where it does not say. */
  readonly version?: string | null;
  /** Proxies that it took the place of, and that still have requests in flight. */
  readonly formers?: readonly number[];
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
  const found = pids.filter((one) => {
    const words = wordsOf(one);
    const isProxy =
      words.some((word) => /(?:^|\/)proxy-program\.[jt]s$/u.test(word)) || words.includes('proxy');
    return isProxy && words[words.indexOf('--state-dir') + 1] === directory;
  });
  const [pid, ...formers] = found.toSorted((one, other) => startedAt(other) - startedAt(one));
  if (pid === undefined) return null;
  const words = wordsOf(pid);
  const build = words.includes('--build') ? (words[words.indexOf('--build') + 1] ?? null) : null;
  return { pid, workers: workersOf(pid), version: build?.split('+')[0] ?? null, formers };
}

/** A proxy may have one more child for a moment: the one that takes its place. */
function workersOf(pid: number): readonly number[] {
  const children = textOf(`/proc/${pid}/task/${pid}/children`).trim();
  const all = children === '' ? [] : children.split(' ').map(Number);
  return all.filter((child) => wordsOf(child).some((word) => /worker-main\.[jt]s$/u.test(word)));
}

function startedAt(pid: number): number {
  return readStat(pid)?.startTicks ?? 0;
}

function wordsOf(pid: number): readonly string[] {
  return textOf(`/proc/${pid}/cmdline`).split('\0');
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
