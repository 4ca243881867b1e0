import type { Route } from './route.ts';

/** Names of verbs that are not the last word of their address. */
const VERBS: Readonly<Record<string, string>> = {
  'PUT :service': 'apply',
  'DELETE :service': 'remove',
  'PUT :digest': 'upload',
  'POST lock': 'lock acquire',
  'POST unlock': 'lock release',
  'GET chain': 'audit verify',
  'GET tokens': 'token list',
  'POST tokens': 'token create',
  'DELETE :token': 'token revoke',
  'POST test': 'notify test',
  'POST link': 'dashboard',
};

/** What people call it. */
export function verbOf({ method, path }: Pick<Route, 'method' | 'path'>): string {
  const word = path.split('/').at(-1)!;
  return VERBS[`${method} ${word}`] ?? word;
}
