import type { TokenView } from '../controller/token-record.ts';
import { printable } from '../release/problem.ts';
import { dayTime } from './format.ts';
import { flow, piece, segment, type Line, type Style } from './layout.ts';

const STYLE_OF: Readonly<Record<TokenView['state'], Style>> = {
  valid: 'good',
  expired: 'dim',
  revoked: 'dim',
};

/** One for each, newest first: `1a2b3c4d  ana  operator of shop  valid until …  last used …`. */
export function renderTokens(
  tokens: readonly TokenView[],
  look: { readonly width: number; readonly timeZone: string | undefined },
): Line[] {
  const at = (ms: number) => dayTime(ms, look.timeZone);
  return tokens.toReversed().flatMap((one) => {
    const of = one.services === null ? '' : ` of ${one.services.join(', ')}`;
    const end =
      one.state === 'revoked'
        ? 'revoked'
        : `${one.state === 'valid' ? 'until' : 'expired'} ${at(one.expiresAtMs)}`;
    return flow(
      [piece(`${one.id}  `)],
      [
        segment(printable(one.name), 'bold'),
        segment(printable(`${one.role}${of}`)),
        segment(end, STYLE_OF[one.state]),
        segment(one.lastUsedAtMs === null ? 'not used lately' : `used ${at(one.lastUsedAtMs)}`, 'dim'),
        segment(printable(`made ${at(one.createdAtMs)} by ${one.createdBy}`), 'dim'),
      ],
      { width: look.width, gap: 2 },
    );
  });
}
