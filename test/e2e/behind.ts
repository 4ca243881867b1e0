import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ProxySpec } from '../../src/release/service.ts';
import type { TrafficRouter } from '../../src/traffic/router.ts';
import { openHaproxy } from '../../src/traffic/haproxy/conformance.ts';
import { processesOf } from '../../src/traffic/haproxy/processes.ts';
import { openNginx } from '../../src/traffic/nginx/conformance.ts';
import { orphansOf } from '../../src/traffic/nginx/processes.ts';

/** A proxy that others make, in an instance that Bascule owns. */
export type OthersKind = 'nginx' | 'haproxy';

export const OTHERS: readonly OthersKind[] = ['nginx', 'haproxy'];

export type Behind = {
  readonly router: TrafficRouter & { close(): void };
  readonly spec: ProxySpec;
  /** Everything that it keeps. */
  readonly root: string;
  /** All of its processes, the oldest first. */
  pids(): readonly number[];
  /** Reads its configuration anew, as its owner may at any time. */
  readonly reload: () => Promise<void>;
  /** Ends it. */
  readonly close: () => Promise<void>;
};

/** Why it cannot run here, or null. */
export function absentProxy(kind: OthersKind): string | null {
  const folders = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin'];
  return folders.some((folder) => existsSync(`${folder}/${kind}`)) ? null : `${kind} is not installed`;
}

export function othersKind(name: string | undefined): OthersKind {
  const kind = OTHERS.find((one) => one === name);
  if (kind === undefined) throw new Error(`--proxy takes ${OTHERS.join(' or ')}`);
  return kind;
}

/** Starts one in a temporary directory of its own; ends it also when this process ends as it should not. */
export async function openBehind(kind: OthersKind): Promise<Behind> {
  const opened = await OPENERS[kind]();
  process.once('exit', () => {
    for (const pid of opened.pids()) end(pid);
  });
  return opened;
}

const OPENERS: Readonly<Record<OthersKind, () => Promise<Behind>>> = {
  nginx: async () => {
    const bench = await openNginx();
    const { router, root, proxy } = bench;
    return {
      router,
      spec: proxy!,
      root,
      pids: () => orphansOf(root).toSorted((a, b) => a - b),
      reload: () => router.managed.reload(),
      close: () => bench.close(),
    };
  },
  haproxy: async () => {
    const { router, root, proxy, close } = await openHaproxy();
    const pids = (): number[] => processesOf(join(root, 'main.cfg')).toSorted((a, b) => a - b);
    return {
      router,
      spec: proxy!,
      root,
      pids,
      reload: async () => {
        process.kill(pids()[0]!, 'SIGUSR2');
        return Promise.resolve();
      },
      close,
    };
  },
};

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}
