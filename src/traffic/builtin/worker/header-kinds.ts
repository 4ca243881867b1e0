/** What the proxy must know about a header field to forward it; everything else is passed as it came. */
export const HEADER = {
  plain: 0,
  /** Belongs to one connection and is never forwarded (RFC 9110, section 7.6.1). */
  hop: 1,
  connection: 2,
  host: 3,
  contentLength: 4,
  transferEncoding: 5,
  upgrade: 6,
  expect: 7,
  cookie: 8,
  forwardedFor: 9,
  forwardedProto: 10,
  forwardedHost: 11,
  requestId: 12,
  keepAlive: 13,
  contentType: 14,
  te: 15,
  trailer: 16,
  /** Says who the client is; only a trusted proxy may: Forwarded, X-Forwarded-*, X-Real-IP. */
  forwarded: 17,
  /** With `_` for `-` one of the above: CGI and WSGI cannot tell the two apart. */
  disguised: 18,
  /** No header name (RFC 9110, section 5.6.2). */
  malformed: 19,
} as const;

const KINDS: Readonly<Record<string, number>> = {
  connection: HEADER.connection,
  'keep-alive': HEADER.keepAlive,
  'proxy-connection': HEADER.hop,
  'proxy-authenticate': HEADER.hop,
  'proxy-authorization': HEADER.hop,
  te: HEADER.te,
  trailer: HEADER.trailer,
  'transfer-encoding': HEADER.transferEncoding,
  upgrade: HEADER.upgrade,
  host: HEADER.host,
  'content-length': HEADER.contentLength,
  'content-type': HEADER.contentType,
  expect: HEADER.expect,
  cookie: HEADER.cookie,
  forwarded: HEADER.forwarded,
  'x-forwarded-for': HEADER.forwardedFor,
  'x-forwarded-proto': HEADER.forwardedProto,
  'x-forwarded-host': HEADER.forwardedHost,
  'x-request-id': HEADER.requestId,
};

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Names as they are spelled on the wire; clients choose them, so their number is bounded. */
const MAX_SPELLINGS = 4096;
const spellings = new Map<string, number>();

export function headerKind(name: string): number {
  const known = spellings.get(name);
  if (known !== undefined) return known;
  const kind = kindOf(name);
  if (spellings.size < MAX_SPELLINGS) spellings.set(name, kind);
  return kind;
}

function kindOf(name: string): number {
  if (!TOKEN.test(name)) return HEADER.malformed;
  const lower = name.toLowerCase();
  const known = knownKind(lower);
  if (known !== HEADER.plain || !lower.includes('_')) return known;
  return knownKind(lower.replaceAll('_', '-')) === HEADER.plain ? HEADER.plain : HEADER.disguised;
}

function knownKind(lower: string): number {
  if (Object.hasOwn(KINDS, lower)) return KINDS[lower]!;
  return lower.startsWith('x-forwarded-') || lower === 'x-real-ip' ? HEADER.forwarded : HEADER.plain;
}

/** What frames, routes, authenticates or describes a message: of no effect behind it (RFC 9110, section 6.5.1), or of two. */
const NEVER_TRAILS =
  /^(?:authorization|www-authenticate|set-cookie|(?:content|if)-.+|cache-control|pragma|vary|age|expires|date|location|retry-after|range|accept-ranges|max-forwards|x-http-method.*)$/i;

/** Whether a field may come after the body. */
export function mayTrail(name: string): boolean {
  return headerKind(name) === HEADER.plain && !NEVER_TRAILS.test(name.replaceAll('_', '-'));
}

/** Names listed in Connection, lowercased, without the options that every proxy handles itself; null for none. */
export function namesListed(connection: string): readonly string[] | null {
  let names: string[] | null = null;
  for (const part of connection.split(',')) {
    const name = part.trim().toLowerCase();
    if (name === '' || name === 'close' || name === 'keep-alive' || name === 'upgrade' || name === 'te')
      continue;
    names ??= [];
    names.push(name);
  }
  return names;
}

export function lists(connection: string, option: string): boolean {
  return connection.split(',').some((part) => part.trim().toLowerCase() === option);
}
