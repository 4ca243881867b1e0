import type { SecretRef } from './release/source-connection.ts';
import { secretResolver, type SecretOptions } from './workload/secrets.ts';

/**
 * Secrets that the server's own file names. Its author may name any variable of the server's environment: the list of allowed names is
 * for what projects may ask for.
 */
export function serverSecrets(
  connections: readonly object[],
  secrets: Omit<SecretOptions, 'allowedEnv'>,
): (secret: SecretRef) => Promise<string> {
  const references = connections.flatMap((connection) => Object.values(connection).flatMap(referencesIn));
  const allowedEnv = references.filter(({ from }) => from === 'env').map(({ name }) => name);
  const resolver = secretResolver({ ...secrets, allowedEnv });
  return async ({ from, name }) =>
    (await resolver.resolve({ value: { kind: 'secret', from, name } }))['value']!;
}

/** Of a field of a connection: itself, or what it holds. */
function referencesIn(value: unknown): readonly SecretRef[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('name' in value && 'from' in value && (value.from === 'env' || value.from === 'file'))
    return [value as SecretRef];
  return Object.values(value).flatMap(referencesIn);
}
