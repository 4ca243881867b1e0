import { createHash, timingSafeEqual } from 'node:crypto';
import { OperatingError } from '../lib/errors.ts';
import { localTime, ownTimeZone } from '../lib/local-time.ts';
import type { Caller } from './controller.ts';
import type { Engine } from './engine.ts';
import { originOf } from './origin.ts';
import type { Ports } from './ports.ts';
import {
  stateOf,
  type TokenAsk,
  type TokenCheck,
  type TokenCreated,
  type TokenRecord,
  type TokenView,
} from './token-record.ts';
import type { Answered } from './views.ts';

const ID_BYTES = 4;
const SECRET_BYTES = 32;
const FORM = /^bsc_([0-9a-f]{8})_([0-9a-f]{64})$/;
export const MOST_VALID = 500;
/** So long the server still says of one that it has expired or was revoked. */
export const REMEMBERED_MS = 30 * 86_400_000;

/** Who people are: tokens, kept with the server's own state as hashes. */
export class Tokens {
  readonly #ports: Pick<Ports, 'clock' | 'random'>;
  readonly #engine: Pick<Engine, 'tokens' | 'keepTokens'>;
  readonly #used = new Map<string, number>();
  readonly #listeners = new Set<() => void>();

  constructor(ports: Pick<Ports, 'clock' | 'random'>, engine: Pick<Engine, 'tokens' | 'keepTokens'>) {
    this.#ports = ports;
    this.#engine = engine;
  }

  list(): readonly TokenView[] {
    return this.#engine.tokens().map((record) => this.#viewOf(record));
  }

  /** Error: TOKEN_TOO_MANY. */
  async createToken(ask: TokenAsk, caller: Caller): Promise<TokenCreated> {
    const nowMs = this.#ports.clock.nowMs();
    const kept = this.#engine.tokens().filter((record) => isRemembered(record, nowMs));
    if (kept.filter((record) => stateOf(record, nowMs) === 'valid').length >= MOST_VALID) {
      throw new OperatingError(
        'TOKEN_TOO_MANY',
        `${MOST_VALID} tokens are valid already; none was made. Revoke those that nobody uses ("bascule token list").`,
        { retryable: false },
      );
    }
    const id = this.#newId(kept);
    const secret = this.#ports.random.hex(SECRET_BYTES);
    const record: TokenRecord = {
      id,
      name: ask.name,
      role: ask.role,
      services: ask.services,
      hash: hashOf(secret),
      createdBy: caller.actor,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + ask.forMs,
      revokedAtMs: null,
    };
    const message = `token ${id} is made: ${grantWords(record)}, until ${localTime(record.expiresAtMs, ownTimeZone())}`;
    this.#keep([...kept, record], { kind: 'token created', said: message, caller });
    return { token: this.#viewOf(record), text: `bsc_${id}_${secret}`, message };
  }

  /** Error: TOKEN_UNKNOWN. */
  async revokeToken(id: string, caller: Caller): Promise<Answered> {
    const nowMs = this.#ports.clock.nowMs();
    const records = this.#engine.tokens();
    const found = records.find((record) => record.id === id);
    if (found === undefined) {
      throw new OperatingError(
        'TOKEN_UNKNOWN',
        `there is no token ${id}; nothing was revoked. "bascule token list" has them all.`,
        { retryable: false },
      );
    }
    const state = stateOf(found, nowMs);
    const about = `token ${id} of ${found.name}`;
    if (state === 'revoked') return answer('nothing', `${about} was revoked already.`);
    const message = `${about} is revoked: whoever has it gets no further`;
    const next = records.map((record) => (record === found ? { ...found, revokedAtMs: nowMs } : record));
    this.#keep(next, { kind: 'token revoked', said: message, caller });
    return answer('done', `${message}.`);
  }

  /** Takes about as long for one that is wrong as for one that is right. */
  check(text: string): TokenCheck {
    const [, id = '', secret = ''] = FORM.exec(text) ?? [];
    const found = this.#engine.tokens().find((record) => record.id === id);
    const isRight = sameHash(found?.hash ?? hashOf(''), hashOf(secret));
    if (found === undefined || !isRight)
      return { ok: false, why: 'this server does not know it', known: null };
    return this.#standingOf(found);
  }

  /** One that was checked before: whether it still stands for somebody. */
  standing(id: string): TokenCheck {
    const found = this.#engine.tokens().find((record) => record.id === id);
    return found === undefined
      ? { ok: false, why: 'this server does not know it', known: null }
      : this.#standingOf(found);
  }

  #standingOf(found: TokenRecord): TokenCheck {
    const { id, name, role, services } = found;
    const nowMs = this.#ports.clock.nowMs();
    const state = stateOf(found, nowMs);
    if (state !== 'valid') {
      const why =
        state === 'revoked' ? 'it was revoked' : `it expired ${localTime(found.expiresAtMs, ownTimeZone())}`;
      return { ok: false, why, known: { id, name, role } };
    }
    this.#used.set(id, nowMs);
    return { ok: true, id, name, grant: { role, services } };
  }

  /** Whether there is one that anybody could use. */
  anyValid(): boolean {
    const nowMs = this.#ports.clock.nowMs();
    return this.#engine.tokens().some((record) => stateOf(record, nowMs) === 'valid');
  }

  /** Calls back when one is made or revoked; returns the unsubscriber. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #keep(
    records: readonly TokenRecord[],
    { kind, said, caller }: { readonly kind: string; readonly said: string; readonly caller: Caller },
  ): void {
    const more = { service: null, origin: originOf(caller) };
    this.#engine.keepTokens(records, { kind, actor: caller.actor, says: [said], more });
    for (const listener of this.#listeners) listener();
  }

  #newId(records: readonly TokenRecord[]): string {
    for (;;) {
      const id = this.#ports.random.hex(ID_BYTES);
      if (!records.some((record) => record.id === id)) return id;
    }
  }

  #viewOf({ hash: _hash, revokedAtMs, ...rest }: TokenRecord): TokenView {
    const state = stateOf({ revokedAtMs, expiresAtMs: rest.expiresAtMs }, this.#ports.clock.nowMs());
    return { ...rest, state, lastUsedAtMs: this.#used.get(rest.id) ?? null };
  }
}

/** `operator ana of shop, blog`. */
function grantWords({ name, role, services }: TokenRecord): string {
  return `${name} as ${role}${services === null ? '' : ` of ${services.join(', ')} only`}`;
}

function isRemembered(record: TokenRecord, nowMs: number): boolean {
  return nowMs - Math.min(record.expiresAtMs, record.revokedAtMs ?? Infinity) < REMEMBERED_MS;
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function sameHash(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

function answer(result: Answered['result'], message: string): Answered {
  return { result, message, service: null, rollout: null };
}
