import type { Path } from './problem.ts';

/** Keys of the design that this version cannot serve yet, by the place where they would stand; a sentence each. */
const SERVICE_KEYS: Readonly<Record<string, string>> = {
  docker: 'starting containers',
  kubernetes: 'rolling out on Kubernetes',
  database: 'migrations tied to the traffic',
  schema: 'the range of database schemas that a release works with',
  gates: 'gates of your own',
  hold: 'holding requests at the door',
};

const PROXIES: Readonly<Record<string, string>> = {
  kubernetes: 'routing on Kubernetes',
  external: 'a load balancer that somebody else runs',
};

const STRATEGY_KEYS: Readonly<Record<string, string>> = {
  gates: SERVICE_KEYS.gates!,
};

const SERVER_WIDE = new Set([
  'listeners',
  'notify',
  'notifications',
  'freeze',
  'freezes',
  'tokens',
  'allowed-users',
  'users',
  'webhooks',
]);

/** What a key would do that is not there yet, or null. `path` is where it stands. */
export function comesLater(path: Path, key: string): string | null {
  const parent = path.at(-1);
  if (path.length === 2) return own(SERVICE_KEYS, key);
  if (parent === 'proxy') return own(PROXIES, key);
  if (parent === 'canary' || parent === 'blue-green') return own(STRATEGY_KEYS, key);
  return null;
}

/** The same for a plain value: `proxy: nginx`. */
export function valueComesLater(path: Path, value: unknown): string | null {
  return path.at(-1) === 'proxy' && typeof value === 'string' ? own(PROXIES, value) : null;
}

export function isServerWide(path: Path, key: string): boolean {
  return (path.length === 0 || path.length === 2) && SERVER_WIDE.has(key);
}

function own(table: Readonly<Record<string, string>>, key: string): string | null {
  return Object.hasOwn(table, key) ? table[key]! : null;
}
