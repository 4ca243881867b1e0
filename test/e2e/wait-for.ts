import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../src/lib/errors.ts';

export type WaitOptions = { readonly withinMs?: number; readonly everyMs?: number };

/**
 * Asks until `look` returns something truthy, and returns that; a look that throws counts as not yet.
 * Past the deadline (30 s by default: only what fails waits so long) it throws with what was last seen.
 */
export async function waitFor<T>(
  what: string,
  look: () => T | Promise<T>,
  { withinMs = 30_000, everyMs = 25 }: WaitOptions = {},
): Promise<NonNullable<T>> {
  const endMs = performance.now() + withinMs;
  let seen = 'nothing';
  for (;;) {
    try {
      const found = await look();
      if (found) return found;
      seen = JSON.stringify(found) ?? 'undefined';
    } catch (error) {
      seen = messageOf(error);
    }
    if (performance.now() > endMs) throw new Error(`waited ${withinMs} ms for ${what}; last seen: ${seen}`);
    await sleep(everyMs);
  }
}
