import { resolve } from 'node:path';
import { EXIT } from '../exit-codes.ts';
import { stateDirOf } from '../locate.ts';
import { printJson, type Verb } from '../verb.ts';

export type RestoreOptions = {
  readonly stateDir: string;
  readonly file: string;
  readonly keyFile: string | null;
  readonly force: boolean;
};

export type RestoreResult = {
  readonly atMs: number;
  readonly chain: { readonly seq: number; readonly mac: string };
  readonly services: readonly string[];
  readonly aside: string | null;
};

/** Only main.ts knows what a state directory is made of. */
export function restoreVerb(run: (options: RestoreOptions) => Promise<RestoreResult>): Verb {
  return {
    configure: (command) =>
      command
        .option('--key <file>', 'copy of the journal’s key; default: the one in the state directory')
        .option('--force', 'put aside a journal that is there'),
    run: async ({ io, where, args, options, json }) => {
      const stateDir = stateDirOf(where, io);
      const keyFile = typeof options['key'] === 'string' ? resolve(io.cwd, options['key']) : null;
      const file = resolve(io.cwd, args[0]!);
      const restored = await run({ stateDir, file, keyFile, force: options['force'] === true });
      const { atMs, chain, services, aside } = restored;
      if (json) {
        printJson(io, { stateDir, ...restored });
        return EXIT.done;
      }
      const names = services.length === 0 ? 'no services' : services.join(', ');
      io.out(
        `${stateDir} is as of ${new Date(atMs).toISOString()}: ${names}; chain to event ${chain.seq}, mac ${chain.mac.slice(0, 16)}\n`,
      );
      if (aside !== null) io.out(`what was there is in ${aside}\n`);
      io.out('What was released after that is not known any more. Put secrets/ back, then: bascule serve\n');
      return EXIT.done;
    },
  };
}
