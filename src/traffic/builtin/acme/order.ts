/** What a process of its own is asked to get (`errand-main.ts`), and what it says meanwhile. */
export type Order = {
  readonly names: readonly string[];
  readonly email: string | null;
  readonly directory: string;
  /** PEM, made where it is missing: the account with this authority. */
  readonly accountKeyFile: string;
  /** Where key and chain go together, in one file: they can never be those of two certificates. */
  readonly file: string;
};

/** By which an authority sees that a name is ours: asked over plain HTTP (RFC 8555, section 8.3). */
export type Challenge = { readonly host: string; readonly token: string; readonly answer: string };

export type FromErrand =
  | { readonly kind: 'challenge'; readonly challenge: Challenge }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly why: string };

/** The challenge that came last is answered by every worker now. */
export type ToErrand =
  | { readonly kind: 'order'; readonly order: Order }
  | { readonly kind: 'answered'; readonly token: string };

export const CHALLENGE_PATH = '/.well-known/acme-challenge/';
export const TOKEN = /^[A-Za-z0-9_-]{1,200}$/;
