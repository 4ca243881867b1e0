import { createHash, randomBytes } from 'node:crypto';
import type { Caller, Controller, Role } from '../controller/controller.ts';
import { OperatingError } from '../lib/errors.ts';
import type { OidcLogin } from '../release/login.ts';
import { grantOf } from './oidc-identity.ts';

/** Longer than anybody works in one go; never longer than the token behind it. */
export const SESSION_MS = 7 * 86_400_000;
/** Nothing was asked for so long: a page that is open asks. */
export const IDLE_MS = 8 * 3_600_000;
/** A link is for the browser of whoever asked for it, at once. */
export const LINK_MS = 60_000;
export const MOST_SESSIONS = 500;
const MOST_LINKS = 50;
const SECRET_BYTES = 32;
const SWEEP_MS = 60_000;

/** Who else vouches for people, and who is told of a login that ended by itself. */
type SessionRules = { readonly oidc?: OidcLogin | null; readonly onEnd?: (ended: Ended) => void };

/** Where sessions are kept, so that a restart of the server sends nobody back to the login. Hashes only. */
export type SessionStore = { read(): string | null; write(text: string): void };

/**
 * Whom a session stands for: a token, as long as that is good; what a socket gave; or somebody whom a provider vouched for,
 * with the groups of then and what the server's file gives them now.
 */
type Owner =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'socket'; readonly actor: string; readonly role: Role }
  | {
      readonly kind: 'oidc';
      readonly issuer: string;
      readonly name: string;
      readonly groups: readonly string[];
    };

type Session = {
  readonly id: string;
  /** sha256 of what the cookie holds. */
  readonly hash: string;
  /** sha256 of what the page itself holds. */
  readonly keyHash: string;
  readonly owner: Owner;
  readonly createdAtMs: number;
  usedAtMs: number;
  /** Who it was when it began, for the audit; absent in older ones. */
  readonly who?: Who;
};

/** As the audit has it. */
export type Who = Pick<Caller, 'actor' | 'from'> & {
  /** `none` of whom nobody knows. */
  readonly role: string;
};

/** `cookie` goes into a cookie that no script can read, `key` to the page: neither is worth anything without the other. */
export type Begun = {
  readonly cookie: string;
  readonly key: string;
  readonly forMs: number;
  readonly id: string;
  readonly who: Who;
};

export type Ended = { readonly who: Who; readonly id: string; readonly why: string };

export type SessionOf = {
  readonly caller: Caller;
  readonly id: string;
  /** The id of the token behind it, or null. */
  readonly token: string | null;
  readonly stillHolds: () => boolean;
};

/**
 * Logins of browsers. A cookie alone proves nothing: other programs of this machine, at other ports of the same name, are
 * sent it too, and another site's page could have the browser send it. So the page adds a key that only its own origin holds.
 */
export class Sessions {
  readonly #tokens: Controller['tokens'];
  readonly #nowMs: () => number;
  readonly #store: SessionStore;
  readonly #oidc: OidcLogin | null;
  readonly #onEnd: (ended: Ended) => void;
  #sweptAtMs = 0;
  readonly #sessions = new Map<string, Session>();
  readonly #links = new Map<string, { readonly owner: Owner; readonly untilMs: number }>();

  constructor(
    tokens: Controller['tokens'],
    nowMs: () => number,
    store: SessionStore,
    { oidc = null, onEnd = () => undefined }: SessionRules = {},
  ) {
    this.#onEnd = onEnd;
    this.#tokens = tokens;
    this.#nowMs = nowMs;
    this.#store = store;
    this.#oidc = oidc;
    for (const session of readSessions(store)) {
      // When it was last used is not written down each time.
      this.#sessions.set(session.hash, { ...session, usedAtMs: nowMs() });
    }
  }

