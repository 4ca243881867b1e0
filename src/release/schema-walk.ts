import { z } from 'zod';

import type { Path } from './problem.ts';
import { FACTS, type Facts } from './values.ts';

/** Looking things up in the schema itself, so that messages and docs cannot differ from what is checked. */

/** Every schema that a value at `path` may have; several where a union stands on the way. */
export function schemasAt(root: z.core.$ZodType, path: Path): z.core.$ZodType[] {
  let found = branches(root);
  for (const part of path) found = found.flatMap((schema) => step(schema, part));
  return found;
}

/** Facts of the value at `path`, taken from the outermost schema that has some. */
export function factsAt(root: z.core.$ZodType, path: Path): Facts | undefined {
  return schemasAt(root, path)
    .map((schema) => FACTS.get(schema))
    .find((facts) => facts !== undefined);
}

/** Keys that may stand in a mapping at `path`. */
export function keysAt(root: z.core.$ZodType, path: Path): string[] {
  const keys = schemasAt(root, path).flatMap((schema) =>
    schema instanceof z.ZodObject ? Object.keys(schema.shape) : [],
  );
  return [...new Set(keys)];
}

/** The schema itself, then what it wraps or unites. */
function branches(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional) return branches(schema.unwrap());
  if (schema instanceof z.ZodUnion) return [schema, ...schema.options.flatMap(branches)];
  return [schema];
}

function step(schema: z.core.$ZodType, part: string | number): z.core.$ZodType[] {
  if (schema instanceof z.ZodObject) {
    // Names of people's own, where a mapping takes them beside its keys.
    const inner = Object.hasOwn(schema.shape, part)
      ? (schema.shape[part] as z.core.$ZodType)
      : schema.def.catchall;
    return inner === undefined || inner instanceof z.ZodNever ? [] : branches(inner);
  }
  if (schema instanceof z.ZodRecord) return branches(schema.valueType);
  return schema instanceof z.ZodArray ? branches(schema.element) : [];
}
