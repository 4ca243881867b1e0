import type { Io } from '../io.ts';
import type { Verb } from '../verb.ts';

/** The data plane, started by the server; its arguments are its own. */
export function proxyVerb(run: (args: readonly string[], io: Io) => Promise<number>): Verb {
  return {
    name: 'proxy',
    group: null,
    describe: 'the built-in proxy; started by the server',
    configure: (command) => command.argument('[args...]').allowUnknownOption().passThroughOptions(),
    run: ({ io, args }) =>
      run(
        args.filter((arg) => arg !== undefined),
        io,
      ),
  };
}
