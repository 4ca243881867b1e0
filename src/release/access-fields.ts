/** What a line of the access log may say, by the name that it has there. */
export const ACCESS_FIELDS = [
  'time',
  'client',
  'method',
  'scheme',
  'host',
  'path',
  'query',
  'status',
  'bytes',
  'ms',
  'app-ms',
  'queue-ms',
  'slot',
  'replica',
  'attempts',
  'outcome',
  'kind',
  'request-id',
  'trace-id',
] as const;

export type AccessField = (typeof ACCESS_FIELDS)[number];

/** A query is in it only where somebody asks for it: tokens and addresses of people stand there. */
export const USUAL_ACCESS_FIELDS: readonly AccessField[] = [
  'time',
  'client',
  'method',
  'host',
  'path',
  'status',
  'bytes',
  'ms',
  'slot',
  'replica',
  'outcome',
  'request-id',
];

const SECRET_HEADER = /authorization|authenticate|cookie|token|secret|passw|api-?key|session|credential/i;

/** Whoever reads a log must not become somebody else by it. */
export function holdsSecret(header: string): boolean {
  return SECRET_HEADER.test(header);
}
