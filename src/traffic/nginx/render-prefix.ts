import { formatAddress } from '../../lib/address.ts';
import type { Upstream } from '../../lib/upstream.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import type { Door } from '../router.ts';
import { literal, quote } from './quote.ts';

/*
 * Targets below a path: what `withPrefix` and `without-prefix.ts` do, said in maps. nginx knows no default `proxy_redirect`
 * where `proxy_pass` has variables, and its groups have no paths, so that every slot with a prefix gets its own patterns.
 */

/** Some would read these as the beginning of another host's name. */
const LIKE_A_HOST = String.raw`/\t*[/\\]`;

function prefixOf(door: Door, slot: SlotName): string {
  return door.slots[slot][0]?.pathPrefix ?? '';
}

function prefixed(door: Door): readonly SlotName[] {
  return SLOT_NAMES.filter((slot) => prefixOf(door, slot) !== '');
}

/** What stands behind the group in `proxy_pass`: nothing where no slot is below a path, for nginx then sends what it got. */
export function targetOf(door: Door, name: string): string {
  return prefixed(door).length === 0 ? '' : `$${name}_target`;
}

/** The same for a slot that is known. */
export function targetIn(door: Door, slot: SlotName, name: string): string {
  return prefixOf(door, slot) === '' ? '$request_uri' : `$${name}_below_${slot}`;
}

/** Stands in a location that proxies. */
export function renderPrefixRules(door: Door, name: string): string {
  if (prefixed(door).length === 0) return 'proxy_redirect off;\n';
  return `absolute_redirect off;
proxy_redirect "~^(?<bascule_given>.*)$" $${name}_location;
proxy_cookie_path "~^(?<bascule_given>/.*)$" $${name}_cookie_path;
`;
}

/** Asked anew each time: a request may be answered by another slot than it was first sent to, and say several cookies. */
export function renderPrefixMaps(door: Door, name: string): string {
  const slots = prefixed(door);
  if (slots.length === 0) return '';
  return `map "$bascule_stand_in.$bascule_slot" $${name}_at {
    volatile;
    "~^(?:green[.]|[.](?:blue-)?green$)" green;
    default blue;
}
${slots.map((slot) => renderBelow(slot, prefixOf(door, slot), name)).join('')}map $${name}_at $${name}_target {
    volatile;
${SLOT_NAMES.map((slot) => `    ${slot} ${targetIn(door, slot, name)};\n`).join('')}}
${map(
  `$${name}_at|$bascule_host|${door.spec.trustForwarded ? '$bascule_kept_host' : ''}|$bascule_given`,
  `$${name}_location`,
  '$bascule_given',
  slots.flatMap((slot) => locations(slot, door.slots[slot])),
)}${map(
    `$${name}_at $bascule_given`,
    `$${name}_cookie_path`,
    '$bascule_given',
    slots.flatMap((slot) => cookiePaths(slot, prefixOf(door, slot))),
  )}`;
}

type Case = readonly [pattern: string, value: string];

function map(of: string, variable: string, otherwise: string, cases: readonly Case[]): string {
  const lines = cases.map(([pattern, value]) => `    ${quote(`~^${pattern}$`)} ${quote(value)};\n`).join('');
  return `map "${of}" ${variable} {\n    volatile;\n${lines}    default ${otherwise};\n}\n`;
}

/** What is asked of a slot. */
function renderBelow(slot: SlotName, prefix: string, name: string): string {
  return `map $request_uri $${name}_below_${slot} {
    ${quote(String.raw`~^/(?<bascule_query>(?:\?.*)?)$`)} ${quote(`${prefix}$bascule_query`)};
    default ${quote(`${withoutSlash(prefix)}$request_uri`)};
}
`;
}

function locations(slot: SlotName, upstreams: readonly Upstream[]): Case[] {
  const own = [...new Set(upstreams.map((each) => literal(formatAddress(each).replace(/:80$/, ''))))].join(
    '|',
  );
  const prefix = literal(withoutSlash(upstreams[0]!.pathPrefix));
  const root = `${prefix}(?<bascule_below>(?:[?#].*)?)`;
  const below = `${prefix}(?<bascule_below>/.*)`;
  const here = String.raw`${slot}\|[^|]*\|[^|]*\|(?i:(?:http:)?//(?:${own})(?::80)?)?`;
  const ofVisitors = (['http', 'https'] as const).flatMap((scheme) => {
    const port = scheme === 'http' ? '(?::80)?' : '(?::443)?';
    const origin = String.raw`(?<bascule_origin>(?i:(?:${scheme}:)?//\k<bascule_site>)${port})`;
    return [
      String.raw`${slot}\|(?<bascule_site>[^|]+?)${port}\|[^|]*\|${origin}`,
      // What another proxy says of it, which says nothing where it is not trusted.
      String.raw`${slot}\|[^|]*\|(?<bascule_site>[^|, ]+?)${port}(?: *,[^|]*)?\|${origin}`,
    ];
  });
  return [
    ...ofVisitors.flatMap((origin): Case[] => [
      [`${origin}${root}`, '$bascule_origin/$bascule_below'],
      [`${origin}${below}`, '$bascule_origin$bascule_below'],
    ]),
    [`${here}${root}`, '/$bascule_below'],
    [`${here}${prefix}(?<bascule_below>${LIKE_A_HOST}.*)`, '/.$bascule_below'],
    [`${here}${below}`, '$bascule_below'],
  ];
}

function cookiePaths(slot: SlotName, pathPrefix: string): Case[] {
  const prefix = literal(withoutSlash(pathPrefix));
  return [
    [`${slot} ${prefix}`, '/'],
    [`${slot} ${prefix}(?<bascule_below>/.*)`, '$bascule_below'],
  ];
}

function withoutSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}
