import type { Problem } from './api-types.ts';

/**
 * The half of a login that the page holds; the other half is a cookie that no script can read. Kept for this origin, its
 * port included, and so for all tabs of it.
 */
const NAME = 'bascule-session';
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
  body: { readonly token: string } | { readonly link: string },
): Promise<string | null> {
  try {
    const response = await fetch('/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
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
