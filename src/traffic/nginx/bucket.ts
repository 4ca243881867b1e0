import { BUCKETS } from '../cohort.ts';

/** Width of one of the thousand parts of `split_clients`: 0.1 % of 2^32 - 1, rounded down as nginx does. */
const PART = Math.floor((10 * 0xffff_ffff) / 10_000);

/** The bucket that `split_clients` gives to an identity, by the salt before it. */
export function nginxBucket(salt: string, identity: string): number {
  return Math.min(BUCKETS - 1, Math.floor(murmur2(Buffer.from(salt + identity, 'latin1')) / PART));
}

/** Some identity that falls into a bucket that is wanted: 32 hex digits, as a cookie has. */
export function identityIn(salt: string, isWanted: (bucket: number) => boolean): string | null {
  for (let i = 0; i < 100_000; i += 1) {
    const identity = i.toString(16).padStart(32, '0');
    if (isWanted(nginxBucket(salt, identity))) return identity;
  }
  return null;
}

/** MurmurHash2, 32 bits, seed 0 (Austin Appleby), as in nginx's `ngx_murmur_hash2`. */
export function murmur2(data: Uint8Array): number {
  const M = 0x5bd1e995;
  let h = data.length | 0;
  let at = 0;
  for (; data.length - at >= 4; at += 4) {
    let k = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const left = data.length - at;
  if (left >= 3) h ^= data[at + 2]! << 16;
  if (left >= 2) h ^= data[at + 1]! << 8;
  if (left >= 1) h = Math.imul(h ^ data[at]!, M);
  h = Math.imul(h ^ (h >>> 13), M);
  return (h ^ (h >>> 15)) >>> 0;
}
