import { EXIT } from '../exit-codes.ts';
import { stateDirOf } from '../locate.ts';
import { wholeNumber } from '../values.ts';
import type { Verb } from '../verb.ts';

export type ProxyOptions = { readonly stateDir: string; readonly workers: number | null };

/** The data plane. The server starts it; `--state-dir` is the proxy's own directory. */
export function proxyVerb(run: (options: ProxyOptions) => Promise<void>): Verb {
  return {
    configure: (command) => command.option('--workers <n>', 'worker processes'),
    run: async ({ io, where, options }) => {
      const workers =
        options['workers'] === undefined ? null : wholeNumber('--workers', options['workers'], 1);
      await run({ stateDir: stateDirOf(where, io), workers });
      return EXIT.done;
    },
  };
}
