import { resolve } from 'node:path';
import { EXIT } from '../exit-codes.ts';
import { stateDirOf } from '../locate.ts';
import type { Verb } from '../verb.ts';

export type ServeOptions = {
  /** Absolute. */
  readonly stateDir: string;
  /** The server's own file, absolute; null: `server.yaml` in the state directory, if there is one. */
  readonly configFile: string | null;
};

/** Only main.ts knows what a server is made of. Runs until the server is told to stop. */
export function serveVerb(run: (options: ServeOptions) => Promise<void>): Verb {
  return {
    configure: (command) =>
      command.option('--config <file>', 'the server’s own file; default: server.yaml in its directory'),
    run: async ({ io, where, options }) => {
      const configFile = typeof options['config'] === 'string' ? resolve(io.cwd, options['config']) : null;
      await run({ stateDir: stateDirOf(where, io), configFile });
      return EXIT.done;
    },
  };
}
