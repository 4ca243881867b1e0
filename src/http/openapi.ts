import { z } from 'zod';
import { VIEW_SCHEMA } from '../controller/views.ts';
import { problemAnswer } from './answers.ts';
import type { Route } from './route.ts';

type Part = Readonly<Record<string, unknown>>;

/** OpenAPI 3.1 out of the route table. */
export function openapiOf(routes: readonly Route[], version: string): Part {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = `/api/v1${route.path.replaceAll(/:(\w+)/g, '{$1}')}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Bascule',
      version,
      description: `Answers carry \`schema: ${VIEW_SCHEMA}\`. The unix socket that a request comes through gives its role.`,
    },
    servers: [{ url: 'http://localhost', description: 'over a unix socket' }],
    paths,
    components: { schemas: componentsOf(routes) },
  };
}

function operation(route: Route): Part {
  const parameters = [
    ...parametersOf(route.params, 'path'),
    ...parametersOf(route.query, 'query'),
    ...(route.once ? [IDEMPOTENCY_KEY] : []),
  ];
  const sendsBytes = route.method === 'PUT' && route.body === null;
  return {
    summary: route.summary,
    description: `Role: ${route.role}.`,
    operationId: operationId(route),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body !== null && {
      requestBody: { content: { 'application/json': { schema: ref(route.body) } } },
    }),
    ...(sendsBytes && { requestBody: { required: true, content: { 'application/octet-stream': {} } } }),
    responses: {
      200: { description: 'Done, or as it was already.', ...contentOf(route.answer) },
      default: {
        description: 'A problem (RFC 9457). Nothing changed.',
        content: { 'application/problem+json': { schema: ref(problemAnswer) } },
      },
    },
  };
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'The same request again gets the same answer; another request with the same key is refused (422).',
  schema: { type: 'string', minLength: 8, maxLength: 128 },
};

function operationId(route: Route): string {
  const words = route.path.split('/').filter((word) => word !== '' && !word.startsWith(':'));
  return [route.method.toLowerCase(), ...words, ...(route.path.includes('/:') ? ['one'] : [])].join('-');
}

function contentOf(answer: Route['answer']): Part {
  if (answer === null) return {};
  if (typeof answer === 'string') return { content: { [answer]: { schema: { type: 'string' } } } };
  return { content: { 'application/json': { schema: ref(answer) } } };
}

function parametersOf(schema: z.ZodType | null, place: 'path' | 'query'): readonly Part[] {
  if (schema === null) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property as Record<string, unknown>;
    return {
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(description !== undefined && { description }),
      schema: rest,
    };
  });
}

function idOf(schema: z.ZodType): string {
  const id = schema.meta()?.id;
  if (id === undefined) throw new TypeError('a schema of the API has no id');
  return id;
}

function ref(schema: z.ZodType): Part {
  return { $ref: `#/components/schemas/${idOf(schema)}` };
}

/** Every schema with an id that is reachable: bodies as they are sent, answers as they are given. */
function componentsOf(routes: readonly Route[]): Part {
  const bodies = routes.flatMap(({ body }) => (body === null ? [] : [body]));
  const answers = [
    problemAnswer,
    ...routes.flatMap(({ answer }) => (answer === null || typeof answer === 'string' ? [] : [answer])),
  ];
  return { ...definitions(bodies, 'input'), ...definitions(answers, 'output') };
}

function definitions(schemas: readonly z.ZodType[], io: 'input' | 'output'): Part {
  const all: Record<string, unknown> = {};
  for (const schema of schemas) {
    const document = z.toJSONSchema(schema, {
      io,
      override: ({ jsonSchema }) => {
        // Clients must bear new fields in answers.
        if (io === 'output') delete jsonSchema.additionalProperties;
      },
    });
    const { $schema: _dialect, $defs = {}, id: _id, ...own } = document;
    all[idOf(schema)] = own;
    Object.assign(all, $defs);
  }
  return JSON.parse(
    JSON.stringify(all, (key, value: unknown) =>
      key === 'id' && typeof value === 'string' ? undefined : value,
    ).replaceAll('"#/$defs/', '"#/components/schemas/'),
  ) as Part;
}
