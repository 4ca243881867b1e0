import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityIn, murmur2, nginxBucket } from './bucket.ts';

test('MurmurHash2 is as another implementation of it has it', () => {
  // Computed by one in Python, written from the description; that nginx agrees is proven at every route (route-proof.ts).
  const known: readonly (readonly [string, number])[] = [
    ['', 0],
    ['a', 0x92685f5e],
    ['abc', 0x13577c9b],
    ['abcd', 0x26873021],
    ['00112233445566778899aabbccddeeffuser-1', 0xc3d755e1],
  ];
  for (const [text, hash] of known) assert.equal(murmur2(Buffer.from(text)), hash, text);
});

test('identities in sequence spread evenly', () => {
  const buckets = Array.from({ length: 10_000 }, (_, i) => nginxBucket('aa', `user-${i}`));

  // By either draw, and by both together.
  const tenths = [
    (bucket: number): boolean => bucket < 100,
    (bucket: number): boolean => bucket % 100 < 10,
    (bucket: number): boolean => (Math.floor(bucket / 100) + bucket) % 10 === 0,
  ];
  for (const isIn of tenths) {
    const inTenth = buckets.filter(isIn).length;
    assert.ok(Math.abs(inTenth - 1000) < 120, `${inTenth} of 10,000`);
  }
});

test('an identity is found for any bucket', () => {
  const identity = identityIn('aa', (bucket) => bucket === 999)!;

  assert.match(identity, /^[0-9a-f]{32}$/);
  assert.equal(nginxBucket('aa', identity), 999);
});
