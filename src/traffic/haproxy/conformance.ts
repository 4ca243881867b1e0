import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import type { HaproxyProxy } from '../../release/service.ts';
import type { RouterBench } from '../conformance.ts';
import { processesOf } from './processes.ts';
import { HaproxyRouter, type HaproxyRouterOptions } from './router.ts';

export const MANAGED: HaproxyProxy = {
  kind: 'haproxy',
  managed: true,
  directory: '/etc/haproxy/bascule',
  socket: '/run/haproxy-master.sock',
  log: '/var/log/bascule/haproxy.log',
  tls: null,
  connectTimeoutMs: 1000,
  readTimeoutMs: 10_000,
};

/** A managed HAProxy in a directory of its own, for tests. */
export type HaproxyBench = RouterBench & { readonly router: HaproxyRouter; readonly root: string };

export async function openHaproxy(options: Partial<HaproxyRouterOptions> = {}): Promise<HaproxyBench> {
  const root = await mkdtemp(join(tmpdir(), 'bascule-haproxy-'));
  const router = new HaproxyRouter({ root, clock: systemClock, ...options });
  await router.start();
  return {
    router,
    root,
    proxy: MANAGED,
    restart: async () => {
      const before = router.managed.pid;
      for (const pid of processesOf(join(root, 'main.cfg'))) process.kill(pid, 'SIGKILL');
      while (router.managed.pid === before) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    close: async () => {
      router.close();
      await router.managed.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}
