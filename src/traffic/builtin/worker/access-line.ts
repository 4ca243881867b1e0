import type { AccessField } from '../../../release/access-fields.ts';
import type { AccessLogSpec } from '../../../release/service.ts';
import type { AccountedAnswer } from './accounted-answer.ts';
import type { ClientRequest } from './client-side.ts';
import { headerOf } from './header-value.ts';
import { traceIdIn } from './trace-context.ts';

/** Of any text that a client chose. */
const MOST_CHARS = 2048;

/** What a line is about. */
export type Account = {
  readonly answer: AccountedAnswer;
  readonly req: Pick<ClientRequest, 'method' | 'rawHeaders'>;
  /** Path and query. */
  readonly target: string;
  /** Without port, as doors are found by it. */
  readonly host: string;
  readonly isSecure: boolean;
  readonly clientAddress: string;
  readonly endedAtMs: number;
  /** Unix time of the end. */
  readonly wallMs: number;
};

type Value = string | number | null;

/** A line of the access log, without its end. What is not known is null. */
export function accessLine({ fields, headers }: AccessLogSpec, account: Account): string {
  const line: Record<string, Value> = {};
  for (const field of fields) line[field] = valueOf(field, account);
  for (const header of headers) {
    const value = headerOf(account.req.rawHeaders, header);
    const isAddress = header === 'referer' && value !== null && !fields.includes('query');
    line[header] = cut(isAddress ? beforeQuery(value) : value);
  }
  return JSON.stringify(line);
}

function valueOf(field: AccessField, account: Account): Value {
  const { answer, req, target } = account;
  switch (field) {
    case 'time':
      return new Date(account.wallMs - (account.endedAtMs - answer.arrivedAtMs)).toISOString();
    case 'client':
      return account.clientAddress;
    case 'method':
      return req.method ?? null;
    case 'scheme':
      return account.isSecure ? 'https' : 'http';
    case 'host':
      return cut(account.host);
    case 'path':
      return cut(beforeQuery(target));
    case 'query':
      return target.includes('?') ? cut(target.slice(target.indexOf('?') + 1)) : null;
    case 'status':
      return answer.status === 0 ? null : answer.status;
    case 'bytes':
      return answer.bytes;
    case 'ms':
      return rounded(account.endedAtMs - answer.arrivedAtMs);
    case 'app-ms':
      return answer.appMs === null ? null : rounded(answer.appMs);
    case 'queue-ms':
      return rounded(answer.queueMs);
    case 'slot':
      return answer.replica?.slot ?? null;
    case 'replica':
      return answer.replica?.index ?? null;
    case 'attempts':
      return answer.attempts;
    case 'outcome':
      return answer.outcome;
    case 'kind':
      return answer.kind;
    case 'request-id':
      return cut(headerOf(req.rawHeaders, 'x-request-id') ?? answer.requestId);
    case 'trace-id':
      return answer.traceId ?? traceIdIn(req.rawHeaders);
  }
}

function beforeQuery(target: string): string {
  const at = target.search(/[?#]/);
  return at === -1 ? target : target.slice(0, at);
}

function cut<T extends string | null>(text: T): T | string {
  return text === null || text.length <= MOST_CHARS ? text : text.slice(0, MOST_CHARS);
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
