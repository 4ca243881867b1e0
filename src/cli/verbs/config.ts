import { EXIT } from '../exit-codes.ts';
import { readSpecFile } from '../spec-file.ts';
import { printJson, type Verb } from '../verb.ts';

export const config: Verb = {
  configure: (command) => command.option('--file <file>', 'the file to read', 'bascule.yaml'),
  run: async (context) => {
    const file = await readSpecFile(context);
    if (context.json) printJson(context.io, { services: file.services });
    else {
      const { expandConfig } = await import('../../release/expand.ts');
      context.io.out(expandConfig({ services: file.services }));
    }
    return EXIT.done;
  },
};
