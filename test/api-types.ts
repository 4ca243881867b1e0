import { Readable } from 'node:stream';
import { openapiOf } from '../src/http/openapi.ts';
import { allRoutes } from '../src/http/all-routes.ts';

type Part = { readonly [key: string]: unknown };
type Operation = {
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: Part }[];
  readonly requestBody?: { readonly content: { readonly 'application/json'?: { readonly schema: Part } } };
  readonly responses: {
    readonly 200: { readonly content?: { readonly 'application/json'?: { readonly schema: Part } } };
  };
};

/** The types of the client of the commands and of the dashboard, out of the description of the API that the server itself gives. */
export function renderApiTypes(): string {
  const routes = allRoutes({
    version: '',
    backup: () => Readable.from([]),
    notifier: { test: () => Promise.resolve([]) },
    link: () => Promise.resolve({ url: '', expiresInMs: 0 }),
    look: () => Promise.reject(new Error('nobody asks')),
  });
  const document = openapiOf(routes, '') as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
    readonly components: { readonly schemas: Readonly<Record<string, Part>> };
  };
  const schemas = Object.entries(document.components.schemas)
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([name, schema]) => `export type ${name} = ${typeOf(schema)};`);
  const paths = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => operationType(path, method, operation)),
  );
  return [
    '// Generated from the description of the API (GET /api/v1/openapi.json) by `npm run generate`.\n',
    ...schemas,
    `\n/** Every request, by method and path: what goes into it, and what a 200 holds. */\nexport type Requests = {\n${paths.join('\n')}\n};\n`,
  ].join('\n');
}

function operationType(path: string, method: string, operation: Operation): string {
  const { parameters = [], requestBody, responses } = operation;
  const inPlace = (place: string): string => {
    const fields = parameters
      .filter((one) => one.in === place)
      .map(({ name, required, schema }) => `${key(name)}${required ? '' : '?'}: ${typeOf(schema)}`);
    return fields.length === 0 ? 'null' : `{ ${fields.join('; ')} }`;
  };
  const body = requestBody?.content['application/json']?.schema;
  const answer = responses[200].content?.['application/json']?.schema;
  const parts = [
    `params: ${inPlace('path')}`,
    `query: ${inPlace('query')}`,
    `body: ${body === undefined ? 'null' : typeOf(body)}`,
    `answer: ${answer === undefined ? 'unknown' : typeOf(answer)}`,
  ];
  return `  '${method.toUpperCase()} ${path.replace('/api/v1', '')}': { ${parts.join('; ')} };`;
}

function typeOf(schema: Part): string {
  const { $ref, type, anyOf, oneOf, allOf } = schema;
  if (typeof $ref === 'string') return $ref.split('/').at(-1)!;
  if ('const' in schema) return JSON.stringify(schema['const']);
  if (Array.isArray(schema['enum'])) return schema['enum'].map((one) => JSON.stringify(one)).join(' | ');
  const union = (anyOf ?? oneOf) as readonly Part[] | undefined;
  if (union !== undefined) return [...new Set(union.map(typeOf))].join(' | ');
  if (Array.isArray(allOf)) return (allOf as readonly Part[]).map(typeOf).join(' & ');
  if (Array.isArray(type)) return type.map((one) => typeOf({ ...schema, type: one as unknown })).join(' | ');
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type;
    case 'number':
    case 'integer':
      return 'number';
    case 'array':
      return arrayOf(schema);
    case 'object':
      return objectOf(schema);
    default:
      return 'unknown';
  }
}

function arrayOf({ prefixItems, items }: Part): string {
  if (Array.isArray(prefixItems))
    return `readonly [${(prefixItems as readonly Part[]).map(typeOf).join(', ')}]`;
  return `readonly (${items === undefined ? 'unknown' : typeOf(items as Part)})[]`;
}

function objectOf({ properties = {}, required = [], additionalProperties }: Part): string {
  const fields = Object.entries(properties as Readonly<Record<string, Part>>).map(
    ([name, schema]) =>
      `readonly ${key(name)}${(required as readonly string[]).includes(name) ? '' : '?'}: ${typeOf(schema)}`,
  );
  if (fields.length > 0) return `{ ${fields.join('; ')} }`;
  const values = typeof additionalProperties === 'object' ? typeOf(additionalProperties as Part) : 'unknown';
  return `{ readonly [key: string]: ${values} }`;
}

function key(name: string): string {
  return /^[a-z]\w*$/i.test(name) ? name : `'${name}'`;
}
