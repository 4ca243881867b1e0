import { SLOT_NAMES } from '../../release/slot.ts';
import { bucketOf } from './render-identity.ts';
import { block } from './render-block.ts';
import { quote } from './quote.ts';
import { everybodyFile, HINTS, OUTCOMES, type Outcome } from './route-layout.ts';
import { nameOf, type ServicePlan } from './service-plan.ts';

/**
 * Asks the route where a request goes: first what its hints say, then one slot after the other. Asked twice: between two
 * answers of the first round the directory may have been replaced.
 */
export function renderChoice(plan: ServicePlan, then: (outcome: Outcome) => string): string {
  const { door } = plan;
  const asked = (file: string): string => `if (-f ${inRoute(plan, file)})`;
  const listed = (outcome: string): string => `to.${outcome}/${bucketOf(door)}`;
  const round = OUTCOMES.map((outcome) => block(asked(listed(outcome)), then(outcome))).join('');
  if (!hasServer(plan)) return round + round;
  const { slot, file } = firstOf(plan);
  return `${block(`if (${file} = "")`, `set ${file} route/${listed(slot)};\n`)}${block(
    `if (-f ${inDirectory(plan, file)})`,
    `set $bascule_slot ${slot};\n`,
  )}${SLOT_NAMES.map((one) => block(`if ($bascule_slot = ${one})`, then(one))).join('')}${round}${round}`;
}

/** Once in each `server` block of ours: hints may be remembered, and nothing else. */
export const REMEMBERED = `open_file_cache max=64;
open_file_cache_valid 1s;
open_file_cache_errors on;
disable_symlinks off;
`;

/**
 * Which slot is asked for first, and whether by one file for everybody: a look at the disk costs more than most of what else
 * we ask of a request. A hint that is old costs one look more, and sends nobody elsewhere. Stands in a `server` block of ours.
 */
export function renderFirst(plan: ServicePlan): string {
  const [usual, other] = SLOT_NAMES;
  const { slot, file } = firstOf(plan);
  const isHinted = (hint: string): string => `if (-d ${inRoute(plan, hint)})`;
  return `set ${slot} ${usual};
set ${file} "";
${block(isHinted(HINTS.mostly), `set ${slot} ${other};\n`)}${block(isHinted(HINTS.everybody), `set ${file} ${everybodyFile(slot)};\n`)}`;
}

/** In a block of somebody else's, what nginx may remember is theirs to say. */
function hasServer({ proxy }: ServicePlan): boolean {
  return proxy.mode === 'file';
}

function inRoute(plan: ServicePlan, file: string): string {
  return inDirectory(plan, `route/${file}`);
}

function inDirectory({ directory }: ServicePlan, file: string): string {
  return quote(`${directory}/${file}`);
}

/** The variables of what is asked first. */
function firstOf({ door }: ServicePlan): { readonly slot: string; readonly file: string } {
  const name = nameOf(door.service);
  return { slot: `$${name}_first`, file: `$${name}_file` };
}
