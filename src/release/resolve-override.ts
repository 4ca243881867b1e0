import { z } from 'zod';

import type { Path, Problem } from './problem.ts';
import type { OverrideInput } from './schema-override.ts';
import type { OverrideSpec } from './service.ts';

/** What breaks a rule is added to `problems`; undefined where the file has no override. */
export function resolveOverride(
  input: OverrideInput | undefined,
  path: Path,
  problems: Problem[],
): OverrideSpec | undefined {
  if (input === undefined) return undefined;
  const { header, secret, from } = input;
  // What has the wrong form is not in `input` any more, and is told already.
  const isWhole = !problems.some((one) => path.every((key, at) => one.path[at] === key));
  if (header !== undefined && isReserved(header)) {
    problems.push({
      code: 'E053',
      path: [...path, 'header'],
      at: 'value',
      message: `header cannot be ${header}`,
      note: 'proxies give it a meaning of their own',
      fix: 'choose a name of your own, such as X-Version',
    });
  }
  if (isWhole && (secret === undefined) === (from === undefined)) {
    problems.push({
      code: 'E055',
      path,
      at: 'key',
      message: 'override has one of secret and from',
      note: secret === undefined ? 'neither is written: anybody could choose' : 'both are written',
      fix: secret === undefined ? 'add secret: file:NAME, or from: 10.0.0.0/8' : 'keep one of them',
    });
  }
  if (secret !== undefined) {
    const colon = secret.indexOf(':');
    const source = secret.slice(0, colon) === 'env' ? 'env' : 'file';
    return { header, allow: { kind: 'secret', from: source, name: secret.slice(colon + 1) } };
  }
  const networks = resolveNetworks(from ?? [], { name: 'from', path: [...path, 'from'] }, problems);
  return { header, allow: { kind: 'networks', networks } };
}

/** One or several; what is none is added to `problems`. */
export function resolveNetworks(
  input: string | readonly string[],
  { name, path }: { readonly name: string; readonly path: Path },
  problems: Problem[],
): readonly string[] {
  const networks = typeof input === 'string' ? [input] : input;
  for (const [index, network] of networks.entries()) {
    if (isNetwork(network)) continue;
    problems.push({
      code: 'E054',
      path: typeof input === 'string' ? path : [...path, index],
      at: 'value',
      message: `${name} must be networks such as 10.0.0.0/8`,
      note: `${network} is not a network`,
      fix: null,
    });
  }
  return networks;
}

export function isNetwork(text: string): boolean {
  return z.cidrv4().safeParse(text).success || z.cidrv6().safeParse(text).success;
}

const RESERVED = /^x-(?:forwarded-|accel-|bascule-|real-ip$|request-id$)/i;

/** Proxies read or write these themselves. */
export function isReserved(header: string): boolean {
  return RESERVED.test(header);
}
