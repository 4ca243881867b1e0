import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { USUAL_OUTLIERS } from '../../release/resilience.ts';
import { NEVER_EJECTED, type Standing, decideEjection, whoReturns } from './ejection.ts';

const RULES = { ...USUAL_OUTLIERS, baseMs: 30_000, maxMs: 100_000 };

type Happening =
  | { readonly kind: 'fails' | 'health'; readonly replica: number }
  | { readonly kind: 'passes'; readonly ms: number };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ kind: fc.constantFrom('fails' as const, 'health' as const), replica: fc.nat(5) }),
  fc.record({ kind: fc.constant('passes' as const), ms: fc.nat(60_000) }),
);

/** What becomes of a slot's replicas, by the two decisions alone. */
class Slot {
  nowMs = 0;
  standings: Standing[];

  constructor(replicas: number) {
    this.standings = Array.from({ length: replicas }, () => ({ healthy: true, ...NEVER_EJECTED }));
  }

  take(each: Happening, draw: number): void {
    if (each.kind === 'passes') this.nowMs += each.ms;
    const standing = each.kind === 'passes' ? undefined : this.standings[each.replica];
    if (standing !== undefined && each.kind === 'health')
      this.#set(each.replica, { healthy: !standing.healthy });
    if (standing !== undefined && each.kind === 'fails') {
      const found = decideEjection(this.standings, each.replica, { rules: RULES, nowMs: this.nowMs, draw });
      if (found !== null) this.#set(each.replica, { ejectedUntilMs: found.untilMs, times: found.times });
    }
    for (const replica of whoReturns(this.standings, this.nowMs))
      this.#set(replica, { ejectedUntilMs: null, returnedAtMs: this.nowMs });
  }

  #set(replica: number, change: Partial<Standing>): void {
    this.standings[replica] = { ...this.standings[replica]!, ...change };
  }
}

test('whatever fails, becomes well or unwell, at least half of the healthy ones are in, the last one too', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(happening, { maxLength: 60 }), (replicas, all) => {
      const slot = new Slot(replicas);
      for (const each of all) {
        slot.take(each, 0.5);
        const healthy = slot.standings.filter((one) => one.healthy);
        const inside = healthy.filter((one) => one.ejectedUntilMs === null).length;

        assert.ok(inside >= healthy.length / 2, `${inside} of ${healthy.length}`);
        assert.ok(healthy.length === 0 || inside > 0);
      }
    }),
  );
});

test('everybody comes back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(happening, { maxLength: 60 }), (replicas, all) => {
      const slot = new Slot(replicas);
      for (const each of all) slot.take(each, 0.99);

      slot.take({ kind: 'passes', ms: RULES.maxMs * 1.1 }, 0);

      assert.ok(slot.standings.every(({ ejectedUntilMs }) => ejectedUntilMs === null));
    }),
  );
});

test('each time in a row is longer, up to a bound, and the row is forgotten with time', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 9].map((times) => lengthAfter(times, 0)),
    [30_000, 60_000, 90_000, 100_000, 100_000],
  );
  assert.deepEqual(
    [29_999, 30_000, 60_000, 900_000].map((calmMs) => lengthAfter(2, calmMs)),
    [90_000, 60_000, 30_000, 30_000],
  );
});

test('it is longer by up to a tenth, by the draw', () => {
  const standings = [0, 1].map(() => ({ healthy: true, ...NEVER_EJECTED }));
  const at = (draw: number): number =>
    decideEjection(standings, 0, { rules: RULES, nowMs: 0, draw })!.untilMs;

  assert.deepEqual([0, 0.5, 1].map(at).map(Math.round), [30_000, 31_500, 33_000]);
});

test('of one replica, of one that is unwell, and of one that is out, none is ejected', () => {
  const well: Standing = { healthy: true, ...NEVER_EJECTED };

  assert.equal(decide([well], 0), null);
  assert.equal(decide([well, { ...well, healthy: false }], 0), null, 'the last healthy one');
  assert.equal(decide([{ ...well, healthy: false }, well, well], 0), null);
  assert.equal(decide([{ ...well, ejectedUntilMs: 5 }, well, well, well], 0), null);
  assert.equal(decide([{ ...well, ejectedUntilMs: 5 }, well, well], 1), null, 'more than half');
  assert.equal(decide([well, well], 7), null, 'none that there is');
});

/** Of one that was ejected so often in a row, and has been in for so long. */
function lengthAfter(times: number, calmMs: number): number {
  const failed = { healthy: true, ejectedUntilMs: null, times, returnedAtMs: -calmMs };
  const standings = [failed, { healthy: true, ...NEVER_EJECTED }];
  return decideEjection(standings, 0, { rules: RULES, nowMs: 0, draw: 0 })!.untilMs;
}

function decide(standings: readonly Standing[], replica: number): ReturnType<typeof decideEjection> {
  return decideEjection(standings, replica, { rules: RULES, nowMs: 0, draw: 0 });
}
