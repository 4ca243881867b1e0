/** Recorded traffic of real processes (bench/judge/traces), judged as it ships: the small form of what `npm run bench:judge` does with it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cellOf } from '../bench/judge/compare.ts';
import { CONTENDERS, REFERENCE_ID } from '../bench/judge/contenders.ts';
import { tracesIn } from '../bench/judge/trace.ts';
import { rngOf } from './judge-traffic.ts';

const TRACES = tracesIn(fileURLToPath(new URL('../bench/judge/traces', import.meta.url)));
const RUNS = 10;
const reference = CONTENDERS.find(({ id }) => id === REFERENCE_ID)!;

test('every kind of fault is recorded', () => {
  const kinds = ['cold', 'dead', 'errors-1', 'errors-5', 'leak', 'same', 'slow-2', 'stall'];

  assert.deepEqual(
    TRACES.map(({ id }) => id),
    kinds.map((kind) => `trace-${kind}`),
  );
});

for (const trace of TRACES) {
  const isHealthy = trace.kind === 'healthy';
  test(`${trace.says}: ${isHealthy ? 'stays' : 'goes back'}`, () => {
    const cell = cellOf(reference, trace, RUNS);

    assert.equal(cell.back, isHealthy ? 0 : RUNS);
  });
}

test('a share of a trace is that part of its requests', () => {
  const same = TRACES.find(({ id }) => id === 'trace-same')!;
  const traffic = same.traffic(rngOf(1));
  let [mine, all] = [0, 0];
  for (let age = 0; age < 90; age++) {
    for (const { slot, requests } of traffic(age, 0.1).replicas) {
      all += requests;
      if (slot === 'green') mine += requests;
    }
  }

  // About 4,400 requests: chance leaves a tenth of them between 8 and 12 %.
  assert.ok(mine / all > 0.08 && mine / all < 0.12, `${mine} of ${all}`);
});
