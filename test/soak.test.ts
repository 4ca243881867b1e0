import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tally } from './e2e/load/tally.ts';
import { faultsOf, type Told } from './soak/report.ts';
import { type Sample, slopeOf } from './soak/watch.ts';

/** A look every two seconds of ten minutes. */
function samplesOf(rssMib: (minute: number, i: number) => number, descriptors = 40): Sample[] {
  return Array.from({ length: 300 }, (_, i) => ({ atMs: i * 2000, rssMib: rssMib(i / 30, i), descriptors }));
}

const CALM = samplesOf((minute, i) => 150 + 30 * Math.min(1, minute) + (i % 9));

function toldOf(more: Partial<Told> = {}): Told {
  const deeds = { rollouts: 3, abortions: 1, judged: 0, shares: 40, restarts: 4, applies: 8 };
  return {
    seconds: 600,
    load: new Tally().report(),
    clients: { odd: { faults: { count: 0, examples: [] }, done: { left: 9 } } },
    deeds: { plain: deeds },
    sides: 4,
    watched: [{ name: 'worker 0', pid: 1, samples: CALM }],
    after: { 'worker 0': { ...CALM[0]!, descriptors: 41 } },
    delaysMs: [1],
    ...more,
  };
}

test('the soak finds nothing where nothing is, a warm-up and a collector’s ups and downs among it', () => {
  assert.deepEqual(faultsOf(toldOf()), []);
});

test('the soak finds a leak, descriptors that stay open, failures, and a run in which nothing happened', () => {
  const failed = new Tally();
  failed.failure('GET /', { kind: 'reset', detail: 'planted' });
  const leak = samplesOf((minute, i) => 150 + 2.5 * minute + (i % 9));
  const faults = { count: 2, examples: ['one', 'two'] };
  const idle = { rollouts: 0, abortions: 0, judged: 0, shares: 0, restarts: 0, applies: 0 };

  for (const [more, expected] of [
    [{ watched: [{ name: 'worker 0', pid: 1, samples: leak }] }, /^worker 0 grew by 17\.\d MiB$/],
    [{ after: { 'worker 0': { ...CALM[0]!, descriptors: 44 } } }, /^worker 0 has 4 more descriptors/],
    [{ load: failed.report() }, /^1 failed over HTTP\/1\.1: .*planted/],
    [{ clients: { odd: { faults, done: {} } } }, /^2 faults of odd: one; two$/],
    [{ deeds: { plain: idle } }, /^of plain not everything was done$/],
  ] as const) {
    const found = faultsOf(toldOf(more));
    assert.equal(found.length, 1, found.join());
    assert.match(found[0]!, expected);
  }
});

test('the slope is that of the time after warming up', () => {
  const { perMinute, growth } = slopeOf(
    samplesOf((minute) => 100 + 2 * minute),
    0.5,
  );

  assert.ok(Math.abs(perMinute - 2) < 0.001);
  assert.ok(Math.abs(growth - 2 * (149 / 30)) < 0.001);
});
