import type { Token } from '../api/api-types.ts';

const DAY_MS = 86_400_000;

export const TOKEN_ROLES = [
  ['viewer', 'viewer: looks'],
  ['operator', 'operator: also deploys and steers'],
  ['admin', 'admin: also makes tokens and takes services away'],
] as const;

export const TOKEN_LENGTHS = [
  ['7 days', 7 * DAY_MS],
  ['30 days', 30 * DAY_MS],
  ['90 days', 90 * DAY_MS],
  ['366 days', 366 * DAY_MS],
] as const;

/** `shop, blog`; nothing: all of them. */
export function servicesOf(text: string): readonly string[] | null {
  const names = text.split(/[\s,]+/).filter(Boolean);
  return names.length === 0 ? null : names;
}

export function tokenStateWords({ state }: Token): string {
  return `${state === 'valid' ? '✔' : '✖'} ${state}`;
}
