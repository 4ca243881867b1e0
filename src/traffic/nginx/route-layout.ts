import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import { BUCKETS, drawCohort, isCandidate } from '../cohort.ts';
import { OVERRIDE_TARGETS, overriddenSlot } from '../override.ts';
import type { Route } from '../router.ts';
import { formatBucket } from './bucket.ts';

/** Where a request goes: its slot, or `blue-green` for one of blue that green stands in for. */
export type Outcome = SlotName | 'blue-green' | 'green-blue';

/** In the order in which nginx asks: the healthy ones first. */
export const OUTCOMES: readonly Outcome[] = ['blue', 'green', 'blue-green', 'green-blue'];

/** What a route says of itself as a whole: nginx may know it late, so it decides only what is asked first. */
export const HINTS = {
  /** Most go to green. */
  mostly: 'mostly.green',
  /** One slot has everybody. */
  everybody: 'everybody',
} as const;

/** The names of the empty files that tell nginx a route. */
export type RouteLayout = {
  readonly files: readonly string[];
  /** Who has everybody: besides the list of all, one file that nobody's bucket need be known for. Null: nobody, or one that another stands in for. */
  readonly everybody: SlotName | null;
  readonly hints: readonly string[];
  /** Which buckets go where: together every one of them, or none at all. */
  readonly lists: Readonly<Partial<Record<Outcome, readonly string[] | 'all'>>>;
};

/** Its name. It lies beside the directories of the routes. */
export function everybodyFile(slot: string): string {
  return `all.${slot}`;
}

export function outcomeOf(slot: SlotName, route: Route, isUp: (slot: SlotName) => boolean): Outcome {
  if (!route.standIn || isUp(slot)) return slot;
  if (slot === 'blue') return isUp('green') ? 'blue-green' : 'blue';
  return isUp('blue') ? 'green-blue' : 'green';
}

/**
 * A route as nginx finds it on disk. Every bucket stands in the list of where it goes. Both sides are written out, though the
 * smaller one would do: a request that asks some of its questions of the former directory and some of the new one could
 * otherwise be told the opposite of both.
 */
export function layOut(route: Route, isUp: (slot: SlotName) => boolean): RouteLayout {
  const files = [`revision.${route.revision}`];
  if (route.standIn) files.push('stand-in');
  for (const slot of SLOT_NAMES) if (route.replicas[slot] > 0 && isUp(slot)) files.push(`up.${slot}`);
  for (const target of OVERRIDE_TARGETS) {
    const slot = overriddenSlot(target, route);
    if (slot !== null && files.includes(`up.${slot}`)) files.push(`by.${target}.${slot}`);
  }
  const { serve, split } = route;
  if (route.hold !== undefined)
    files.push('hold.any', ...SLOT_NAMES.filter((slot) => slot !== serve).map((slot) => `hold.not-${slot}`));
  if (serve === null) return { files, everybody: null, hints: [], lists: {} };
  const rest = outcomeOf(serve, route, isUp);
  const cohort = split === null ? null : drawCohort(split);
  if (split === null || cohort!.size === 0) return toOne(files, rest);
  const inside = outcomeOf(split.slot, route, isUp);
  if (cohort!.size >= BUCKETS || inside === rest) return toOne(files, inside);
  const lists = { [rest]: [] as string[], [inside]: [] as string[] };
  for (let bucket = 0; bucket < BUCKETS; bucket += 1)
    lists[isCandidate(bucket, cohort!) ? inside : rest]!.push(formatBucket(bucket));
  return { files, everybody: null, hints: mostly(cohort!.size > BUCKETS / 2 ? inside : rest), lists };
}

function toOne(files: readonly string[], outcome: Outcome): RouteLayout {
  const everybody = SLOT_NAMES.find((slot) => slot === outcome) ?? null;
  const hints = everybody === null ? [] : [...mostly(outcome), HINTS.everybody];
  return { files, everybody, hints, lists: { [outcome]: 'all' } };
}

function mostly(outcome: Outcome): string[] {
  return outcome === 'green' ? [HINTS.mostly] : [];
}
