import { resolve } from 'node:path';
import type { Io } from '../io.ts';
import { stateDirOf } from '../locate.ts';
import type { Verb } from '../verb.ts';

export type ServeOptions = {
  /** Absolute. */
  readonly stateDir: string;
  /** The server's own file, absolute, or null for the defaults. */
  readonly config: string | null;
  readonly io: Io;
};

/** Only main.ts knows what a server is made of. */
export function serveVerb(run: (options: ServeOptions) => Promise<number>): Verb {
  return {
    name: 'serve',
    group: 'Other',
    describe: 'run the server of this machine',
    configure: (command) => command.option('--config <file>', 'the server’s own file'),
    run: ({ io, where, options }) => {
      const config = typeof options['config'] === 'string' ? resolve(io.cwd, options['config']) : null;
      return run({ stateDir: stateDirOf(where, io), config, io });
    },
  };
}
