import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tally } from './e2e/load/tally.ts';
import { faultsOf, type Told } from './soak/report.ts';
import type { Sample } from './soak/watch.ts';

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
    collectedMib: { warm: { 'worker 0': 150 }, end: { 'worker 0': 160 } },
    after: { 'worker 0': { ...CALM[0]!, descriptors: 41 } },
    delaysMs: [1],
    ...more,
  };
}

test('the soak finds nothing where nothing is, a collector’s ups and downs among it', () => {
  assert.deepEqual(faultsOf(toldOf()), []);
});

test('the soak finds a leak, descriptors that stay open, failures, and a run in which nothing happened', () => {
  const failed = new Tally();
  failed.failure('GET /', { kind: 'reset', detail: 'planted' });
  const leak = { warm: { 'worker 0': 150 }, end: { 'worker 0': 167.1 } };
  const faults = { count: 2, examples: ['one', 'two'] };
  const idle = { rollouts: 0, abortions: 0, judged: 0, shares: 0, restarts: 0, applies: 0 };

  for (const [more, expected] of [
    [{ collectedMib: leak }, /^worker 0 grew by 17\.1 MiB$/],
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
