import type { EventView } from '../controller/views.ts';
import { clockTime, headOf } from './format.ts';

/** `14:01:07 r-0193 v43 is ready`: one line for each thing that an event says; none for an event that says nothing. What was found stands in the result, in full. */
export function eventLines(event: EventView, timeZone: string | undefined): readonly string[] {
  const about = event.rollout ?? event.service;
  return event.says.map((says) => `${clockTime(event.atMs, timeZone)} ${about} ${headOf(says)}`);
}
