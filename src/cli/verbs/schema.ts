import { EXIT } from '../exit-codes.ts';
import type { Verb } from '../verb.ts';

export const schema: Verb = {
  run: async ({ io }) => {
    const { renderJsonSchema } = await import('../../release/json-schema.ts');
    io.out(renderJsonSchema());
    return EXIT.done;
  },
};
