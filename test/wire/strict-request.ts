/** A request as it was read: enough to tell whether two parsers read the same. */
export type ReadRequest = {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
};

export type Reading = {
  /** Those that came whole. */
  readonly requests: readonly ReadRequest[];
  /** Null: all was read. `more`: the last one is not whole. Anything else: why it is no HTTP to a strict reader. */
  readonly left: string | null;
  /** Where the first one begins that is not among them. */
  readonly at: number;
};

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\u0021-\u007e]+) HTTP\/1\.([01])$/;
const FIELD =
  // oxlint-disable-next-line no-control-regex -- they are what it looks for
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[^\u0000-\u0008\u000a-\u001f\u007f]*[^\u0000-\u0020\u007f])?)[ \t]*$/;
const HOST = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;
/** With `_` for `-`, CGI and WSGI take one for the other. */
const TWINS = /^(?=.*_)(?:content.length|transfer.encoding|host|x.real.ip|x.forwarded.\w+|connection)$/i;
const CHUNK = /^([0-9A-Fa-f]{1,8})(?:;[\w-]+(?:=(?:[\w-]+|"[\w -]*"))?)*$/;

export class Wrong extends Error {}
export class More extends Error {}

/**
 * Reads what an application received, by the grammar of RFC 9112 and nothing beside it: whatever it refuses, somebody
 * reads in another way. It shares no code with what it judges.
 */
export function readStrictly(text: string): Reading {
  const requests: ReadRequest[] = [];
  const cursor = { text, at: 0 };
  let at = 0;
  try {
    while (cursor.at < text.length) {
      requests.push(readRequest(cursor));
      at = cursor.at;
    }
    return { requests, left: null, at };
  } catch (error) {
    if (error instanceof More) return { requests, left: 'more', at };
    if (error instanceof Wrong) return { requests, left: error.message, at };
    throw error;
  }
}

export type Cursor = { readonly text: string; at: number };

function readRequest(cursor: Cursor): ReadRequest {
  const first = line(cursor, 'the request line');
  const found = REQUEST_LINE.exec(first);
  if (found === null) throw new Wrong(`request line ${JSON.stringify(first.slice(0, 60))}`);
  const [, method, target, minor] = found as unknown as [string, string, string, string];
  const headers = fields(cursor);
  checkHost({ method, target, isOld: minor === '0', hosts: valuesOf(headers, 'host') });
  return { method, target, headers, body: readBody(cursor, headers, minor === '0') };
}

export function line(cursor: Cursor, what: string): string {
  const end = cursor.text.indexOf('\n', cursor.at);
  if (end === -1) throw new More();
  const all = cursor.text.slice(cursor.at, end);
  if (!all.endsWith('\r') || all.slice(0, -1).includes('\r')) throw new Wrong(`a line end in ${what}`);
  cursor.at = end + 1;
  return all.slice(0, -1);
}

/** Twins are refused in requests only: no application reads an answer. */
export function fields(cursor: Cursor, mayBeTwins = false): [string, string][] {
  const all: [string, string][] = [];
  for (;;) {
    const text = line(cursor, 'a field');
    if (text === '') return all;
    const found = FIELD.exec(text);
    if (found === null) throw new Wrong(`field ${JSON.stringify(text.slice(0, 60))}`);
    if (!mayBeTwins && TWINS.test(found[1]!))
      throw new Wrong(`field ${found[1]!}, which some read with dashes`);
    all.push([found[1]!, found[2]!]);
  }
}

type Addressed = {
  readonly method: string;
  readonly target: string;
  readonly isOld: boolean;
  readonly hosts: readonly string[];
};

function checkHost({ method, target, isOld, hosts }: Addressed): void {
  if (method === 'CONNECT') throw new Wrong('CONNECT');
  if (hosts.length > 1) throw new Wrong('two Hosts');
  if (hosts.length === 0 && !isOld) throw new Wrong('no Host');
  const host = hosts[0] ?? '';
  if (hosts.length === 1 && !HOST.test(host)) throw new Wrong(`Host ${JSON.stringify(host)}`);
  if (target.startsWith('/') || (target === '*' && method === 'OPTIONS')) return;
  const authority = ABSOLUTE.exec(target)?.[1];
  if (authority === undefined) throw new Wrong(`target ${target}`);
  if (authority.toLowerCase() !== host.toLowerCase()) throw new Wrong(`target ${target} for Host ${host}`);
}

function readBody(cursor: Cursor, headers: readonly (readonly [string, string])[], isOld: boolean): string {
  const lengths = valuesOf(headers, 'content-length');
  const codings = valuesOf(headers, 'transfer-encoding');
  if (codings.length > 0) {
    if (lengths.length > 0) throw new Wrong('both Content-Length and Transfer-Encoding');
    if (isOld) throw new Wrong('Transfer-Encoding in HTTP/1.0');
    if (codings.length > 1 || codings[0]!.toLowerCase() !== 'chunked')
      throw new Wrong(`Transfer-Encoding ${codings.join(' | ')}`);
    return chunks(cursor);
  }
  if (lengths.length > 1) throw new Wrong('two Content-Lengths');
  if (lengths.length === 0) return '';
  if (!/^\d{1,15}$/.test(lengths[0]!)) throw new Wrong(`Content-Length ${JSON.stringify(lengths[0])}`);
  return take(cursor, Number(lengths[0]));
}

export function chunks(cursor: Cursor): string {
  let body = '';
  for (;;) {
    const found = CHUNK.exec(line(cursor, 'a chunk size'));
    if (found === null) throw new Wrong('a chunk size');
    const size = Number.parseInt(found[1]!, 16);
    if (size === 0) break;
    body += take(cursor, size);
    if (take(cursor, 2) !== '\r\n') throw new Wrong('a chunk without its end');
  }
  const trailers = fields(cursor);
  for (const name of ['host', 'content-length', 'transfer-encoding', 'x-forwarded-for'])
    if (valuesOf(trailers, name).length > 0) throw new Wrong(`trailer ${name}`);
  return body;
}

export function take(cursor: Cursor, length: number): string {
  if (cursor.text.length - cursor.at < length) throw new More();
  cursor.at += length;
  return cursor.text.slice(cursor.at - length, cursor.at);
}

export function valuesOf(headers: readonly (readonly [string, string])[], name: string): string[] {
  return headers.filter((each) => each[0].toLowerCase() === name).map((each) => each[1]);
}
