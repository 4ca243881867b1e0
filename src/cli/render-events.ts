import type { EventView } from '../controller/views.ts';
import { printable } from '../release/problem.ts';
import { clockTime } from './format.ts';

/** `14:01:07 r-0193 v43 is ready`: one line for each thing that an event says; none for an event that says nothing. */
export function eventLines(event: EventView, timeZone: string | undefined): readonly string[] {
  const about = event.rollout ?? event.service;
  return event.says.map((says) => `${clockTime(event.atMs, timeZone)} ${about} ${printable(says)}`);
}
