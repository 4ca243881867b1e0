import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SlotName } from '../release/slot.ts';
import type { IdentitySecond, ReplicaSecond } from '../traffic/counts.ts';
import type { SampleBatch, SampleStore } from './samples.ts';

/** One place where samples are kept; each `open` gives the same content again. */
export type SampleSite = { open(): Promise<SampleStore>; remove(): void };

/** A whole minute. */
export const T0 = 1_700_000_040;
const FOREVER = { fromSecond: 0, toSecond: 2_000_000_000 };
const LIMITS = { secondsBefore: 0, minutesBefore: 0, maxBytes: 1e9, maxEvidenceBytes: 1e9, keep: [] };

export function sampleStoreConformance(name: string, make: () => SampleSite): void {
  function fact(title: string, work: (store: SampleStore) => Promise<void>): void {
    test(title, { timeout: 20_000 }, async () => {
      const site = make();
      const store = await site.open();
      try {
        await work(store);
      } finally {
        await store.close();
        site.remove();
      }
    });
  }
  describe(name, () => {
    roundTrips(fact);
    compactions(fact);
    evidence(fact);
  });
}

type Fact = (title: string, work: (store: SampleStore) => Promise<void>) => void;

function roundTrips(fact: Fact): void {
  fact('an unknown service has nothing', async (store) => {
    const nothing = { replicas: [], identities: [], upToSecond: null, minutesUntil: null };
    assert.deepEqual(await store.read({ service: 'shop', ...FOREVER }), nothing);
    assert.equal(await store.cursor('shop'), null);
  });

  fact('samples come back exactly and in order, services apart', async (store) => {
    const first = batch(T0, [replica(T0, 'green', 1), replica(T0, 'blue', 0)], [identity(T0, 'green')]);
    const second = batch(T0 + 2, [replica(T0 + 1, 'blue', 0), replica(T0 + 2, 'blue', 0)], []);
    store.append(first);
    store.append({ ...batch(T0, [replica(T0, 'blue', 7)], []), service: 'cart' });
    store.append(second);
    await store.flush();

    assert.deepEqual(await store.read({ service: 'shop', ...FOREVER }), {
      replicas: [...first.replicas, ...second.replicas],
      identities: first.identities,
      upToSecond: T0 + 2,
      minutesUntil: null,
    });
    assert.equal((await store.read({ service: 'cart', ...FOREVER })).replicas[0]?.replica, 7);
  });

  fact('what was measured elsewhere comes back with its second, and stays with a rollout', async (store) => {
    const point = {
      measure: 'signups',
      candidate: 3.5,
      stable: 'no-data' as const,
      says: 'stable: nothing',
      window: { fromSecond: T0, toSecond: T0, stepIndex: 1, askedSharePercent: 5, requests: [1, 9] as const },
    };
    const measured = [{ second: T0 + 1, point }];
    store.append({ ...batch(T0 + 1, [replica(T0, 'blue', 0)], []), measured });
    await store.keepEvidence({ rollout: 'r-1', service: 'shop', fromSecond: T0, toSecond: T0 + 1 });

    assert.deepEqual((await store.read({ service: 'shop', ...FOREVER })).measured, measured);
    assert.deepEqual((await store.readEvidence({ rollout: 'r-1', ...FOREVER }))?.measured, measured);
    assert.equal('measured' in (await store.read({ service: 'shop', fromSecond: T0, toSecond: T0 })), false);
  });

  fact('odd numbers survive: none, many, the outermost buckets, no former record', async (store) => {
    const empty = { ...replica(T0, 'blue', 0), latency: [], attempts: 0 };
    const huge = {
      ...replica(T0, 'blue', 1),
      attempts: 2 ** 40,
      latency: [
        [0, 1],
        [127, 128],
        [443, 2 ** 33],
      ] as const,
    };
    const records = [
      [-1, 0, 1],
      [-1, 443, 300],
      [128, 129, 2],
    ] as const;
    const given = batch(T0, [empty, huge], [{ ...identity(T0, 'blue'), records }]);
    store.append(given);

    const read = await store.read({ service: 'shop', ...FOREVER });

    assert.deepEqual([read.replicas, read.identities], [given.replicas, given.identities]);
  });

  fact('a read has its bounds inside and sees what was just appended', async (store) => {
    for (let n = 0; n < 10; n++) store.append(batch(T0 + n, [replica(T0 + n, 'blue', 0)], []));

    const read = await store.read({ service: 'shop', fromSecond: T0 + 3, toSecond: T0 + 5 });

    assert.deepEqual(secondsOf(read), [T0 + 3, T0 + 4, T0 + 5]);
    assert.equal(read.upToSecond, T0 + 9);
  });

  fact('a long range comes whole', async (store) => {
    const seconds = Array.from({ length: 2500 }, (_, n) => T0 + n);
    store.append(
      batch(
        seconds.at(-1)!,
        seconds.map((second) => replica(second, 'blue', 0)),
        [],
      ),
    );

    assert.deepEqual(secondsOf(await store.read({ service: 'shop', ...FOREVER })), seconds);
  });

  fact('the cursor is the newest one, silent seconds included', async (store) => {
    store.append(batch(T0, [replica(T0, 'blue', 0)], []));
    assert.equal(await store.cursor('shop'), `cursor-${T0}`);
    store.append(batch(T0 + 5, [], []));
    assert.equal(await store.cursor('shop'), `cursor-${T0 + 5}`);
    assert.equal((await store.read({ service: 'shop', ...FOREVER })).upToSecond, T0 + 5);
    await store.flush();
    assert.equal(await store.cursor('shop'), `cursor-${T0 + 5}`);
  });

  fact('a second that comes twice is added up', async (store) => {
    store.append(batch(T0, [replica(T0, 'blue', 0)], [identity(T0, 'blue')]));
    store.append(batch(T0, [replica(T0, 'blue', 0), replica(T0, 'green', 0)], [identity(T0, 'blue')]));

    const { replicas, identities } = await store.read({ service: 'shop', ...FOREVER });

    assert.deepEqual(
      replicas.map((one) => [one.slot, one.attempts]),
      [
        ['blue', 20],
        ['green', 10],
      ],
    );
    assert.deepEqual(replicas[0]?.latency, [
      [100, 12],
      [120, 6],
    ]);
    assert.deepEqual(
      identities.map((one) => [one.active, one.records]),
      [
        [
          8,
          [
            [-1, 100, 6],
            [100, 120, 2],
          ],
        ],
      ],
    );
  });
}

