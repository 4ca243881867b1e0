import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { BUCKETS, bucketOf, drawCohort, identityHash, isCandidate, saltState } from './cohort.ts';

/** Two-sided 99.9 % of the normal distribution. */
const Z_999 = 3.2905;
const POPULATION = 20_000;
const SHARES_PERCENT = [0.1, 1, 5, 10, 25, 50, 90] as const;

const populations: Record<string, () => string[]> = {
  'random 128-bit': () => numbers((i) => hex(`random ${i}`).slice(0, 32)),
  'sequential numeric': () => numbers((i) => String(i + 1)),
  'sequential prefixed': () => numbers((i) => `user-${i}@example.com`),
  'IPv4 addresses': () => numbers((i) => `10.0.${i >> 8}.${i & 255}`),
};

for (const [name, identities] of Object.entries(populations)) {
  test(`shares of ${name} identities are within 99.9 % binomial bounds`, () => {
    const people = identities();

    for (const sharePercent of SHARES_PERCENT) {
      assertWithinBounds(
        candidatesAmong(people, { salt: 'ab12', seed: '77', sharePercent }),
        people.length,
        sharePercent,
      );
    }
  });
}

test('the few small sequential ids that skew plain FNV-1a are drawn fairly over many seeds', () => {
  const people = Array.from({ length: 100 }, (_, i) => String(i + 1));
  let drawn = 0;
  const seeds = 200;

  for (let seed = 0; seed < seeds; seed += 1) {
    drawn += candidatesAmong(people, {
      salt: hex(`salt ${seed}`),
      seed: hex(`seed ${seed}`),
      sharePercent: 10,
    });
  }

  assertWithinBounds(drawn, people.length * seeds, 10);
});

test('people who come often (Zipf) are drawn like everyone else: the share of identities holds', () => {
  const seen = new Set<string>();
  let random = 12_345;
  for (let request = 0; request < 200_000; request += 1) {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    seen.add(`zipf-${Math.floor(POPULATION ** (random / 2 ** 32))}`);
  }
  const people = [...seen];

  for (const sharePercent of [5, 25, 50]) {
    assertWithinBounds(
      candidatesAmong(people, { salt: 'cd', seed: '99', sharePercent }),
      people.length,
      sharePercent,
    );
  }
});

test('0 % is nobody and 100 % everybody', () => {
  const nobody = drawCohort({ seed: 'a', sharePercent: 0 });
  const everybody = drawCohort({ seed: 'a', sharePercent: 100 });

  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    assert.equal(isCandidate(bucket, nobody), false);
    assert.equal(isCandidate(bucket, everybody), true);
  }
});

test('a share of p % holds exactly p × 10 buckets, for every seed and step of 0.1 %', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 0, max: 1000 }), (seed, tenths) => {
      const cohort = drawCohort({ seed, sharePercent: tenths / 10 });

      assert.equal(buckets().filter((bucket) => isCandidate(bucket, cohort)).length, tenths);
      assert.deepEqual(
        [...cohort.places].sort((a, b) => a - b),
        buckets(),
      );
    }),
  );
});

test('nobody moves back when a share rises', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.integer({ min: 0, max: 1000 }),
      fc.integer({ min: 0, max: 1000 }),
      (seed, one, other) => {
        const lower = drawCohort({ seed, sharePercent: Math.min(one, other) / 10 });
        const higher = drawCohort({ seed, sharePercent: Math.max(one, other) / 10 });

        for (const bucket of buckets()) {
          assert.ok(!isCandidate(bucket, lower) || isCandidate(bucket, higher));
        }
      },
    ),
  );
});

test('another rollout draws other people: the overlap of two draws is what chance allows', () => {
  const people = populations['random 128-bit']!();
  const first = candidates(people, { salt: 's', seed: hex('rollout 1'), sharePercent: 20 });
  const second = candidates(people, { salt: 's', seed: hex('rollout 2'), sharePercent: 20 });

  const both = [...first].filter((person) => second.has(person)).length;

  // Of the 200 buckets of one draw about 40 are in the other (hypergeometric, sd 5.1), each with 20 people.
  assert.ok(both > 20 * (40 - 4 * 5.1) && both < 20 * (40 + 4 * 5.1), `${both} of ${first.size} in both`);
});

test('the same person has different buckets in different services', () => {
  const people = populations['random 128-bit']!();
  const same = people.filter(
    (person) =>
      bucketOf(identityHash(saltState('shop'), person)) === bucketOf(identityHash(saltState('blog'), person)),
  ).length;

  assert.ok(same < 60, `${same} of ${people.length} share a bucket; 20 expected`);
});

test('hashes are whole numbers of at most 53 bits and rarely collide', () => {
  const salt = saltState('x');
  const hashes = new Set(Array.from({ length: 200_000 }, (_, i) => identityHash(salt, String(i))));

  assert.equal(hashes.size, 200_000);
  for (const hash of hashes) assert.ok(Number.isSafeInteger(hash) && hash >= 0);
});

type Draw = { readonly salt: string; readonly seed: string; readonly sharePercent: number };

function candidates(people: readonly string[], draw: Draw): Set<string> {
  const salt = saltState(draw.salt);
  const cohort = drawCohort(draw);
  return new Set(people.filter((person) => isCandidate(bucketOf(identityHash(salt, person)), cohort)));
}

function candidatesAmong(people: readonly string[], draw: Draw): number {
  return candidates(people, draw).size;
}

function assertWithinBounds(found: number, of: number, sharePercent: number): void {
  const p = sharePercent / 100;
  const slack = Z_999 * Math.sqrt(of * p * (1 - p)) + 1;
  assert.ok(
    Math.abs(found - of * p) <= slack,
    `${found} of ${of} at ${sharePercent} %: expected ${of * p} ± ${slack}`,
  );
}

function buckets(): number[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => bucket);
}

function numbers(name: (i: number) => string): string[] {
  return Array.from({ length: POPULATION }, (_, i) => name(i));
}

function hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
