import { HEADER, headerKind } from './header-kinds.ts';
import type { Refusal } from './request-head.ts';

/** A request of HTTP/2 as HTTP/1.1 would have it, so that one path serves both. */
export type TranslatedHead = {
  readonly method: string;
  readonly url: string;
  /** Flat name, value, name, value; Host first. */
  readonly rawHeaders: string[];
};

/** What the first line and the fields of HTTP/1.1 can hold without being read as something else. */
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;
const TARGET = /^(?:\/[\x21-\x7e]*|\*)$/;
// oxlint-disable-next-line no-control-regex -- they are what it looks for
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;
/** A request of these has a body, if only an empty one. */
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);

/**
 * Pseudo-header fields become the first line and Host, cookies that came apart are joined (RFC 9113, sections 8.3.1 and
 * 8.2.3). What has no meaning there, or two, is refused; nghttp2 has refused most of it before. `isOver`: no body follows.
 */
export function translateHead(raw: readonly string[], isOver: boolean): TranslatedHead | Refusal {
  const pseudo = new Map<string, string>();
  const fields: string[] = [];
  let host: string | null = null;
  let cookie = -1;
  let hasLength = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    if (CONTROL.test(value)) return bad('a control character in a header field');
    if (name.startsWith(':')) {
      if (pseudo.has(name)) return bad(`more than one ${name}`);
      pseudo.set(name, value);
      continue;
    }
    switch (headerKind(name)) {
      case HEADER.host:
        if (host !== null) return bad('more than one Host');
        host = value;
        continue;
      case HEADER.connection:
      case HEADER.keepAlive:
      case HEADER.transferEncoding:
      case HEADER.upgrade:
        return bad(`${name}, which HTTP/2 has not`);
      case HEADER.te:
        if (value.toLowerCase() !== 'trailers') return bad('a TE other than trailers');
        break;
      case HEADER.malformed:
        return bad('a malformed header field');
      case HEADER.contentLength:
        hasLength = true;
        break;
      case HEADER.cookie:
        if (cookie >= 0) {
          fields[cookie] += `; ${value}`;
          continue;
        }
        cookie = fields.length + 1;
        break;
      default:
    }
    fields.push(name, value);
  }
  const line = firstLine(pseudo, host);
  if ('status' in line) return line;
  if (!hasLength && !isOver) fields.push('transfer-encoding', 'chunked');
  if (!hasLength && isOver && WITH_BODY.has(line.method)) fields.push('content-length', '0');
  return { method: line.method, url: line.url, rawHeaders: ['host', line.host, ...fields] };
}

type Line = { readonly method: string; readonly url: string; readonly host: string };

function firstLine(pseudo: ReadonlyMap<string, string>, host: string | null): Line | Refusal {
  const method = pseudo.get(':method') ?? '';
  if (!METHOD.test(method)) return bad('a malformed method');
  // Also one that would open a WebSocket (RFC 8441), which the proxy has not offered.
  if (method === 'CONNECT') return { status: 405, text: 'CONNECT is not spoken here' };
  const scheme = pseudo.get(':scheme');
  if (scheme !== 'https' && scheme !== 'http') return bad('an unsupported scheme');
  const url = pseudo.get(':path') ?? '';
  if (!TARGET.test(url)) return bad('an unsupported request target');
  const authority = pseudo.get(':authority') ?? host;
  if (authority === null || authority === '') return bad('no host');
  if (host !== null && host.toLowerCase() !== authority.toLowerCase())
    return bad('a Host that contradicts :authority');
  return { method, url, host: authority };
}

function bad(what: string): Refusal {
  return { status: 400, text: `the request has ${what}` };
}
