import { SLOT_NAMES } from '../../release/slot.ts';
import { bucketOf } from './render-identity.ts';
import { block } from './render-block.ts';
import { quote } from './quote.ts';
import { firstFile, OUTCOMES, type Outcome } from './route-layout.ts';
import { nameOf, type ServicePlan } from './service-plan.ts';

/**
 * Asks the route where a request goes: first the slot that most go to, where that is known, then one after the other. Asked
 * twice: between two answers of the first round the directory may have been replaced.
 */
export function renderChoice(plan: ServicePlan, then: (outcome: Outcome) => string): string {
  const { door, directory } = plan;
  const asked = (outcome: string): string =>
    `if (-f ${quote(`${directory}/route/to.${outcome}/${bucketOf(door)}`)})`;
  const round = OUTCOMES.map((outcome) => block(asked(outcome), then(outcome))).join('');
  if (!hasServer(plan)) return round + round;
  const first = firstOf(plan);
  const known = SLOT_NAMES.map((slot) => block(`if ($bascule_slot = ${slot})`, then(slot))).join('');
  return `${block(asked(first), `set $bascule_slot ${first};\n`)}${known}${round}${round}`;
}

/** Once in each `server` block of ours: which slot is asked for first may be remembered, and nothing else. */
export const REMEMBERED = `open_file_cache max=64;
open_file_cache_valid 1s;
open_file_cache_errors on;
disable_symlinks off;
`;

/**
 * Which slot is asked for first: a look at the disk costs more than most of what else we ask of a request. An answer that is
 * old costs one look more, and sends nobody elsewhere. Stands in a `server` block of ours.
 */
export function renderFirst(plan: ServicePlan): string {
  const [usual, other] = SLOT_NAMES;
  const isOther = `if (-d ${quote(`${plan.directory}/route/${firstFile(other)}`)})`;
  return `set ${firstOf(plan)} ${usual};\n${block(isOther, `set ${firstOf(plan)} ${other};\n`)}`;
}

/** In a block of somebody else's, what nginx may remember is theirs to say. */
function hasServer({ proxy }: ServicePlan): boolean {
  return proxy.mode === 'file';
}

function firstOf({ door }: ServicePlan): string {
  return `$${nameOf(door.service)}_first`;
}
