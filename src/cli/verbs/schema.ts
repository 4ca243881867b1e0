import { EXIT } from '../exit-codes.ts';
import type { Verb } from '../verb.ts';

export const schema: Verb = {
  name: 'schema',
  group: 'Other',
  describe: 'the JSON Schema of bascule.yaml, for editors',
  configure: () => undefined,
  run: async ({ io }) => {
    const { renderJsonSchema } = await import('../../release/json-schema.ts');
    io.out(renderJsonSchema());
    return EXIT.done;
  },
};
