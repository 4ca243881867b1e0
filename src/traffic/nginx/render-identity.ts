import { formatBucket } from './bucket.ts';
import type { Door } from '../router.ts';
import { block } from './render-block.ts';
import { quote } from './quote.ts';
import { nameOf } from './service-plan.ts';

export const COOKIE_NAME = 'bascule_id';
const DAYS_90 = 7_776_000;

/**
 * What stands before and after our cookie, and the identity in it where it has its shape. One pattern for all three, as
 * each costs every request: ours is the first cookie and takes the semicolon behind it along, or the one before it.
 */
const VALUE = '(?:(?<bascule_visitor>[0-9a-f]{32})(?![^;])|[^;]*)';
const OURS = `^(?|(?<bascule_before>)${COOKIE_NAME}=${VALUE}(?:; *|$)(?<bascule_after>.*)|(?<bascule_before>.*?); *${COOKIE_NAME}=${VALUE}(?<bascule_after>;.*|))$`;

/** Set before a request is sent on, and read later: what the application gets, the identity, a cookie that is given. */
export const IDENTITY_VARIABLES = ['before', 'after', 'visitor', 'cookie'] as const;

/** The variable that holds who asks; 128 random bits where that cannot be told. */
export function identityOf({ service, sticky, spec }: Door): string {
  switch (sticky.by) {
    case 'cookie':
      return '$bascule_visitor';
    case 'address':
      return spec.trustForwarded ? '$bascule_kept_address' : '$remote_addr';
    case 'header':
      return `$${nameOf(service)}_identity`;
    case 'none':
      // Every request its own, without random bits, which cost a tenth of it.
      return '$connection.$connection_requests';
  }
}

/** Stands at the level of `http`. */
export function renderIdentity(door: Door): string {
  const { sticky } = door;
  if (sticky.by !== 'header') return renderBuckets(door);
  const header = `$http_${sticky.header.toLowerCase().replaceAll('-', '_')}`;
  return `map ${header} $${nameOf(door.service)}_identity {
    "" $request_id;
    default ${header};
}
${renderBuckets(door)}`;
}

/** In two draws, as nginx goes through the parts one by one: the hundreds, and the rest. */
function renderBuckets(door: Door): string {
  const name = nameOf(door.service);
  const identity = identityOf(door);
  return `${block(`split_clients "${door.salt}${identity}" $${name}_hundreds`, parts('10%', 10, 1))}${block(
    `split_clients "${door.salt} ${identity}" $${name}_rest`,
    parts('1%', 100, 2),
  )}`;
}

function parts(width: string, count: number, digits: number): string {
  return Array.from({ length: count }, (_, part) => {
    const share = part === count - 1 ? '*' : width;
    return `${share} ${formatBucket(part, digits)};\n`;
  }).join('');
}

/** The bucket of a request: three digits. */
export function bucketOf({ service }: Door): string {
  return `$${nameOf(service)}_hundreds$${nameOf(service)}_rest`;
}

/** Takes our cookie out of what goes on. Stands where requests come in. */
export function renderCookieTaken({ sticky }: Door): string {
  if (sticky.by !== 'cookie') return '';
  return block(`if ($http_cookie !~ ${quote(OURS)})`, 'set $bascule_before $http_cookie;\n');
}

/** Makes an identity for a visitor without one: it counts for this request already. */
export function renderIdentified(door: Door): string {
  if (door.sticky.by !== 'cookie') return '';
  const secure = door.spec.trustForwarded ? '$bascule_kept_secure' : '$bascule_secure';
  return `${renderCookieTaken(door)}${block(
    'if ($bascule_visitor = "")',
    `set $bascule_visitor $request_id;
set $bascule_cookie "${COOKIE_NAME}=$request_id; Path=/; Max-Age=${DAYS_90}; HttpOnly; SameSite=Lax${secure}";
`,
  )}`;
}

/** Gives the identity that was made. */
export function renderGiven({ sticky }: Door): string {
  return sticky.by === 'cookie' ? 'add_header Set-Cookie $bascule_cookie always;\n' : '';
}
