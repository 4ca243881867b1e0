import type { Caller, Controller } from '../controller/controller.ts';
import { OperatingError } from '../lib/errors.ts';
import type { CodeEntry } from '../release/code-entry.ts';
import { CODES } from '../release/codes.ts';
import type { Problem } from './answers.ts';

/**
 * HTTP status of each code. Whatever is not listed is a refusal: the request was understood, and what is true now
 * stands against it (409). Nothing changed in any of these cases.
 */
export const STATUS: Readonly<Record<string, number>> = {
  REQUEST_INVALID: 400,
  IDEMPOTENCY_KEY_INVALID: 400,
  TOKEN_MISSING: 401,
  TOKEN_REFUSED: 401,
  SESSION_ENDED: 401,
  LINK_REFUSED: 401,
  OIDC_REFUSED: 401,
  OIDC_NO_ROLE: 403,
  OIDC_UNREACHABLE: 503,
  ROLE_TOO_LOW: 403,
  TOKEN_SCOPE: 403,
  ORIGIN_FOREIGN: 403,
  TOKEN_UNKNOWN: 404,
  NOTIFY_UNKNOWN: 404,
  REQUEST_TOO_SLOW: 408,
  HOST_UNKNOWN: 421,
  REQUESTS_TOO_MANY: 429,
  HEAD_TOO_LARGE: 431,
  ROUTE_UNKNOWN: 404,
  METHOD_NOT_ALLOWED: 405,
  SERVICE_UNKNOWN: 404,
  ROLLOUT_UNKNOWN: 404,
  NOTHING_JUDGED: 404,
  EVIDENCE_GONE: 410,
  RULES_WRONG: 400,
  RELEASE_UNKNOWN: 404,
  ARTIFACT_UNKNOWN: 404,
  BODY_TOO_LARGE: 413,
  ARTIFACT_TOO_LARGE: 413,
  BODY_TYPE_UNKNOWN: 415,
  IDEMPOTENCY_KEY_REUSED: 422,
  ARTIFACT_DIGEST_MISMATCH: 422,
  ARTIFACT_UNSAFE: 422,
  SERVER_STOPPING: 503,
  TOO_MANY_STREAMS: 503,
  JOURNAL_FULL: 507,
  JOURNAL_FAILED: 507,
  JOURNAL_CONFLICT: 500,
  WORKLOAD_DISK_FULL: 507,
  SERVER_BUG: 500,
};
const REFUSED = 409;

/** A problem without what only the request knows. */
export type BareProblem = Omit<Problem, 'requestId' | 'now'>;

/** RFC 9457 for anything thrown. Bugs keep their text for the log: clients get no internals. */
export function problemOf(error: unknown): BareProblem {
  const known = error instanceof OperatingError ? error : (fromFastify(error) ?? bug());
  const entry = (CODES as Readonly<Record<string, CodeEntry>>)[known.code];
  return {
    type: `urn:bascule:${known.code}`,
    title: entry?.title ?? known.code,
    status: STATUS[known.code] ?? REFUSED,
    detail: known.message,
    code: known.code,
    retryable: known.retryable,
  };
}

/** What is true of a service now, for the end of a problem. */
export function nowOf(controller: Controller, service: string, caller: Caller): Problem['now'] {
  try {
    const view = controller.read.service(service, caller);
    return {
      users: view.users,
      condition: view.condition,
      rollout: view.rollout?.id ?? null,
      phase: view.rollout?.phase ?? null,
      allowedActions: [...view.allowedActions],
    };
  } catch {
    // Not there, or not readable: the problem itself says so.
    return null;
  }
}

function fromFastify(error: unknown): OperatingError | null {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number')
    return null;
  if (error.statusCode === 413) {
    return new OperatingError('BODY_TOO_LARGE', `The request body is too large; nothing changed.`, {
      retryable: false,
      cause: error,
    });
  }
  if (error.statusCode === 415) {
    return new OperatingError(
      'BODY_TYPE_UNKNOWN',
      `This content type is not taken here; send application/json. Nothing changed.`,
      { retryable: false, cause: error },
    );
  }
  if (error.statusCode < 400 || error.statusCode >= 500) return null;
  return new OperatingError('REQUEST_INVALID', `${error.message}. Nothing changed.`, {
    retryable: false,
    cause: error,
  });
}

function bug(): OperatingError {
  return new OperatingError(
    'SERVER_BUG',
    'A fault in Bascule; traffic stays as it is. The log of the server has the details under this request id.',
    { retryable: false },
  );
}
