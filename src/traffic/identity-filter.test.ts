import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { DID, IdentityFilter, ONE_OFF } from './identity-filter.ts';

/** Spread over 53 bits, as hashes are. */
function identityOf(number: number): number {
  return Number(BigInt.asUintN(53, BigInt(number) * 6_364_136_223_846_793_005n));
}

test('what an identity has done is told once, however many there are by then', () => {
  const filter = new IdentityFilter('r');
  const everyone = Array.from({ length: 20_000 }, (_, number) => identityOf(number));

  for (const identity of everyone) filter.note(identity, 0, 0, 5);
  const first = filter.take();
  for (const identity of everyone) filter.note(identity, 0, 0, 5);
  const again = filter.take();

  assert.equal(first.length, everyone.length);
  // Some share a place: whoever had it before is told again, which the parent bears.
  assert.ok(again.length < everyone.length / 3, `${again.length} told again`);
});

test('a deed that is new is told, whatever came between', () => {
  const note = fc.record({
    number: fc.nat(3000),
    slot: fc.nat(1),
    deed: fc.constantFrom(0, DID.failed, DID.clientError),
    bucket: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(note, { maxLength: 2000, size: 'max' }), (notes) => {
      const filter = new IdentityFilter('r');
      const told = new Map<number, number>();
      for (const { number, slot, deed, bucket } of notes) {
        filter.note(identityOf(number), slot, deed, bucket);
        for (const [identity, , did] of filter.take()) told.set(identity, (told.get(identity) ?? 0) | did);

        const wanted = deed | (slot === 0 ? DID.activeOnBlue : DID.activeOnGreen);
        assert.equal((told.get(identityOf(number)) ?? 0) & wanted, wanted);
      }
    }),
    { numRuns: 30 },
  );
});

test('one that is not remembered is told each time', () => {
  const filter = new IdentityFilter('r');

  for (let i = 0; i < 3; i += 1) filter.note(ONE_OFF, 0, 0, 5);

  assert.equal(filter.take().length, 3);
});

test('a filter that knows a few takes little memory', () => {
  const before = process.memoryUsage().arrayBuffers;
  const filters = Array.from({ length: 200 }, () => new IdentityFilter('r'));
  for (const filter of filters) for (let i = 0; i < 50; i += 1) filter.note(identityOf(i), 0, 0, 5);

  const bytes = process.memoryUsage().arrayBuffers - before;
  assert.ok(bytes < 1e6, `${bytes} bytes for ${filters.length}`);
});
