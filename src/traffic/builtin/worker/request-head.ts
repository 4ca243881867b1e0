import { HEADER, headerKind, lists, namesListed } from './header-kinds.ts';

/** At most this many header fields; more is refused, never cut off. */
export const MAX_HEADERS = 100;
/** `identity-cookie=32 hex digits`. */
export const COOKIE_NAME = 'bascule_id';

/** What one pass over a request's head found. */
export type RequestScan = {
  /** As sent; empty for an HTTP/1.0 request without one. */
  readonly host: string;
  readonly contentLength: number | null;
  readonly chunked: boolean;
  /** Protocol named in Upgrade when Connection asks for it, or null. */
  readonly upgrade: string | null;
  /** Header names that belong to this connection only, lowercased. */
  readonly dropped: readonly string[] | null;
  /** The visitor's identity cookie, when it has the right shape. */
  readonly cookie: string | null;
  readonly forwardedFor: string | null;
  readonly forwardedProto: string | null;
  readonly forwardedHost: string | null;
  readonly hasRequestId: boolean;
  /** Waits with its body for `100 Continue`. */
  readonly expectsContinue: boolean;
  /** The connection may carry another request. */
  readonly keepsAlive: boolean;
};

export type Refusal = { readonly status: number; readonly text: string };

/** Empty, or a host with or without a port. */
const HOST_SHAPE = /^(?:[A-Za-z0-9._~-]+(?::\d{1,5})?)?$|^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/;
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);
const ABSOLUTE = /^http:\/\/([^/?#]+)(.*)$/i;
const ABSOLUTE_SECURE = /^https:\/\/([^/?#]+)(.*)$/i;
const DIGITS = /^\d{1,15}$/;
/** They are of RTSP, and come with its version. */
const RTSP_METHODS = new Set(
  'DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN GET_PARAMETER SET_PARAMETER REDIRECT RECORD FLUSH'.split(' '),
);

/** Why a request is refused for its method, or null. Parsers of Node take these for HTTP too. */
export function methodProblem(method: string): Refusal | null {
  return RTSP_METHODS.has(method) ? bad('a method that is none of HTTP') : null;
}

/**
 * Reads a request's head, or says why it is refused: whatever two parsers could read differently is not forwarded
 * (request smuggling, RFC 9112 section 11.2). What is no field at all was refused before.
 */
export function scanRequest(rawHeaders: readonly string[], isHttp10 = false): RequestScan | Refusal {
  if (rawHeaders.length > MAX_HEADERS * 2)
    return { status: 431, text: `more than ${MAX_HEADERS} header fields` };
  const scan = nothingFound();
  let connection: string | null = null;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const kind = headerKind(rawHeaders[i]!);
    if (kind === HEADER.plain) continue;
    const value = rawHeaders[i + 1]!;
    switch (kind) {
      case HEADER.host:
        if (scan.host !== null) return bad('more than one Host');
        if (!HOST_SHAPE.test(value)) return bad('a malformed Host');
        scan.host = value;
        break;
      case HEADER.contentLength:
        if (scan.contentLength !== null || !DIGITS.test(value)) return bad('a malformed Content-Length');
        scan.contentLength = Number(value);
        break;
      case HEADER.transferEncoding:
        if (scan.chunked || value.toLowerCase() !== 'chunked') return bad('an unknown Transfer-Encoding');
        scan.chunked = true;
        break;
      case HEADER.connection:
        connection = join(connection, value);
        break;
      case HEADER.upgrade:
        scan.upgrade = join(scan.upgrade, value);
        break;
      case HEADER.cookie:
        scan.cookie ??= identityCookie(value);
        break;
      case HEADER.forwardedFor:
        scan.forwardedFor = join(scan.forwardedFor, value);
        break;
      case HEADER.forwardedProto:
        scan.forwardedProto ??= value;
        break;
      case HEADER.forwardedHost:
        scan.forwardedHost ??= value;
        break;
      case HEADER.requestId:
        scan.hasRequestId = true;
        break;
      case HEADER.expect:
        // Whoever reads more into it waits for a body, or takes one for a request, where others do not.
        if (scan.expectsContinue || value.toLowerCase() !== '100-continue')
          return { status: 417, text: 'only one expectation can be met, 100-continue' };
        scan.expectsContinue = true;
        break;
      case HEADER.disguised:
        return bad('a header field that some read as another one ("_" for "-")');
      default:
    }
  }
  if (scan.chunked && scan.contentLength !== null) return bad('both Content-Length and Transfer-Encoding');
  // RFC 9112, section 6.1; of HTTP/1.0 neither expectations nor upgrades are (RFC 9110, sections 10.1.1 and 7.8).
  if (isHttp10 && scan.chunked) return bad('Transfer-Encoding in HTTP/1.0');
  if (isHttp10) scan.expectsContinue = false;
  else if (scan.host === null) return bad('no Host');
  scan.keepsAlive = keepsAlive(connection, isHttp10);
  if (connection !== null) scan.dropped = namesListed(connection);
  if (connection === null || !lists(connection, 'upgrade')) scan.upgrade = null;
  return { ...scan, host: scan.host ?? '' };
}

function keepsAlive(connection: string | null, isHttp10: boolean): boolean {
  if (connection === null) return !isHttp10;
  return !lists(connection, 'close') && (!isHttp10 || lists(connection, 'keep-alive'));
}

type Found = Omit<{ -readonly [Key in keyof RequestScan]: RequestScan[Key] }, 'host'> & {
  host: string | null;
};

function nothingFound(): Found {
  return {
    host: null,
    contentLength: null,
    chunked: false,
    upgrade: null,
    dropped: null,
    cookie: null,
    forwardedFor: null,
    forwardedProto: null,
    forwardedHost: null,
    hasRequestId: false,
    expectsContinue: false,
    keepsAlive: true,
  };
}

export type Forwarding = {
  readonly scan: RequestScan;
  readonly rawHeaders: readonly string[];
  readonly clientAddress: string;
  /** Of the connection. */
  readonly proto: 'http' | 'https';
  readonly trustForwarded: boolean;
  /** For a request of HTTP/1.0 that names none. */
  readonly host: string;
  /** Used when the client sent none. */
  readonly requestId: string;
  /** Protocol to ask the application for, or null. */
  readonly upgrade: string | null;
  /** A header that is the proxy's alone, in lower case, or null. */
  readonly without: string | null;
  /** The path that was taken off, or empty. */
  readonly below: string;
  /** Of a trace that begins here, or null. */
  readonly traceparent: string | null;
};

/** What follows the first line of the head that the application gets, ready to be written in latin1. */
export function forwardedHead(forwarding: Forwarding): string {
  const { scan, rawHeaders } = forwarding;
  let head = '';
  if (scan.host === '') head += `Host: ${forwarding.host}\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const value = rawHeaders[i + 1]!;
    if (value === '' && headerKind(name) === HEADER.host) continue;
    if (!passes(headerKind(name), value, forwarding.trustForwarded)) continue;
    if (
      scan.dropped !== null &&
      headerKind(name) === HEADER.plain &&
      scan.dropped.includes(name.toLowerCase())
    )
      continue;
    if (forwarding.below !== '' && isPrefixField(name)) continue;
    if (forwarding.without !== null && isSpelling(name, forwarding.without)) continue;
    const sent = headerKind(name) === HEADER.cookie ? withoutIdentity(value) : value;
    if (sent !== null) head += `${name}: ${sent}\r\n`;
  }
  if (scan.chunked) head += 'Transfer-Encoding: chunked\r\n';
  else if (scan.contentLength !== null) head += `Content-Length: ${scan.contentLength}\r\n`;
  if (scan.expectsContinue) head += 'Expect: 100-continue\r\n';
  if (forwarding.upgrade !== null) head += `Connection: Upgrade\r\nUpgrade: ${forwarding.upgrade}\r\n`;
  if (!scan.hasRequestId) head += `X-Request-ID: ${forwarding.requestId}\r\n`;
  if (forwarding.traceparent !== null) head += `traceparent: ${forwarding.traceparent}\r\n`;
  if (forwarding.below !== '') head += `X-Forwarded-Prefix: ${prefixOf(forwarding)}\r\n`;
  return `${head}${forwardedFields(forwarding)}\r\n`;
}

function isPrefixField(name: string): boolean {
  return name.length === 18 && name.toLowerCase() === 'x-forwarded-prefix';
}

/** What a trusted proxy before this one has taken off stands before what is taken off here. */
function prefixOf({ rawHeaders, below, trustForwarded }: Forwarding): string {
  const at = trustForwarded ? rawHeaders.findIndex((name, i) => i % 2 === 0 && isPrefixField(name)) : -1;
  const before = at === -1 ? '' : rawHeaders[at + 1]!.replace(/\/$/, '');
  return /^\/[!-+\--~]*$/.test(before) ? before + below : below;
}

/** Also with `_` for `-`, which CGI and WSGI cannot tell apart. */
function isSpelling(name: string, lower: string): boolean {
  return name.length === lower.length && name.toLowerCase().replaceAll('_', '-') === lower;
}

function forwardedFields({ scan, clientAddress, proto, trustForwarded, host: ownHost }: Forwarding): string {
  const host = scan.host === '' ? ownHost : scan.host;
  if (!trustForwarded) {
    return `X-Forwarded-For: ${clientAddress}\r\nX-Forwarded-Proto: ${proto}\r\nX-Forwarded-Host: ${host}\r\n`;
  }
  const chain = scan.forwardedFor === null ? clientAddress : `${scan.forwardedFor}, ${clientAddress}`;
  const said = scan.forwardedProto ?? proto;
  return `X-Forwarded-For: ${chain}\r\nX-Forwarded-Proto: ${said}\r\nX-Forwarded-Host: ${scan.forwardedHost ?? host}\r\n`;
}

function passes(kind: number, value: string, trustForwarded: boolean): boolean {
  switch (kind) {
    case HEADER.plain:
    case HEADER.host:
    case HEADER.cookie:
    case HEADER.contentType:
    case HEADER.requestId:
    case HEADER.trailer:
      return true;
    case HEADER.te:
      return lists(value, 'trailers');
    case HEADER.forwarded:
      return trustForwarded;
    default:
      return false;
  }
}

/** `target` in origin form, or why it is refused. An absolute form must name the same host as Host (RFC 9112, 3.2.2). */
export function originForm(target: string, host: string, isSecure = false): string | Refusal {
  if (target.includes('#')) return bad('a fragment in its target');
  if (target.startsWith('/')) return target;
  const absolute = (isSecure ? ABSOLUTE_SECURE : ABSOLUTE).exec(target);
  if (absolute === null) return bad('an unsupported request target');
  if (absolute[1]!.toLowerCase() !== host.toLowerCase()) return bad('a request target that contradicts Host');
  const rest = absolute[2]!;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** The hosts that a visitor's address bar may show. */
export function visitorsHosts(scan: RequestScan, trustForwarded: boolean): readonly string[] {
  const { host, forwardedHost } = scan;
  return trustForwarded && forwardedHost !== null ? [host, forwardedHost.split(',')[0]!.trim()] : [host];
}

/** The identity in a Cookie header, if there is one of the right shape: 32 lowercase hex digits. */
export function identityCookie(header: string): string | null {
  const found = /(?:^|;)[ \t]*bascule_id=([0-9a-f]{32})[ \t]*(?:;|$)/.exec(header);
  return found === null ? null : found[1]!;
}

/**
 * A Cookie header without ours, in whatever shape: the identity is the proxy's business alone, and an application that
 * logs or echoes cookies cannot leak it. Null when nothing is left.
 */
export function withoutIdentity(header: string): string | null {
  if (!header.includes(COOKIE_NAME)) return header;
  const kept = header.split(';').filter((pair) => pair.split('=')[0]!.trim() !== COOKIE_NAME);
  return kept.length === 0 ? null : kept.join(';').trimStart();
}

/** The last address of X-Forwarded-For: the one that the trusted proxy before this one saw. */
export function lastForwardedFor(forwardedFor: string): string {
  return forwardedFor.slice(forwardedFor.lastIndexOf(',') + 1).trim();
}

/** May be sent again without asking the client (RFC 9110, section 9.2.2). */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

export function isRefusal(value: RequestScan | string | Refusal): value is Refusal {
  return typeof value === 'object' && 'status' in value;
}

function bad(what: string): Refusal {
  return { status: 400, text: `the request has ${what}` };
}

function join(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`;
}
