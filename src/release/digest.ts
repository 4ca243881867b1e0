import { createHash, createHmac } from 'node:crypto';

import { canonicalJson } from '../lib/json.ts';
import type { Plan } from './plan.ts';
import type { Release } from './release.ts';
import type { EnvValue, ReleaseSpec } from './service.ts';

/** sha256 hex of the canonical JSON: the same for equal specs, whatever the order of keys in the file. */
export function configDigest(spec: ReleaseSpec): string {
  return sha256(canonicalJson(spec));
}

/**
 * sha256 hex over names, plain values and a MAC of each secret's value (`secretMac`, by variable name), so that a changed
 * secret shows without being told. A secret without a MAC counts as absent.
 */
export function environmentDigest(
  env: Readonly<Record<string, EnvValue>>,
  macs: ReadonlyMap<string, string>,
): string {
  const rows = Object.keys(env)
    .sort()
    .map((name) => {
      const value = env[name]!;
      if (value.kind === 'plain') return [name, 'plain', value.value];
      return [name, 'secret', `${value.from}:${value.name}`, macs.get(name) ?? null];
    });
  return sha256(canonicalJson(rows));
}

/** HMAC-SHA-256 hex of a secret's value under the server's own key, bound to the variable's name. */
export function secretMac(key: string | Uint8Array, name: string, value: string): string {
  return createHmac('sha256', key).update(`${name}\u0000${value}`).digest('hex');
}

export type Digests = Pick<Release, 'artifactDigest' | 'configDigest' | 'environmentDigest'>;

/** sha256 hex of all that a release is: two releases with the same one are the same release. */
export function releaseDigest(digests: Digests): string {
  return sha256(`${digests.artifactDigest}\n${digests.configDigest}\n${digests.environmentDigest}`);
}

const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

/** Labels stand in paths, addresses and messages: letters, digits, dot, dash and underscore, at most 64. */
export function isLabel(text: string): boolean {
  return LABEL.test(text);
}

/**
 * What a version is called when nobody names it: `git describe`, else the first 12 hex of `digest`. A work tree with
 * changes is more than its last commit, so its label carries the first 6 of the digest as well.
 */
export function defaultLabel(describe: string | null, digest: string): string {
  const plain = (describe ?? '')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
  if (plain === '') return digest.slice(0, 12);
  const label = plain.endsWith('-dirty') ? `${plain.slice(0, 57)}-${digest.slice(0, 6)}` : plain.slice(0, 64);
  return isLabel(label) ? label : digest.slice(0, 12);
}

/** What `deploy --plan ID` compares: changes with the plan, the two releases, or the slots that they would use. */
export function planId(
  plan: Plan,
  releases: { readonly candidate: string; readonly stable: string | null; readonly slot: string },
): string {
  return `p-${sha256(canonicalJson([plan, releases])).slice(0, 8)}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
