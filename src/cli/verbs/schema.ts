import { renderJsonSchema } from '../../release/json-schema.ts';
import { EXIT } from '../exit-codes.ts';
import type { Verb } from '../verb.ts';

export const schema: Verb = {
  name: 'schema',
  group: 'Other',
  describe: 'the JSON Schema of bascule.yaml, for editors',
  configure: () => undefined,
  run: ({ io }) => {
    io.out(renderJsonSchema());
    return Promise.resolve(EXIT.done);
  },
};
