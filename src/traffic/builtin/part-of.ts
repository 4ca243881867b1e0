import type { Place } from './messages.ts';

/** What one worker may take of a bound that all of them keep to together. */
export function partOf(bound: number, { index, of }: Place): number {
  return Math.floor(bound / of) + (index < bound % of ? 1 : 0);
}