  /** What is asked for by a person at the machine: good once, for a minute. Error: LINK_REFUSED. */
  makeLink(caller: Caller, token: string | null): string {
    // Whom a provider vouched for has a role for some services, maybe: a link would be for all of them.
    if (token === null && caller.verified === true) {
      throw new OperatingError(
        'LINK_REFUSED',
        'A link is for who has a token or is at the machine; nothing was made. In another browser, log in as you did in this one.',
        { retryable: false },
      );
    }
    const code = newSecret();
    const owner: Owner =
      token === null ? { kind: 'socket', actor: caller.actor, role: caller.role } : { kind: 'token', token };
    this.#links.set(hashOf(code), { owner, untilMs: this.#nowMs() + LINK_MS });
    dropOldest(this.#links, MOST_LINKS);
    return code;
  }

  /** Null: the link is none, was used, or is too old. */
  beginByLink(code: string, from: string): Begun | null {
    const hash = hashOf(code);
    const link = this.#links.get(hash);
    this.#links.delete(hash);
    if (link === undefined || this.#nowMs() >= link.untilMs) return null;
    return this.begin(link.owner, from);
  }

  /** `from`: the address. */
  begin(owner: Owner, from: string): Begun {
    const [cookie, key] = [newSecret(), newSecret()];
    const nowMs = this.#nowMs();
    const hash = hashOf(cookie);
    const id = hash.slice(0, 8);
    const session = { id, hash, keyHash: hashOf(key), owner, createdAtMs: nowMs, usedAtMs: nowMs };
    const who = whoOf(this.#callerOf(session, from), from);
    this.#sessions.set(hash, { ...session, who });
    this.#dropEnded();
    for (const one of oldest(this.#sessions, MOST_SESSIONS))
      this.#drop(one, `there were more than ${MOST_SESSIONS} logins`);
    this.#keep();
    return { cookie, key, forMs: this.#lastsMs(owner), id, who };
  }

  /** Drops those that ended by themselves, once a minute. */
  sweep(): void {
    const nowMs = this.#nowMs();
    if (Math.abs(nowMs - this.#sweptAtMs) < SWEEP_MS) return;
    this.#sweptAtMs = nowMs;
    const before = this.#sessions.size;
    this.#dropEnded();
    if (this.#sessions.size !== before) this.#keep();
  }

  /** Error: SESSION_ENDED. */
  find(cookie: string, key: string, from: string): SessionOf {
    const session = this.#sessions.get(hashOf(cookie));
    if (session === undefined || session.keyHash !== hashOf(key)) throw ended();
    const caller = this.#callerOf(session, from);
    if (caller === null) throw ended();
    session.usedAtMs = this.#nowMs();
    const stillHolds = (): boolean => {
      const holds = this.#sessions.has(session.hash) && this.#callerOf(session, from) !== null;
      if (holds) session.usedAtMs = this.#nowMs();
      return holds;
    };
    const { id, owner } = session;
    return { caller, id, token: owner.kind === 'token' ? owner.token : null, stillHolds };
  }

  /** Whose it was; null: nobody's. */
  end(cookie: string, key: string, from: string): Pick<Ended, 'who' | 'id'> | null {
    const hash = hashOf(cookie);
    const session = this.#sessions.get(hash);
    if (session === undefined || session.keyHash !== hashOf(key)) return null;
    const caller = this.#callerOf(session, from);
    this.#sessions.delete(hash);
    this.#keep();
    return {
      who: caller === null ? (session.who ?? whoOf(null, from)) : whoOf(caller, from),
      id: session.id,
    };
  }

  /** How many are logged in now. */
  count(): number {
    this.#dropEnded();
    return this.#sessions.size;
  }

  /** Whether somebody at the machine is logged in without a token. */
  hasLocal(): boolean {
    this.#dropEnded();
    return [...this.#sessions.values()].some(({ owner }) => owner.kind === 'socket');
  }

  #callerOf({ id, owner, createdAtMs, usedAtMs }: Session, from: string): Caller | null {
    const nowMs = this.#nowMs();
    if (nowMs - createdAtMs >= this.#lastsMs(owner) || nowMs - usedAtMs >= IDLE_MS) return null;
    if (owner.kind === 'oidc') return this.#memberOf(owner, from);
    if (owner.kind === 'socket')
      return { actor: owner.actor, role: owner.role, from: `${from}, dashboard session ${id}` };
    const stands = this.#tokens.standing(owner.token);
    if (!stands.ok) return null;
    const { name, grant } = stands;
    return { actor: name, verified: true, from: `${from}, token ${owner.token}, dashboard`, ...grant };
  }

  #lastsMs({ kind }: Owner): number {
    return kind === 'oidc' ? (this.#oidc?.sessionMs ?? 0) : SESSION_MS;
  }

  /** Null: the file names another provider by now, or gives these groups nothing. */
  #memberOf({ issuer, name, groups }: Extract<Owner, { kind: 'oidc' }>, from: string): Caller | null {
    if (this.#oidc?.issuer !== issuer) return null;
    const grant = grantOf(groups, this.#oidc);
    if (grant === null) return null;
    return {
      actor: name,
      verified: true,
      from: `${from}, oidc ${new URL(issuer).host}, dashboard`,
      ...grant,
    };
  }

  #dropEnded(): void {
    const standing = new Map(this.#tokens.list().map(({ id, state }) => [id, state]));
    for (const session of this.#sessions.values()) {
      const why = this.#whyOver(session, standing);
      if (why !== null) this.#drop(session, why);
    }
  }

  #drop(session: Session, why: string): void {
    this.#sessions.delete(session.hash);
    this.#onEnd({ who: session.who ?? whoOf(null, 'unknown'), id: session.id, why });
  }

  /** Null: it goes on. Looking is no use of a token. */
  #whyOver(
    { owner, createdAtMs, usedAtMs }: Session,
    standing: ReadonlyMap<string, 'valid' | 'expired' | 'revoked'>,
  ): string | null {
    const nowMs = this.#nowMs();
    if (owner.kind === 'oidc' && this.#memberOf(owner, '') === null)
      return 'the server file gives it no role any more';
    const state = owner.kind === 'token' ? standing.get(owner.token) : 'valid';
    if (state !== 'valid') return `its token ${state === 'revoked' ? 'was revoked' : 'expired'}`;
    if (nowMs - usedAtMs >= IDLE_MS) return 'it was not used for 8 hours';
    return nowMs - createdAtMs >= this.#lastsMs(owner) ? 'it had lasted as long as a login may' : null;
  }

  #keep(): void {
    this.#store.write(JSON.stringify({ version: 1, sessions: [...this.#sessions.values()] }));
  }
}

function readSessions(store: SessionStore): readonly Session[] {
  try {
    const kept = JSON.parse(store.read() ?? '{}') as { version?: number; sessions?: readonly Session[] };
    return kept.version === 1 ? (kept.sessions ?? []) : [];
  } catch {
    // A file that was cut off costs a login.
    return [];
  }
}

function whoOf(caller: Caller | null, from: string): Who {
  if (caller === null) return { actor: 'unknown', role: 'none', from };
  const { actor, role, from: place = from } = caller;
  return { actor, role, from: place };
}

/** Those beyond so many, oldest first. */
function oldest<T>(map: ReadonlyMap<string, T>, most: number): readonly T[] {
  return [...map.values()].slice(0, Math.max(0, map.size - most));
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** Of 256 random bits: looked up by its hash, so that no time tells how much of it was right. */
function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function ended(): OperatingError {
  return new OperatingError('SESSION_ENDED', 'This login is over; nothing changed. Log in again.', {
    retryable: false,
  });
}
