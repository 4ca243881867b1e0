import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LATENCY_BUCKETS, type SparseHistogram } from '../traffic/counts.ts';
import { beyondLine, beyondOf, cumulativeOf } from './latency.ts';

const histogram: fc.Arbitrary<SparseHistogram> = fc
  .uniqueArray(fc.tuple(fc.nat(LATENCY_BUCKETS - 1), fc.integer({ min: 1, max: 1000 })), {
    selector: ([bucket]) => bucket,
  })
  .map((counts) => counts.toSorted(([a], [b]) => a - b));

test('the counts of a second answer every line as the histograms themselves do', () => {
  const line = fc.integer({ min: -5, max: LATENCY_BUCKETS + 60 });
  fc.assert(
    fc.property(fc.array(histogram, { maxLength: 4 }), line, (histograms, fine) => {
      const cumulative = cumulativeOf(histograms);

      assert.equal(beyondLine(cumulative, fine), beyondLine(beyondOf(histograms), fine));
    }),
  );
});
