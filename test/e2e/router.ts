import { fileURLToPath } from 'node:url';
import { type BuiltinRouter, builtinRouter } from '../../src/traffic/builtin/router.ts';
import { endProcesses } from './processes.ts';

const PROXY = fileURLToPath(new URL('proxy.ts', import.meta.url));

export type StartedRouter = {
  readonly router: BuiltinRouter;
  /** The proxy's parent process. */
  readonly pid: number;
  /** Ends the proxy's processes at once. */
  readonly stop: () => Promise<void>;
};

/**
 * The built-in proxy with its state in `directory`, a temporary one of the caller's. It is detached, as in use, and
 * outlives its caller: call `endAtExit` on the directory first.
 */
export async function startRouter(directory: string, workers: number): Promise<StartedRouter> {
  const mark = { environment: null, directory };
  const command = [process.execPath, PROXY, directory, String(workers)] as const;
  const router = builtinRouter({ stateDir: directory, command });
  try {
    await router.start();
  } catch (error) {
    router.close();
    await endProcesses(mark);
    throw error;
  }
  return {
    router,
    pid: router.pid()!,
    stop: async () => {
      router.close();
      await endProcesses(mark);
    },
  };
}
