import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LATENCY_BUCKETS } from './counts.ts';
import { decodeRow, encodeRow } from './counts-codec.ts';

const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const bucket = fc.nat(LATENCY_BUCKETS - 1);
const slot = fc.constantFrom('blue' as const, 'green' as const);
const second = 1_700_000_000;
const classes = fc.record({
  ok: count,
  clientError: count,
  serverError: count,
  connectFailure: count,
  timeout: count,
  clientAbort: count,
});
const latency = fc
  .uniqueArray(fc.tuple(bucket, count), { selector: ([at]) => at })
  .map((pairs) => pairs.toSorted((one, other) => one[0] - other[0]));
const replica = fc.record({
  second: fc.constant(second),
  slot,
  replica: fc.nat(200),
  attempts: count,
  requests: count,
  classes,
  latency,
});
const identity = fc.record({
  second: fc.constant(second),
  slot,
  active: count,
  assigned: count,
  failed: count,
  clientError: count,
  records: fc.array(fc.tuple(fc.integer({ min: -1, max: 440 }), bucket, count)),
});
const lane = fc.array(replica, { maxLength: 3 });
const apart = fc.record({ mirrored: lane, copied: lane, overrides: lane, dropped: count });
const plain = fc.record({ replicas: fc.array(replica), identities: fc.array(identity) });
const row = fc.record(
  { replicas: fc.array(replica), identities: fc.array(identity), apart },
  { requiredKeys: ['replicas', 'identities'] },
);

test('every row of counts comes back as it was', () => {
  fc.assert(
    fc.property(row, (counts) => {
      // Records of fast-check may lack a prototype; what is decoded never does.
      const given = structuredClone({ second, ...counts });

      assert.deepEqual(decodeRow(second, encodeRow(given)), given);
    }),
  );
});

test('a row that was cut or has more at its end is not read as another', () => {
  fc.assert(
    fc.property(plain, fc.nat(), (counts, at) => {
      const bytes = encodeRow({ second, ...counts });

      assert.throws(() => decodeRow(second, bytes.subarray(0, at % bytes.length)), /this is a bug/);
      assert.throws(() => decodeRow(second, Uint8Array.from([...bytes, 0])), /this is a bug/);
    }),
  );
});

test('what was measured elsewhere comes back too, and rows of before it are read as they were', () => {
  const point = {
    measure: 'signups',
    candidate: 12.5,
    stable: 'no-data' as const,
    says: 'stable: nothing – yet',
    window: { fromSecond: 1, toSecond: 60, stepIndex: 2, askedSharePercent: 25, requests: [3, 9] as const },
  };
  const given = { second, replicas: [], identities: [], measured: [point, { ...point, candidate: 0 }] };
  const bytes = encodeRow(given);

  assert.deepEqual(decodeRow(second, bytes), given);
  assert.throws(() => decodeRow(second, bytes.subarray(0, -1)), /this is a bug/);
  assert.deepEqual(decodeRow(second, Uint8Array.from([0, 0])), { second, replicas: [], identities: [] });
});

test('a fraction or a negative count is a bug, not a number', () => {
  const bad = {
    second,
    slot: 'blue' as const,
    active: 0.5,
    assigned: 0,
    failed: 0,
    clientError: 0,
    records: [],
  };

  assert.throws(() => encodeRow({ second, replicas: [], identities: [bad] }), /whole number/);
  assert.throws(
    () => encodeRow({ second, replicas: [], identities: [{ ...bad, active: -1 }] }),
    /whole number/,
  );
});
