import { z } from 'zod';

import { FILE, SERVICE } from './schema.ts';
import { FACTS } from './values.ts';

/** The JSON Schema (draft-07) of `bascule.yaml`, which editors check and complete by. */
export function jsonSchema(): Record<string, unknown> {
  const generated = z.toJSONSchema(FILE, {
    target: 'draft-7',
    io: 'input',
    override: ({ zodSchema, jsonSchema: out }) => {
      if (zodSchema === SERVICE) out.anyOf = [{ required: ['run'] }, { required: ['targets'] }];
      const facts = FACTS.get(zodSchema);
      if (facts?.default !== undefined) out.default = facts.default;
      if (facts?.defaultNote !== undefined)
        out.description = `${out.description ?? ''} Default: ${facts.defaultNote}.`;
    },
  });
  const { $schema, ...rest } = generated;
  return { $schema, title: 'bascule.yaml', ...rest };
}

export function renderJsonSchema(): string {
  return `${JSON.stringify(jsonSchema(), null, 2)}\n`;
}
