import { createHash } from 'node:crypto';
import { OperatingError } from '../lib/errors.ts';
import { canonicalJson } from '../lib/json.ts';

/** What was answered to a request with a key. Plain JSON. */
export type IdempotencyRecord = {
  /** sha256 hex over method, address, role, actor and body. */
  readonly request: string;
  readonly status: number;
  readonly body: unknown;
  readonly atMs: number;
};

/**
 * Keeps answers over restarts. What `put` has returned from is on disk. May forget what is older than a day.
 */
export type IdempotencyStore = {
  get(key: string): IdempotencyRecord | null;
  put(key: string, record: IdempotencyRecord): void;
};

export type Reply = { readonly status: number; readonly body: unknown };
/** `instead`: what is kept in its place. */
export type Outcome = Reply & { readonly keep: boolean; readonly instead?: Reply };

/** Requests with a key, across all sockets: the same again gets the same answer, also while the first is under way. */
export class Idempotency {
  readonly #store: IdempotencyStore;
  readonly #nowMs: () => number;
  readonly #underWay = new Map<string, { readonly request: string; readonly reply: Promise<Reply> }>();

  constructor(store: IdempotencyStore, nowMs: () => number) {
    this.#store = store;
    this.#nowMs = nowMs;
  }

  /** Answers of retryable failures and of bugs are not kept: the same request may succeed later. */
  async once(key: string, request: string, act: () => Promise<Outcome>): Promise<Reply> {
    const kept = this.#store.get(key);
    if (kept !== null) return same(key, kept.request, request, kept);
    const other = this.#underWay.get(key);
    if (other !== undefined) return same(key, other.request, request, other.reply);
    const reply = this.#act(key, request, act);
    this.#underWay.set(key, { request, reply });
    try {
      return await reply;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #act(key: string, request: string, act: () => Promise<Outcome>): Promise<Reply> {
    const { status, body, keep, instead } = await act();
    if (keep) this.#store.put(key, { request, ...(instead ?? { status, body }), atMs: this.#nowMs() });
    return { status, body };
  }
}

/** Checks the form of an `Idempotency-Key` header. */
export function idempotencyKey(header: string | readonly string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header === 'string' && /^[\x21-\x7e]{8,128}$/.test(header)) return header;
  throw new OperatingError(
    'IDEMPOTENCY_KEY_INVALID',
    'The Idempotency-Key must be 8 to 128 visible ASCII characters without spaces; nothing changed.',
    { retryable: false },
  );
}

/** What makes two requests the same. */
export function digestOf(request: {
  readonly method: string;
  readonly url: string;
  readonly role: string;
  readonly actor: string;
  readonly body: unknown;
}): string {
  return createHash('sha256').update(canonicalJson(request)).digest('hex');
}

function same<T>(key: string, former: string, request: string, reply: T): T {
  if (former === request) return reply;
  throw new OperatingError(
    'IDEMPOTENCY_KEY_REUSED',
    `The Idempotency-Key ${key} was used for another request; nothing changed. Use a new one.`,
    { retryable: false },
  );
}
