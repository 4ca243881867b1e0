import { bucketOf } from './render-identity.ts';
import { block } from './render-block.ts';
import { quote } from './quote.ts';
import { OUTCOMES, type Outcome } from './route-layout.ts';
import type { ServicePlan } from './service-plan.ts';

/**
 * Asks the route where a request goes: one question for those of blue, two for those of green, during a rollout as
 * outside of one. Asked twice: between two answers of the first round the directory may have been replaced.
 */
export function renderChoice({ door, directory }: ServicePlan, then: (outcome: Outcome) => string): string {
  const round = OUTCOMES.map((outcome) =>
    block(`if (-f ${quote(`${directory}/route/to.${outcome}/${bucketOf(door)}`)})`, then(outcome)),
  ).join('');
  return round + round;
}
