import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import type { NginxProxy } from '../../release/service.ts';
import type { RouterBench } from '../conformance.ts';
import { NginxRouter, type NginxRouterOptions } from './router.ts';
import { orphansOf } from './processes.ts';

export const MANAGED: NginxProxy = {
  kind: 'nginx',
  managed: true,
  mode: 'file',
  directory: '/etc/nginx/bascule',
  tls: null,
  include: null,
  connectTimeoutMs: 1000,
  readTimeoutMs: 10_000,
};

/** A managed nginx in a directory of its own, for tests. */
export type NginxBench = RouterBench & { readonly router: NginxRouter; readonly root: string };

export async function openNginx(options: Partial<NginxRouterOptions> = {}): Promise<NginxBench> {
  const root = await mkdtemp(join(tmpdir(), 'bascule-nginx-'));
  // Workers may be of another user.
  await chmod(root, 0o755);
  const router = new NginxRouter({ root, clock: systemClock, ...options });
  await router.start();
  return {
    router,
    root,
    proxy: MANAGED,
    cannot: { cut: 'nginx ends no single requests: they end with the processes that answer them' },
    restart: async () => {
      const before = router.managed.pid!;
      for (const pid of orphansOf(root)) process.kill(pid, 'SIGKILL');
      while (router.managed.pid === before || router.managed.pid === null)
        await new Promise((resolve) => setTimeout(resolve, 5));
    },
    close: async () => {
      router.close();
      await router.managed.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}
