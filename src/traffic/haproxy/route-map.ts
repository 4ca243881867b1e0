import type { SlotName } from '../../release/slot.ts';
import { BUCKETS, drawCohort, isCandidate } from '../cohort.ts';
import type { Route } from '../router.ts';

/** Where nobody is sent. */
export const NOWHERE = 'none';
/** The door was taken away: connections of before get 404. */
export const GONE = 'gone';
/** Key of the revision. */
export const REVISION_KEY = 'rev';
/** Key of the one slot that has everybody; where it is missing, each bucket has its own. */
export const ALL_KEY = 'all';

export type MapEntry = readonly [key: string, value: string];

/**
 * The one map that a service's route is. It is replaced as a whole. Either it has everybody's slot or that of every
 * bucket: together with being asked for `all`, the bucket and `all` again, a request that falls between two maps goes by
 * one of them.
 */
export function routeMap(route: Route | null): MapEntry[] {
  const revision: MapEntry = [REVISION_KEY, String(route?.revision ?? 0)];
  const { serve, split } = route ?? { serve: null, split: null };
  if (serve === null) return [revision, [ALL_KEY, NOWHERE]];
  if (split === null || split.sharePercent === 0) return [revision, [ALL_KEY, serve]];
  const cohort = drawCohort(split);
  if (cohort.size >= BUCKETS) return [revision, [ALL_KEY, split.slot]];
  const slotOf = (bucket: number): SlotName => (isCandidate(bucket, cohort) ? split.slot : serve);
  return [revision, ...Array.from({ length: BUCKETS }, (_, at): MapEntry => [String(at), slotOf(at)])];
}

export function formatMap(entries: readonly MapEntry[]): string {
  return entries.map(([key, value]) => `${key} ${value}\n`).join('');
}
