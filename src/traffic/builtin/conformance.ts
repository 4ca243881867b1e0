import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extname } from 'node:path';
import type { RouterBench } from '../conformance.ts';
import { type BuiltinRouter, builtinRouter } from './router.ts';

/** The built-in proxy in a directory of its own, for tests. */
export type BuiltinBench = RouterBench & {
  readonly router: BuiltinRouter;
  readonly stateDir: string;
  readonly command: readonly [string, ...string[]];
};

export async function openBuiltin(workers = 1): Promise<BuiltinBench> {
  const stateDir = await mkdtemp(join(tmpdir(), 'bascule-proxy-'));
  const command = proxyCommand(stateDir, workers);
  const router = builtinRouter({ stateDir, command });
  await router.start();
  return {
    router,
    stateDir,
    command,
    restart: async () => {
      const before = router.pid()!;
      process.kill(before, 'SIGKILL');
      while (router.pid() === before || router.pid() === null)
        await new Promise((resolve) => setTimeout(resolve, 5));
    },
    close: async () => {
      await router.stopProxy(0);
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** What `bascule proxy` does, without the command line around it. */
export function proxyCommand(stateDir: string, workers: number): [string, ...string[]] {
  const main = new URL(`./proxy-main${extname(import.meta.filename)}`, import.meta.url).href;
  const script = `import { runProxy } from ${JSON.stringify(main)};
    await runProxy({ stateDir: process.argv[1], workers: Number(process.argv[2]), build: process.argv[3] ?? null });`;
  return [process.execPath, '--input-type=module', '-e', script, stateDir, String(workers)];
}
