import type { Requests } from './api-types.ts';

/**
 * The API by its own description: a request is named as it stands there, and what goes into it and comes out has the types of
 * there. Whoever sends it (the page of the dashboard, a command) sees to the way.
 */

type Part<R, K extends 'params' | 'query' | 'body'> = K extends keyof R
  ? R[K] extends null
    ? { readonly [key in K]?: undefined }
    : Record<string, never> extends R[K]
      ? { readonly [key in K]?: R[K] }
      : { readonly [key in K]: R[K] }
  : never;

/** `GET /services/{service}`. */
export type Name = keyof Requests;
/** What a request takes. */
export type Asked<K extends Name> = Part<Requests[K], 'params'> &
  Part<Requests[K], 'query'> &
  Part<Requests[K], 'body'>;
export type Answer<K extends Name> = Requests[K]['answer'];

export type Request = {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** JSON; null: none. */
  readonly body: string | null;
};

export function requestOf<K extends Name>(name: K, asked: Asked<K>): Request {
  const space = name.indexOf(' ');
  const { params, query, body } = asked as {
    readonly params?: Readonly<Record<string, string>>;
    readonly query?: Readonly<Record<string, string | undefined>>;
    readonly body?: unknown;
  };
  const path = pathOf(name.slice(space + 1), params ?? {}, query ?? {});
  return { method: name.slice(0, space), path, body: body === undefined ? null : JSON.stringify(body) };
}

function pathOf(
  path: string,
  params: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string | undefined>>,
): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_match, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  );
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`],
  );
  return `/api/v1${filled}${given.length === 0 ? '' : `?${given.join('&')}`}`;
}

/** Whether it acts: then it carries an Idempotency-Key, so that it is done once however often it is sent. */
export function isActing({ method }: Request): boolean {
  return method !== 'GET' && method !== 'HEAD';
}
