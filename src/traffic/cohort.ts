import type { Split } from './router.ts';

/**
 * Who is in the candidate's share.
 *
 * identity -> `identityHash` (salted per service) -> one of 1,000 buckets -> its place in the rollout's permutation.
 * A share of p percent is the first `p × 10` places: raising it keeps everyone who was in, and another rollout, with
 * another seed, draws other people.
 */
export const BUCKETS = 1000;

/** The hash after it took in the service's salt; computed once per service. */
export type SaltState = { readonly low: number; readonly high: number };

/** A rollout's draw at one share. */
export type Cohort = {
  /** Place of each bucket in the permutation. */
  readonly places: Uint16Array;
  /** Places below it are the candidate's. */
  readonly size: number;
};

export function saltState(salt: string): SaltState {
  return absorb(salt, { low: 0xdeadbeef, high: 0x41c6ce57 });
}

/**
 * 53 bits of an identity, salted. Two FNV-like lanes with different multipliers, finalised and crossed with the mixers
 * of MurmurHash3: plain FNV-1a is badly skewed for sequential ids (ids 1 to 100 at 10 % draw 21 %).
 * Not a secret: whoever forges an identity moves only themselves.
 */
export function identityHash(salt: SaltState, identity: string): number {
  let low = salt.low;
  let high = salt.high;
  for (let i = 0; i < identity.length; i += 1) {
    const unit = identity.charCodeAt(i);
    low = Math.imul(low ^ unit, 2_654_435_761);
    high = Math.imul(high ^ unit, 1_597_334_677);
  }
  low = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  return 4_294_967_296 * (high & 0x1f_ffff) + (low >>> 0);
}

/** 0 to 999, from the leading bits of an identity's hash. */
export function bucketOf(hash: number): number {
  return Math.floor((hash / 2 ** 53) * BUCKETS);
}

/** The candidate's part of a split. */
export function drawCohort(split: Pick<Split, 'seed' | 'sharePercent'>): Cohort {
  return { places: permutation(split.seed), size: Math.round(split.sharePercent * (BUCKETS / 100)) };
}

/** Strictly below: at 0 % nobody is in, at 100 % everybody. */
export function isCandidate(bucket: number, cohort: Cohort): boolean {
  return cohort.places[bucket]! < cohort.size;
}

/** Fisher-Yates over the 1,000 buckets, driven by sfc32 (Practically Random, Doty-Humphrey) seeded from `seed`. */
function permutation(seed: string): Uint16Array {
  const places = Uint16Array.from({ length: BUCKETS }, (_, place) => place);
  const random = sfc32(seed);
  for (let i = BUCKETS - 1; i > 0; i -= 1) {
    const j = Math.floor((random() / 4_294_967_296) * (i + 1));
    const swapped = places[i]!;
    places[i] = places[j]!;
    places[j] = swapped;
  }
  return places;
}

function sfc32(seed: string): () => number {
  const first = absorb(seed, { low: 0x9e3779b9, high: 0x243f6a88 });
  const second = absorb(seed, { low: 0xb7e15162, high: 0x13198a2e });
  let a = first.low;
  let b = first.high;
  let c = second.low;
  let d = second.high;
  function next(): number {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
  for (let i = 0; i < 20; i += 1) next();
  return next;
}

function absorb(text: string, state: SaltState): SaltState {
  let { low, high } = state;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 2_654_435_761);
    high = Math.imul(high ^ unit, 1_597_334_677);
  }
  return { low, high };
}
