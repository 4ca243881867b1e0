import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { releasesToKeep, type RetentionFacts } from './retention.ts';

const id = fc.integer({ min: 0, max: 12 }).map((number) => `shop/v${number}`);
const facts: fc.Arbitrary<RetentionFacts> = fc.record({
  inSlots: fc.array(id, { maxLength: 2 }),
  inRollouts: fc.array(id, { maxLength: 2 }),
  inPlans: fc.array(id, { maxLength: 2 }),
  promotions: fc.array(id, { maxLength: 30 }),
  keepPromoted: fc.integer({ min: 1, max: 8 }),
  tried: fc.array(id, { maxLength: 30 }),
  keepTried: fc.integer({ min: 0, max: 3 }),
});

test('what a rollback may need is never dropped', () => {
  fc.assert(
    fc.property(facts, (known) => {
      const keep = releasesToKeep(known);

      for (const needed of [...known.inSlots, ...known.inRollouts, ...known.inPlans])
        assert.ok(keep.has(needed));
      // Any of the last N different promoted releases, however often one of them went back and forth since.
      let different = new Set<string>();
      for (const promoted of known.promotions) {
        different = new Set([...different, promoted]);
        if (different.size <= known.keepPromoted) assert.ok(keep.has(promoted));
      }
    }),
  );
});

test('what is kept is bounded', () => {
  fc.assert(
    fc.property(facts, (known) => {
      const { inSlots, inRollouts, inPlans, keepPromoted, keepTried } = known;
      const most = inSlots.length + inRollouts.length + inPlans.length + keepPromoted + keepTried;

      assert.ok(releasesToKeep(known).size <= most);
    }),
  );
});

test('going back and forth between two releases does not push out a third', () => {
  const keep = releasesToKeep({
    inSlots: [],
    inRollouts: [],
    inPlans: [],
    tried: [],
    keepTried: 0,
    promotions: ['shop/v3', 'shop/v2', 'shop/v3', 'shop/v2', 'shop/v1', 'shop/v0'],
    keepPromoted: 3,
  });

  assert.deepEqual([...keep], ['shop/v3', 'shop/v2', 'shop/v1']);
});
