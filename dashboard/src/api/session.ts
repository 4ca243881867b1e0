import type { Problem } from './api-types.ts';

/**
 * The half of a login that the page holds; the other half is a cookie that no script can read. Kept for this origin, its
 * port included, and so for all tabs of it.
 */
const NAME = 'bascule-session';
/** Of a login that was begun at a provider, for this tab alone: what it must bring back, and where the page was. */
const BEGUN = 'bascule-oidc';
/** Where providers send browsers back to. */
const CALLBACK = '/login/oidc';
const listeners = new Set<() => void>();

export function sessionKey(): string | null {
  return localStorage.getItem(NAME);
}

/** The server does not know it any more. */
export function forgetKey(): void {
  if (sessionKey() === null) return;
  localStorage.removeItem(NAME);
  for (const tell of listeners) tell();
}

/** Calls back when somebody is logged in or out, in this tab or another. */
export function onSession(listener: () => void): void {
  listeners.add(listener);
  addEventListener('storage', (event) => {
    if (event.key === NAME) listener();
  });
}

/** Null: logged in; else why not. */
export async function login(
  body: { readonly token: string } | { readonly link: string } | { readonly oidc: string },
  key: string | null = null,
): Promise<string | null> {
  try {
    const response = await fetch('/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key !== null && { 'bascule-session': key }) },
      body: JSON.stringify(body),
      credentials: 'same-origin',
    });
    const answer = (await response.json()) as { readonly key?: string } & Partial<Problem>;
    if (answer.key === undefined) return answer.detail ?? 'The server did not say why.';
    localStorage.setItem(NAME, answer.key);
    for (const tell of listeners) tell();
    return null;
  } catch {
    return 'The server did not answer. Is it running?';
  }
}

/** Who else vouches for people here; null: nobody, or the server did not say. */
export async function providerHost(): Promise<string | null> {
  try {
    const response = await fetch('/session', { credentials: 'same-origin' });
    return ((await response.json()) as { readonly oidc?: string | null }).oidc ?? null;
  } catch {
    return null;
  }
}

/** Leaves the page for the provider's; else why not. */
export async function goToProvider(): Promise<string> {
  try {
    const response = await fetch('/session/oidc', { method: 'POST', credentials: 'same-origin' });
    const answer = (await response.json()) as {
      readonly url?: string;
      readonly key?: string;
    } & Partial<Problem>;
    if (answer.url === undefined || answer.key === undefined)
      return answer.detail ?? 'The server did not say why.';
    sessionStorage.setItem(BEGUN, JSON.stringify({ key: answer.key, path: location.pathname }));
    location.assign(answer.url);
    return '';
  } catch {
    return 'The server did not answer. Is it running?';
  }
}

export type BroughtBack = { readonly answer: string; readonly key: string | null; readonly path: string };

/** What a provider sent this browser back with; it is taken out of the address bar and the history. */
export function takeAnswer(): BroughtBack | null {
  if (location.pathname !== CALLBACK) return null;
  const answer = location.search.slice(1);
  const kept = sessionStorage.getItem(BEGUN);
  sessionStorage.removeItem(BEGUN);
  const { key, path } =
    kept === null
      ? { key: null, path: '/' }
      : (JSON.parse(kept) as { readonly key: string; readonly path: string });
  const back = path === CALLBACK ? '/' : path;
  history.replaceState(null, '', back);
  return { answer, key, path: back };
}

export async function logout(): Promise<void> {
  const key = sessionKey();
  await fetch('/session', {
    method: 'DELETE',
    headers: key === null ? {} : { 'bascule-session': key },
    credentials: 'same-origin',
  }).catch(() => undefined);
  forgetKey();
}

/** The code of a link that `bascule dashboard` printed; it is taken out of the address bar and the history. */
export function takeLink(): string | null {
  const [, code] = /^#login=([A-Za-z0-9_-]{20,100})$/.exec(location.hash) ?? [];
  if (code === undefined) return null;
  history.replaceState(null, '', `${location.pathname}${location.search}`);
  return code;
}
