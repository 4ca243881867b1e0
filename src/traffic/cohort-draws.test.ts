import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { BUCKETS, bucketOf, drawCohort, identityHash, isCandidate, saltState } from './cohort.ts';

/** Beyond the fixed draws of cohort.test.ts: many salts and seeds, and as chance would have it in sum, too even being wrong too. */
const Z_999 = 3.2905;
const DRAWS = 200;
const PEOPLE = 2000;

const populations: Record<string, (i: number) => string> = {
  'random 128-bit': (i) => hex(`person ${i}`).slice(0, 32),
  'sequential numeric': (i) => String(i + 1),
  'sequential with zeros in front': (i) => String(i).padStart(32, '0'),
  'sequential with a long name in front': (i) => `${'customer-of-the-shop-'.repeat(8)}${i}`,
  'sequential with a long name behind': (i) => `${i}${'@mail.example.com'.repeat(8)}`,
  'addresses of one network': (i) => `10.7.${i >> 8}.${i & 255}`,
  'two letters repeated': (i) => 'a'.repeat(i % 250) + 'b'.repeat(Math.floor(i / 250)),
  'two bits of difference': (i) => String.fromCharCode(64 + (i & 63), 64 + ((i >> 6) & 63)),
};

for (const [name, identity] of Object.entries(populations)) {
  const people = Array.from({ length: PEOPLE }, (_, i) => identity(i));

  test(`over ${DRAWS} draws, shares of ${name} identities vary as chance has it: not more, not less`, () => {
    let sum = 0;
    let squares = 0;
    for (let draw = 0; draw < DRAWS; draw += 1) {
      const z = deviation(people, { salt: hex(`salt ${draw}`), seed: hex(`seed ${draw}`), share: 0.1 });
      sum += z;
      squares += z * z;
    }

    assertNear(sum / Math.sqrt(DRAWS), 0, 1, 'of the mean');
    assertNear(squares, DRAWS, Math.sqrt(2 * DRAWS), 'of the squares');
  });

  test(`the buckets of ${name} identities are filled evenly`, () => {
    const filled = new Float64Array(BUCKETS);
    const salts = 20;
    for (let i = 0; i < salts; i += 1) {
      const salt = saltState(hex(`service ${i}`));
      for (const person of people) filled[bucketOf(identityHash(salt, person))]! += 1;
    }

    const expected = (PEOPLE * salts) / BUCKETS;
    const chiSquare = filled.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
    assertNear(chiSquare, BUCKETS - 1, Math.sqrt(2 * (BUCKETS - 1)), 'of chi-square');
  });
}

/** Pairs of rollouts whose seeds say the same but for a little: what they draw has nothing in common. */
const neighbours: Record<string, (i: number) => readonly [string, string]> = {
  'random seeds': (i) => [hex(`a ${i}`).slice(0, 32), hex(`b ${i}`).slice(0, 32)],
  'seeds that count up': (i) => [String(i), String(i + 1)],
  'seeds of one other digit': (i) => [`${hex(String(i)).slice(0, 31)}0`, `${hex(String(i)).slice(0, 31)}1`],
  'seeds of one digit more': (i) => [hex(String(i)), `${hex(String(i))}0`],
};

for (const [name, seeds] of Object.entries(neighbours)) {
  test(`two rollouts draw independently: ${name}`, () => {
    const size = 200;
    const mean = (size * size) / BUCKETS;
    const variance = (mean * (1 - size / BUCKETS) * (BUCKETS - size)) / (BUCKETS - 1);
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < DRAWS; i += 1) {
      const [one, other] = seeds(i).map((seed) => drawCohort({ seed, sharePercent: (100 * size) / BUCKETS }));
      const both = buckets().filter(
        (bucket) => isCandidate(bucket, one!) && isCandidate(bucket, other!),
      ).length;
      sum += both - mean;
      squares += (both - mean) ** 2 / variance;
    }

    assertNear(sum / Math.sqrt(DRAWS * variance), 0, 1, 'of the mean overlap');
    assertNear(squares, DRAWS, Math.sqrt(2 * DRAWS), 'of its squares');
  });
}

test('over many rollouts every bucket is drawn as early and as late as any other', () => {
  const parts = 10;
  const drawn = buckets().map(() => new Float64Array(parts));
  const rollouts = 400;
  for (let i = 0; i < rollouts; i += 1) {
    const { places } = drawCohort({ seed: hex(`rollout ${i}`), sharePercent: 0 });
    for (const bucket of buckets()) drawn[bucket]![Math.floor((places[bucket]! * parts) / BUCKETS)]! += 1;
  }

  const expected = rollouts / parts;
  const chiSquare = drawn.reduce(
    (total, each) => total + each.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0),
    0,
  );
  const freedom = (BUCKETS - 1) * (parts - 1);
  assertNear(chiSquare, freedom, Math.sqrt(2 * freedom), 'of chi-square');
});

const person = fc.oneof(fc.string({ unit: 'binary' }), fc.uuid(), fc.nat().map(String));
const share = fc.integer({ min: 0, max: 1000 }).map((tenths) => tenths / 10);

test('whoever it is and whatever is drawn: 0 % is not for them, 100 % is', () => {
  fc.assert(
    fc.property(person, fc.string(), fc.string(), (identity, salt, seed) => {
      assert.equal(isIn({ identity, salt, seed, sharePercent: 0 }), false);
      assert.equal(isIn({ identity, salt, seed, sharePercent: 100 }), true);
    }),
  );
});

test('whoever is in stays in while the share rises, and is in again when it returns to where they came in', () => {
  fc.assert(
    fc.property(person, fc.string(), fc.string(), fc.array(share), (identity, salt, seed, shares) => {
      const rising = shares.toSorted((a, b) => a - b);
      const seen = rising.map((sharePercent) => isIn({ identity, salt, seed, sharePercent }));
      const first = seen.includes(true) ? seen.indexOf(true) : seen.length;

      assert.deepEqual(
        seen,
        seen.map((_, i) => i >= first),
      );
      assert.deepEqual(
        rising.map((sharePercent) => isIn({ identity, salt, seed, sharePercent })),
        seen,
      );
    }),
  );
});

type Drawn = {
  readonly identity: string;
  readonly salt: string;
  readonly seed: string;
  readonly sharePercent: number;
};

function isIn({ identity, salt, seed, sharePercent }: Drawn): boolean {
  return isCandidate(bucketOf(identityHash(saltState(salt), identity)), drawCohort({ seed, sharePercent }));
}

type Draw = { readonly salt: string; readonly seed: string; readonly share: number };

/** How far the number of those who are in is from what was asked, in standard deviations. */
function deviation(people: readonly string[], { salt, seed, share: asked }: Draw): number {
  const state = saltState(salt);
  const cohort = drawCohort({ seed, sharePercent: asked * 100 });
  const found = people.filter((each) => isCandidate(bucketOf(identityHash(state, each)), cohort)).length;
  return (found - people.length * asked) / Math.sqrt(people.length * asked * (1 - asked));
}

function assertNear(found: number, expected: number, deviationOne: number, what: string): void {
  assert.ok(
    Math.abs(found - expected) < Z_999 * deviationOne,
    `${found.toFixed(2)} ${what}; ${expected} ± ${(Z_999 * deviationOne).toFixed(2)} expected`,
  );
}

function buckets(): number[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => bucket);
}

function hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