function compactions(fact: Fact): void {
  fact('old seconds become minutes whose sums are exact; younger ones stay', async (store) => {
    fill(store, 'shop', 200);
    await store.compact({ ...LIMITS, secondsBefore: T0 + 150 });

    const { replicas, identities, minutesUntil } = await store.read({ service: 'shop', ...FOREVER });

    assert.equal(minutesUntil, T0 + 120);
    assert.deepEqual(replicas.slice(0, 2), [minute(T0), minute(T0 + 60)]);
    assert.equal(replicas.length, 2 + 80);
    assert.deepEqual(replicas[2], replica(T0 + 120, 'blue', 0));
    assert.equal(identities[1]?.active, 240);
    assert.equal(identities[1]?.second, T0 + 60);
  });

  fact('compacting again changes nothing; later seconds join later', async (store) => {
    fill(store, 'shop', 200);
    await store.compact({ ...LIMITS, secondsBefore: T0 + 150 });
    const before = await store.read({ service: 'shop', ...FOREVER });
    await store.compact({ ...LIMITS, secondsBefore: T0 + 150 });
    assert.deepEqual(await store.read({ service: 'shop', ...FOREVER }), before);

    await store.compact({ ...LIMITS, secondsBefore: T0 + 180 });

    assert.deepEqual((await store.read({ service: 'shop', ...FOREVER })).replicas[2], minute(T0 + 120));
  });

  fact('a second that comes after its minute was summed up joins the minute', async (store) => {
    fill(store, 'shop', 120);
    await store.compact({ ...LIMITS, secondsBefore: T0 + 120 });
    store.append(batch(T0 + 120, [replica(T0 + 61, 'blue', 0)], []));

    const { replicas } = await store.read({ service: 'shop', ...FOREVER });

    assert.deepEqual(
      replicas.map((one) => one.attempts),
      [600, 610],
    );
  });

  fact('old minutes go, and in the end the service with them', async (store) => {
    fill(store, 'shop', 300);
    await store.compact({ ...LIMITS, secondsBefore: T0 + 240, minutesBefore: T0 + 130 });
    const { replicas } = await store.read({ service: 'shop', ...FOREVER });
    assert.equal(replicas[0]?.second, T0 + 120);

    await store.compact({ ...LIMITS, secondsBefore: T0 + 9000, minutesBefore: T0 + 9000 });

    assert.deepEqual((await store.read({ service: 'shop', ...FOREVER })).replicas, []);
    assert.equal(await store.cursor('shop'), null);
  });

  fact('what a rollout under way keeps stays in seconds, against age and size', async (store) => {
    fill(store, 'shop', 300);
    fill(store, 'cart', 300);
    const keep = [{ service: 'shop', fromSecond: T0 + 100 }];
    await store.compact({ ...LIMITS, secondsBefore: T0 + 290, minutesBefore: T0 + 290, maxBytes: 1, keep });

    const shop = await store.read({ service: 'shop', ...FOREVER });
    const cart = await store.read({ service: 'cart', ...FOREVER });

    assert.deepEqual(
      secondsOf(shop),
      Array.from({ length: 200 }, (_, n) => T0 + 100 + n),
    );
    assert.deepEqual(cart.replicas, []);
  });

  fact('when there is too much the oldest goes first', async (store) => {
    fill(store, 'shop', 3000);
    fill(store, 'cart', 3000);
    await store.compact({ ...LIMITS, maxBytes: 150_000 });

    const shop = secondsOf(await store.read({ service: 'shop', ...FOREVER }));
    const cart = secondsOf(await store.read({ service: 'cart', ...FOREVER }));

    assert.ok(shop.length > 0 && shop.length < 2900, `${shop.length} rows are left`);
    assert.ok(Math.abs(shop.length - cart.length) <= 1);
    assert.equal(shop.at(-1), T0 + 2999);
    assert.equal(shop.length, T0 + 3000 - shop[0]!);
  });
}

