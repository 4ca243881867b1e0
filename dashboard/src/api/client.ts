import { isActing, requestOf, type Answer, type Asked, type Name } from '../../../src/api/request.ts';
import type { Problem } from './api-types.ts';
import { forgetKey, sessionKey } from './session.ts';

/** The server said no, and why. */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** The server could not be reached: nothing is known of what became of the request. */
export class Unreachable extends Error {}

const ANSWER_WITHIN_MS = 20_000;

/** One request to the API, by its name in the description of the API. Errors: Refused, Unreachable. */
export async function ask<K extends Name>(name: K, asked: Asked<K>): Promise<Answer<K>> {
  const request = requestOf(name, asked);
  const { method, path, body } = request;
  const response = await send(path, {
    method,
    body,
    headers: {
      ...keyHeader(),
      ...(body !== null && { 'content-type': 'application/json' }),
      // Whatever is sent twice, by a nervous finger or a poor line, is done once.
      ...(isActing(request) && { 'idempotency-key': crypto.randomUUID() }),
    },
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  return (await response.json()) as Answer<K>;
}

/** The stream of what happens, to be read by the caller. Errors: as above. */
export async function openStream(lastEventId: string | null, signal: AbortSignal): Promise<Response> {
  const { path } = requestOf('GET /events', { query: { views: 'true' } });
  return send(path, {
    headers: { ...keyHeader(), ...(lastEventId !== null && { 'last-event-id': lastEventId }) },
    signal,
  });
}

function keyHeader(): Record<string, string> {
  const key = sessionKey();
  return key === null ? {} : { 'bascule-session': key };
}

async function send(url: string, request: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...request, credentials: 'same-origin', cache: 'no-store' });
  } catch (cause) {
    throw new Unreachable('The server did not answer.', { cause });
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => null)) as Problem | null;
  if (problem === null) throw new Unreachable(`The server answered ${response.status}.`);
  if (response.status === 401) forgetKey();
  throw new Refused(problem);
}
