import { OVERRIDE_TARGETS, overrideValue } from '../override.ts';
import type { Door } from '../router.ts';
import { quote } from './quote.ts';
import { GONE } from './route-map.ts';

/** Why HAProxy cannot look for this header, or null. */
export function overrideProblem({ override }: Door): string | null {
  return override === undefined || /^[a-z0-9-]+$/.test(override.header)
    ? null
    : `an override header named ${override.header} has more than letters, digits and dashes`;
}

/** The slot that a request chose itself, in `txn.bascule_by`. A role that nobody has is a slot that there is not. */
export function renderChosen({ override, spec }: Door, mapFile: string, mine: string): string {
  if (override === undefined) return '';
  const { header, allow } = override;
  const who = allow.kind === 'secret' ? [''] : clients(allow.networks, spec.trustForwarded);
  return who
    .flatMap((client) =>
      OVERRIDE_TARGETS.map((target) => {
        const asked = `{ req.fhdr(${header}) -m str ${quote(overrideValue(target, override))} }`;
        const isRole = target === 'stable' || target === 'candidate';
        const slot = `str(${target})${isRole ? `,map(${mapFile})` : ''}`;
        return `    http-request set-var(txn.bascule_by) ${slot} if ${mine}${asked} { req.fhdr_cnt(${header}) eq 1 }${client} !{ var(txn.bascule_slot) -m str ${GONE} }\n`;
      }),
    )
    .join('');
}

/** Conditions, one of which a client of these networks meets. */
function clients(networks: readonly string[], trustForwarded: boolean): string[] {
  const some = [...new Set(networks)].map((network) => quote(network)).join(' ');
  const direct = ` { src ${some} }`;
  if (!trustForwarded) return [direct];
  const named = '{ req.hdr(X-Forwarded-For) -m found }';
  return [`${direct} !${named}`, ` { req.hdr_ip(X-Forwarded-For,-1) ${some} }`];
}

/** The application never gets it, nor what only looks like it. */
export function withoutOverride({ override }: Door): string[] {
  if (override === undefined) return [];
  return [`del-header ${quote(`^${override.header.replaceAll('-', '[-_]')}$`)} -m reg`];
}
