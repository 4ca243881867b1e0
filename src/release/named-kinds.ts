import { z } from 'zod';

/** What stands under a name in the server's own file: of the kind that is written, or of the one that the name is. */
export type NamedEntry = { readonly name: string; readonly fields: Readonly<Record<string, unknown>> };

type Kinds<Kind extends string, Resolved> = {
  /** In the order in which a message names them. */
  readonly kinds: readonly Kind[];
  readonly schemas: Readonly<Record<Kind, z.ZodType>>;
  /** What was meant, or what does not fit together in it. */
  readonly resolve: (name: string, kind: Kind, fields: unknown) => Resolved | string;
};

/** One entry by its kind, in a list; an empty one, and what is wrong in `context`, where it cannot be read. */
export function readKind<Kind extends string, Resolved extends object>(
  { name, fields: { kind: written, ...fields } }: NamedEntry,
  { kinds, schemas, resolve }: Kinds<Kind, Resolved>,
  context: z.RefinementCtx,
): Resolved[] {
  const refuse = (message: string, path: readonly PropertyKey[] = []): void =>
    context.addIssue({ code: 'custom', path: [name, ...path], message });
  const kind = kinds.find((one) => one === (written ?? name));
  if (kind === undefined) {
    refuse(`kind must be one of ${kinds.join(', ')}`);
    return [];
  }
  const parsed = schemas[kind].safeParse(fields);
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) refuse(message, path);
    return [];
  }
  const found = resolve(name, kind, parsed.data);
  if (typeof found !== 'string') return [found];
  refuse(found);
  return [];
}

/** A duration of one step over the network, in ms. */
export function attemptTimeout(example: string, fallbackMs: number) {
  return z
    .string()
    .regex(/^\d+(?:ms|s)$/u, `a duration such as ${example}`)
    .transform((text) => Number.parseInt(text, 10) * (text.endsWith('ms') ? 1 : 1000))
    .refine((ms) => ms >= 100 && ms <= 60_000, 'from 100ms to 60s')
    .default(fallbackMs);
}
