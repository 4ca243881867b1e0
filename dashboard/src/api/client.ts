import type { Problem, Requests } from './api-types.ts';
import { forgetKey, sessionKey } from './session.ts';

type Part<R, K extends 'params' | 'query' | 'body'> = K extends keyof R
  ? R[K] extends null
    ? { readonly [key in K]?: undefined }
    : Record<string, never> extends R[K]
      ? { readonly [key in K]?: R[K] }
      : { readonly [key in K]: R[K] }
  : never;

/** What a request takes, as the API describes it. */
export type Asked<K extends keyof Requests> = Part<Requests[K], 'params'> &
  Part<Requests[K], 'query'> &
  Part<Requests[K], 'body'>;

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
export async function ask<K extends keyof Requests>(
  name: K,
  asked: Asked<K>,
): Promise<Requests[K]['answer']> {
  const [method, path] = (name as string).split(' ') as [string, string];
  const { params, query, body } = asked as {
    readonly params?: Readonly<Record<string, string>>;
    readonly query?: Readonly<Record<string, string | undefined>>;
    readonly body?: unknown;
  };
  const url = addressOf(path, params ?? {}, query ?? {});
  const response = await send(url, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    headers: {
      ...keyHeader(),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      // Whatever is sent twice, by a nervous finger or a poor line, is done once.
      ...(method !== 'GET' && { 'idempotency-key': crypto.randomUUID() }),
    },
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  return (await response.json()) as Requests[K]['answer'];
}

/** The stream of what happens, to be read by the caller. Errors: as above. */
export async function openStream(lastEventId: string | null, signal: AbortSignal): Promise<Response> {
  return send('/api/v1/events?views=true', {
    headers: { ...keyHeader(), ...(lastEventId !== null && { 'last-event-id': lastEventId }) },
    signal,
  });
}

export function addressOf(
  path: string,
  params: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string | undefined>>,
): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_match, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
  const text = search.toString();
  return `/api/v1${filled}${text === '' ? '' : `?${text}`}`;
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
