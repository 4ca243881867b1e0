import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type Choosable, LEAST_WEIGHT, chooseReplica, weightAt } from './replica-choice.ts';

type Replica = {
  healthy: boolean;
  active: number;
  allowed: number;
  isEjected: boolean;
  freshSinceMs: number;
  suspect: boolean;
  isSuspect: () => boolean;
};

const NOW_MS = 1_000_000;
const SLOW_MS = 10_000;

function replica(change: Partial<Omit<Replica, 'isSuspect'>> = {}): Replica {
  const one: Replica = {
    healthy: true,
    active: 0,
    allowed: Number.POSITIVE_INFINITY,
    isEjected: false,
    freshSinceMs: Number.NEGATIVE_INFINITY,
    suspect: false,
    isSuspect: () => one.suspect,
    ...change,
  };
  return one;
}

const any = fc
  .record({
    healthy: fc.boolean(),
    active: fc.nat(5),
    allowed: fc.oneof(fc.nat(5), fc.constant(Number.POSITIVE_INFINITY)),
    isEjected: fc.boolean(),
    freshSinceMs: fc.oneof(
      fc.constant(Number.NEGATIVE_INFINITY),
      fc.nat(SLOW_MS * 2).map((agoMs) => NOW_MS - agoMs),
    ),
    suspect: fc.boolean(),
  })
  .map(replica);
const draws = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function choose<T extends Choosable>(
  replicas: readonly T[],
  change: Partial<Parameters<typeof chooseReplica<T>>[1]> = {},
): T | null {
  return chooseReplica(replicas, {
    from: 0,
    except: null,
    nowMs: NOW_MS,
    slowStartMs: SLOW_MS,
    draw: 0.5,
    ...change,
  });
}

function tier({ suspect, isEjected }: Replica): number {
  return suspect ? 2 : isEjected ? 1 : 0;
}

test('what is chosen is healthy, has room, and is of the best kind that is healthy at all', () => {
  fc.assert(
    fc.property(fc.array(any, { maxLength: 6 }), fc.nat(20), draws, (replicas, from, draw) => {
      const chosen = choose(replicas, { from, draw });
      const well = replicas.filter(({ healthy }) => healthy);
      const best = Math.min(...well.map(tier));
      const candidates = well.filter((each) => tier(each) === best && each.active < each.allowed);

      if (candidates.length === 0) assert.equal(chosen, null);
      else assert.ok(candidates.includes(chosen!));
    }),
  );
});

test('an ejection never leaves a slot without a replica that it had', () => {
  fc.assert(
    fc.property(fc.array(any, { minLength: 1, maxLength: 6 }), draws, (replicas, draw) => {
      const calm = replicas.map((each) => replica({ ...each, isEjected: false, allowed: 100 }));
      const ejected = calm.map((each) => replica({ ...each, isEjected: true }));

      assert.equal(choose(calm, { draw }) === null, choose(ejected, { draw }) === null);
    }),
  );
});

test('without a slow start, and among equals in age, the least loaded is chosen', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 1 }), fc.nat(SLOW_MS), draws, (loads, ageMs, draw) => {
      const replicas = loads.map((active) => replica({ active, freshSinceMs: NOW_MS - ageMs }));

      for (const slowStartMs of [0, SLOW_MS])
        assert.equal(choose(replicas, { draw, slowStartMs })!.active, Math.min(...loads));
    }),
  );
});

test('one that is left out in a retry is never chosen', () => {
  const [one, two] = [replica(), replica({ active: 9 })];

  assert.equal(choose([one, two], { except: one }), two);
  assert.equal(choose([one], { except: one }), null);
});

test('a weight grows from a tenth to the whole', () => {
  const at = (ageMs: number): number => weightAt({ freshSinceMs: NOW_MS - ageMs }, SLOW_MS, NOW_MS);

  assert.deepEqual([0, 500, 5000, 9000, 10_000, 99_000].map(at), [
    LEAST_WEIGHT,
    LEAST_WEIGHT,
    0.5,
    0.9,
    1,
    1,
  ]);
  assert.equal(weightAt({ freshSinceMs: NOW_MS }, 0, NOW_MS), 1);
  assert.equal(weightAt({ freshSinceMs: Number.NEGATIVE_INFINITY }, SLOW_MS, NOW_MS), 1);
});

/** Share of `fresh` beside `warm`, one request after the other, `inFlight` of them at a time. */
function share(fresh: Replica, warm: Replica, inFlight: number): number {
  const [busy, taken] = [[] as Replica[], { fresh: 0, all: 0 }];
  for (let i = 1; i <= 2000; i += 1) {
    const chosen = choose([fresh, warm], { from: i, draw: (i * 0.618_033_988_749_895) % 1 })!;
    chosen.active += 1;
    busy.push(chosen);
    if (busy.length > inFlight) busy.shift()!.active -= 1;
    taken.all += 1;
    if (chosen === fresh) taken.fresh += 1;
  }
  return taken.fresh / taken.all;
}

test('a fresh one gets a part that grows with its age, with few requests in flight and with many', () => {
  for (const inFlight of [0, 1, 8, 64]) {
    const shares = [100, 3000, 6000, 9000, 20_000].map((ageMs) =>
      share(replica({ freshSinceMs: NOW_MS - ageMs }), replica(), inFlight),
    );

    assert.deepEqual(
      shares,
      shares.toSorted((a, b) => a - b),
      `${inFlight} in flight: ${shares.join(', ')}`,
    );
    assert.ok(shares[0]! > 0 && shares[0]! <= 0.11, `${shares[0]} of all at the least weight`);
    assert.ok(Math.abs(shares.at(-1)! - 0.5) < 0.02, `${shares.at(-1)} when it is warm`);
  }
});

test('under load one of half its age holds half as many requests as a warm one', () => {
  const part = share(replica({ freshSinceMs: NOW_MS - SLOW_MS / 2 }), replica(), 64);

  assert.ok(Math.abs(part - 1 / 3) < 0.04, `${part}`);
});

test('where all are equally fresh they share as if none were', () => {
  const [one, two] = [replica({ freshSinceMs: NOW_MS }), replica({ freshSinceMs: NOW_MS })];

  assert.ok(Math.abs(share(one, two, 8) - 0.5) < 0.02);
});
