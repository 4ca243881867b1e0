import type { FastifyReply } from 'fastify';
import { OperatingError } from '../lib/errors.ts';

/** So many at once, and then so many a second. */
export type Rate = { readonly burst: number; readonly perSecond: number };

/** Whoever is forgotten begins anew with a full bucket. */
const MOST_KEYS = 10_000;

type Bucket = { left: number; atMs: number };

/** A bucket of tokens for each key (a person's token, an address), in bounded memory. */
export class Rates {
  readonly #rate: Rate;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** `nowMs` never jumps. */
  constructor(rate: Rate, nowMs: () => number) {
    this.#rate = rate;
    this.#nowMs = nowMs;
  }

  /** Takes one. 0: there was one; else the seconds until there is one again. */
  take(key: string): number {
    const atMs = this.#nowMs();
    const { burst, perSecond } = this.#rate;
    const known = this.#buckets.get(key);
    const left =
      known === undefined ? burst : Math.min(burst, known.left + ((atMs - known.atMs) / 1000) * perSecond);
    // Those that were seen last are forgotten last.
    this.#buckets.delete(key);
    this.#buckets.set(key, { left: left >= 1 ? left - 1 : left, atMs });
    if (this.#buckets.size > MOST_KEYS) this.#buckets.delete(this.#buckets.keys().next().value!);
    return left >= 1 ? 0 : Math.max(1, Math.ceil((1 - left) / perSecond));
  }
}

/** Error to be thrown: REQUESTS_TOO_MANY. */
export function tooMany(seconds: number, reply: FastifyReply): OperatingError {
  reply.header('retry-after', String(seconds));
  return new OperatingError(
    'REQUESTS_TOO_MANY',
    `Too many requests; nothing changed. Try again in ${seconds} s.`,
    { retryable: true },
  );
}

/** The address as one that may count: of IPv6 the network of 64 bits, because whoever has one address there has them all. */
export function addressKey(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(':')) return plain;
  const [head = '', tail = ''] = plain.split('%')[0]!.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}

/** `::ffff:192.0.2.7` is 192.0.2.7 that came to a socket of IPv6. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}
