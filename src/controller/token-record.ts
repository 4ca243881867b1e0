import { PERSON } from '../release/forms.ts';
import type { Role } from './controller.ts';

/** What somebody may do, and to which services; null: all of them, those that come later included. */
export type Grant = { readonly role: Role; readonly services: readonly string[] | null };

/** A token as it is kept: what it was made of is nowhere. */
export type TokenRecord = Grant & {
  /** Public: it stands in the token, in lists and in the audit. */
  readonly id: string;
  /** Who somebody with this token is. Several tokens may belong to one person. */
  readonly name: string;
  /** sha256 hex of its secret part. That is 256 random bits: no slow hash would add anything. */
  readonly hash: string;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
};

export type TokenView = Omit<TokenRecord, 'hash' | 'revokedAtMs'> & {
  readonly state: 'valid' | 'expired' | 'revoked';
  /** Since the server was started, or null. */
  readonly lastUsedAtMs: number | null;
};

export type TokenAsk = {
  readonly name: string;
  readonly role: Role;
  readonly services: readonly string[] | null;
  readonly forMs: number;
};

/** `text` is the token itself, which nobody can be told again. */
export type TokenCreated = { readonly token: TokenView; readonly text: string; readonly message: string };

/** Whom a token stands for, or what is wrong with it. `known` where its secret was right. */
export type TokenCheck =
  | { readonly ok: true; readonly id: string; readonly name: string; readonly grant: Grant }
  | {
      readonly ok: false;
      readonly why: string;
      readonly known: Pick<TokenRecord, 'id' | 'name' | 'role'> | null;
    };

/** Names that stand for something else in the records. */
const TAKEN = new Set(['bascule', 'local', 'nobody', 'unknown']);

/** Without brackets, so that no name looks like "ana (unverified)". */
export function isTokenName(name: string): boolean {
  return PERSON.test(name) && !TAKEN.has(name.toLowerCase());
}

export function stateOf(
  { revokedAtMs, expiresAtMs }: Pick<TokenRecord, 'revokedAtMs' | 'expiresAtMs'>,
  nowMs: number,
): TokenView['state'] {
  if (revokedAtMs !== null) return 'revoked';
  return nowMs >= expiresAtMs ? 'expired' : 'valid';
}