function evidence(fact: Fact): void {
  const range = { rollout: 'r-1', service: 'shop', fromSecond: T0 + 70, toSecond: T0 + 100 };

  fact('evidence stays in seconds when its service is compacted and gone', async (store) => {
    fill(store, 'shop', 300);
    const before = await store.read({ service: 'shop', fromSecond: T0 + 70, toSecond: T0 + 100 });
    await store.keepEvidence(range);
    await store.compact({ ...LIMITS, secondsBefore: T0 + 9000, minutesBefore: T0 + 9000, maxBytes: 1 });

    const kept = await store.readEvidence({ rollout: 'r-1', ...FOREVER });

    assert.deepEqual((await store.read({ service: 'shop', ...FOREVER })).replicas, []);
    assert.deepEqual(kept, { ...before, upToSecond: T0 + 100 });
    assert.equal(kept?.replicas.length, 31);
    const part = await store.readEvidence({ rollout: 'r-1', fromSecond: T0 + 72, toSecond: T0 + 74 });
    assert.deepEqual(secondsOf(part!), [T0 + 72, T0 + 73, T0 + 74]);
  });

  fact('evidence is kept once: what comes later changes nothing', async (store) => {
    fill(store, 'shop', 300);
    await store.keepEvidence(range);
    store.append(batch(T0 + 301, [replica(T0 + 80, 'green', 3)], []));
    await store.compact({ ...LIMITS, secondsBefore: T0 + 240 });
    await store.keepEvidence({ ...range, fromSecond: T0 });

    const kept = await store.readEvidence({ rollout: 'r-1', ...FOREVER });

    assert.equal(kept?.replicas.length, 31);
    assert.equal(kept?.minutesUntil, null);
  });

  fact('seconds without traffic at the end are kept as well', async (store) => {
    fill(store, 'shop', 75);
    store.append(batch(T0 + 90, [], []));
    store.append(batch(T0 + 100, [], []));
    await store.keepEvidence(range);

    const kept = await store.readEvidence({ rollout: 'r-1', ...FOREVER });

    assert.equal(kept?.upToSecond, range.toSecond);
  });

  fact('of seconds that were summed up by then nothing is kept, and it says so', async (store) => {
    fill(store, 'shop', 300);
    await store.compact({ ...LIMITS, secondsBefore: T0 + 90 });
    await store.keepEvidence({ ...range, fromSecond: T0 });
    await store.keepEvidence({ ...range, rollout: 'r-2', fromSecond: T0, toSecond: T0 + 20 });
    await store.keepEvidence({ ...range, rollout: 'r-3', service: 'cart' });

    const kept = await store.readEvidence({ rollout: 'r-1', ...FOREVER });

    assert.equal(kept?.minutesUntil, T0 + 60);
    assert.equal(secondsOf(kept)[0], T0 + 70 - 10);
    assert.equal(await store.readEvidence({ rollout: 'r-2', ...FOREVER }), null);
    assert.equal(await store.readEvidence({ rollout: 'r-3', ...FOREVER }), null);
  });

  fact('evidence goes with its rollout, and the oldest when there is too much', async (store) => {
    fill(store, 'shop', 300);
    for (const rollout of ['r-1', 'r-2', 'r-3']) await store.keepEvidence({ ...range, rollout });
    const isThere = async (rollout: string): Promise<boolean> =>
      (await store.readEvidence({ rollout, ...FOREVER })) !== null;

    await store.dropEvidence(['r-2', 'r-9']);
    assert.deepEqual([await isThere('r-1'), await isThere('r-2'), await isThere('r-3')], [true, false, true]);
    await store.compact({ ...LIMITS, maxEvidenceBytes: 1 });

    assert.deepEqual([await isThere('r-1'), await isThere('r-3')], [false, false]);
    assert.equal((await store.read({ service: 'shop', ...FOREVER })).replicas.length, 300);
  });
}

