import { OVERRIDE_TARGETS, overrideValue } from '../override.ts';
import type { Door } from '../router.ts';
import { literal, quote } from './quote.ts';

/** Each dash doubles the names that are to be taken away. */
const MOST_DASHES = 5;

/** Why nginx cannot look for this header, or null. */
export function overrideProblem({ override }: Door): string | null {
  if (override === undefined) return null;
  const dashes = override.header.split('-').length - 1;
  return /^[a-z0-9-]+$/.test(override.header) && dashes <= MOST_DASHES
    ? null
    : `nginx takes no override header named ${override.header}: letters, digits and at most ${MOST_DASHES} dashes`;
}

/** The target that a request may choose, empty for none. Stands at the level of `http`. */
export function renderChosen({ override, spec }: Door, name: string): string {
  if (override === undefined) return '';
  const { allow } = override;
  const header = `$http_${override.header.replaceAll('-', '_')}`;
  // Strings are compared without regard to case, patterns with it.
  const cases = OVERRIDE_TARGETS.map(
    (target) => `    ${quote(`~^:${literal(overrideValue(target, override))}$`)} ${target};\n`,
  ).join('');
  const networks =
    allow.kind === 'secret'
      ? ''
      : `geo ${spec.trustForwarded ? '$bascule_kept_address' : '$remote_addr'} $${name}_stranger {
    default stranger;
${[...new Set(allow.networks)].map((network) => `    ${quote(network)} "";\n`).join('')}}
`;
  return `${networks}map "${allow.kind === 'secret' ? '' : `$${name}_stranger`}:${header}" $${name}_chosen {
${cases}    default "";
}
`;
}

/** Goes to a place of its own. Stands in the location of the service. */
export function renderChoosing({ override }: Door, name: string): string {
  if (override === undefined) return '';
  return `error_page 419 = @${name}_override;\nif ($${name}_chosen) {\n    return 419;\n}\n`;
}

/** The chosen slot, if it is well and something has that role. Asked twice, as routes are. */
export function renderChosenSlot(directory: string, name: string): string {
  const round = ['blue', 'green']
    .map(
      (slot) =>
        `if (-f ${quote(`${directory}/route/by.$${name}_chosen.${slot}`)}) {\n    set $bascule_slot ${slot};\n    break;\n}\n`,
    )
    .join('');
  return round + round;
}

/** The application never gets it, nor what only looks like it where somebody let underscores through. */
export function renderStripped({ override }: Door): string {
  if (override === undefined) return '';
  const [first, ...rest] = override.header.split('-');
  const names = rest.reduce(
    (all, part) => all.flatMap((name) => [`${name}-${part}`, `${name}_${part}`]),
    [first!],
  );
  return names.map((name) => `proxy_set_header ${name} "";\n`).join('');
}
