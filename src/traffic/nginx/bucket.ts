import { BUCKETS } from '../cohort.ts';

/** The bucket that two `split_clients` give to an identity: behind the salt it gives the hundreds, apart from it by a space the rest. */
export function nginxBucket(salt: string, identity: string): number {
  const rest = BUCKETS / 10;
  return part(salt + identity, 10) * rest + part(`${salt} ${identity}`, rest);
}

/** Which of so many equal parts: each is so much of 2^32 - 1, rounded down as nginx does. */
function part(text: string, parts: number): number {
  const width = Math.floor(((10_000 / parts) * 0xffff_ffff) / 10_000);
  return Math.min(parts - 1, Math.floor(murmur2(Buffer.from(text, 'latin1')) / width));
}

export function formatBucket(bucket: number, digits = 3): string {
  return String(bucket).padStart(digits, '0');
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