/** One second after another, a batch for each. */
export function fill(store: SampleStore, service: string, seconds: number): void {
  for (let second = T0; second < T0 + seconds; second++) {
    const given = batch(second, [replica(second, 'blue', 0)], [identity(second, 'blue')]);
    store.append({ ...given, service });
  }
}

export function batch(
  upToSecond: number,
  replicas: readonly ReplicaSecond[],
  identities: readonly IdentitySecond[],
): SampleBatch {
  return { service: 'shop', cursor: `cursor-${upToSecond}`, upToSecond, replicas, identities };
}

export function replica(second: number, slot: SlotName, index: number): ReplicaSecond {
  return {
    second,
    slot,
    replica: index,
    attempts: 10,
    requests: 9,
    classes: { ok: 4, clientError: 2, serverError: 1, connectFailure: 1, timeout: 1, clientAbort: 1 },
    latency: [
      [100, 6],
      [120, 3],
    ],
  };
}

function minute(second: number): ReplicaSecond {
  return {
    second,
    slot: 'blue',
    replica: 0,
    attempts: 600,
    requests: 540,
    classes: { ok: 240, clientError: 120, serverError: 60, connectFailure: 60, timeout: 60, clientAbort: 60 },
    latency: [
      [100, 360],
      [120, 180],
    ],
  };
}

function identity(second: number, slot: SlotName): IdentitySecond {
  const records = [
    [-1, 100, 3],
    [100, 120, 1],
  ] as const;
  return { second, slot, active: 4, assigned: 3, failed: 1, clientError: 0, records };
}

function secondsOf(range: { readonly replicas: readonly ReplicaSecond[] }): number[] {
  return range.replicas.map((one) => one.second);
}
