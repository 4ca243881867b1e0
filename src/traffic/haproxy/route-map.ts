import type { SlotName } from '../../release/slot.ts';
import { BUCKETS, drawCohort, isCandidate } from '../cohort.ts';
import { overriddenSlot } from '../override.ts';
import type { Route } from '../router.ts';

/** Where nobody is sent. */
export const NOWHERE = 'none';
/** The door was taken away: connections of before get 404. */
export const GONE = 'gone';
/** Everybody waits. */
export const HELD = 'hold';
/** Key of the revision. */
export const REVISION_KEY = 'rev';
/** Key of the one slot that has everybody; where it is missing, each bucket has its own. */
export const ALL_KEY = 'all';
/** Key of what `all` would be without the hold, for those who waited. */
export const BACK_KEY = 'back';

export type MapEntry = readonly [key: string, value: string];

/**
 * The one map that a service's route is. It is replaced as a whole. Either it has everybody's slot or that of every
 * bucket: together with being asked for `all`, the bucket and `all` again, a request that falls between two maps goes by
 * one of them. The slots by role, which an override may ask for, are below their roles' names. Buckets are listed for every
 * split, also one of nobody or of everybody: who asks is told apart only where they are.
 */
export function routeMap(route: Route | null): MapEntry[] {
  const { serve, split } = route ?? { serve: null, split: null };
  const roles = (['stable', 'candidate'] as const).map((role): MapEntry => [
    role,
    overriddenSlot(role, route) ?? NOWHERE,
  ]);
  const head: MapEntry[] = [[REVISION_KEY, String(route?.revision ?? 0)], ...roles];
  const isHeld = route?.hold !== undefined;
  if (isHeld) head.push([ALL_KEY, HELD]);
  if (serve === null || split === null) return [...head, [isHeld ? BACK_KEY : ALL_KEY, serve ?? NOWHERE]];
  const cohort = drawCohort(split);
  const slotOf = (bucket: number): SlotName => (isCandidate(bucket, cohort) ? split.slot : serve);
  return [...head, ...Array.from({ length: BUCKETS }, (_, at): MapEntry => [String(at), slotOf(at)])];
}

export function formatMap(entries: readonly MapEntry[]): string {
  return entries.map(([key, value]) => `${key} ${value}\n`).join('');
}
