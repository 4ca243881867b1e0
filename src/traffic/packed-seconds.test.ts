import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { CountsRow } from './counts-row.ts';
import { PackedSeconds } from './packed-seconds.ts';

const BEGIN = 1_700_000_020;

function rowAt(second: number, ok: number): CountsRow {
  const classes = { ok, clientError: 0, serverError: 0, connectFailure: 0, timeout: 0, clientAbort: 0 };
  const replica = { second, slot: 'blue' as const, replica: 0, attempts: ok, requests: ok, classes };
  const latency = Array.from({ length: ok }, (_, index) => [index * 2, ok] as const);
  const counts = { active: ok, assigned: ok, failed: 0, clientError: 0 };
  return {
    second,
    replicas: [{ ...replica, latency }],
    identities: ok % 2 === 0 ? [] : [{ second, slot: 'green', ...counts, records: [[-1, ok, 1]] }],
  };
}

const rows = fc.array(
  fc.record({ offset: fc.nat(400), ok: fc.nat(40) }).map(({ offset, ok }) => rowAt(BEGIN + offset, ok)),
  { maxLength: 60 },
);

test('any range of seconds comes back as it was put in, whatever the order, oldest first', () => {
  fc.assert(
    fc.property(rows, fc.nat(400), fc.nat(400), (given, one, other) => {
      const [from, to] = [BEGIN + Math.min(one, other), BEGIN + Math.max(one, other)];
      const packed = new PackedSeconds();
      for (const row of given) packed.add(row);

      const wanted = given.filter(({ second }) => second >= from && second <= to);
      assert.deepEqual(
        packed.between(from, to),
        wanted.toSorted((a, b) => a.second - b.second),
      );
    }),
  );
});

test('what is forgotten is less than a minute late, and nothing that is to stay goes with it', () => {
  fc.assert(
    fc.property(rows, fc.nat(500), (given, offset) => {
      const packed = new PackedSeconds();
      for (const row of given) packed.add(row);

      packed.forgetBefore(BEGIN + offset);

      const left = packed.between(0, BEGIN + 1000).map(({ second }) => second);
      const after = (edge: number) => given.filter(({ second }) => second >= edge).length;
      assert.equal(left.filter((second) => second >= BEGIN + offset).length, after(BEGIN + offset));
      assert.ok(left.every((second) => second > BEGIN + offset - 60));
    }),
  );
});

test('ten minutes of a thousand services with a request every other second take less than 20 MB', () => {
  const kept: PackedSeconds[] = [];
  const before = process.memoryUsage().arrayBuffers;

  for (let service = 0; service < 1000; service += 1) {
    const packed = new PackedSeconds();
    for (let second = 0; second < 600; second += 2) packed.add(rowAt(BEGIN + second, 1));
    kept.push(packed);
  }

  const bytes = process.memoryUsage().arrayBuffers - before;
  assert.ok(kept.length === 1000 && bytes < 20e6, `${bytes} bytes`);
});
