import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { SlotName } from '../../release/slot.ts';
import { PermitBook } from './permit-book.ts';

const RESERVED = { blue: 2, green: 1 };

/** What each worker holds of a replica. */
function heldOf(book: PermitBook, workers: number, slot: SlotName, replica: number): number[] {
  return Array.from({ length: workers }, (_, worker) => book.heldBy(worker, 'shop')!.held[slot][replica]!);
}

test('a bound is divided whole, as evenly as it goes', () => {
  const book = new PermitBook(3);

  book.divide('shop', 7, RESERVED);

  assert.deepEqual(heldOf(book, 3, 'blue', 1), [3, 2, 2]);
  assert.deepEqual(heldOf(book, 3, 'green', 0), [3, 2, 2]);
  assert.equal(book.heldBy(0, 'another'), null);
});

test('whatever is given to and fro, all together hold the bound', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(1), fc.nat(3)), { maxLength: 30 }),
      (workers, bound, gifts) => {
        const book = new PermitBook(workers);
        book.divide('shop', bound, RESERVED);
        const { epoch } = book.heldBy(0, 'shop')!;
        for (const [from, to, replica, count] of gifts) {
          if (from >= workers || to >= workers) continue;
          const spare = Math.min(count, book.heldBy(from, 'shop')!.held.blue[replica]!);
          const gift = { to, permits: [[replica, spare] as const] };
          assert.equal(book.give({ service: 'shop', slot: 'blue', epoch }, from, gift), true);
        }

        for (const replica of [0, 1]) {
          const held = heldOf(book, workers, 'blue', replica);
          assert.equal(
            held.reduce((sum, each) => sum + each, 0),
            bound,
          );
          assert.ok(held.every((each) => each >= 0));
        }
      },
    ),
  );
});

test('what was on its way when everybody was told anew is late, and changes nothing', () => {
  const book = new PermitBook(2);
  book.divide('shop', 4, RESERVED);
  const { epoch } = book.heldBy(0, 'shop')!;

  book.renew();

  const late = { service: 'shop', slot: 'blue', epoch } as const;
  assert.equal(book.give(late, 0, { to: 1, permits: [[0, 1]] }), false);
  assert.deepEqual(book.search(late, 0, [0]), []);
  assert.deepEqual(heldOf(book, 2, 'blue', 0), [2, 2]);
});

test('a door that is installed again leaves what it had with who holds it, another bound does not', () => {
  const book = new PermitBook(2);
  book.divide('shop', 4, RESERVED);
  const { epoch } = book.heldBy(0, 'shop')!;
  book.give({ service: 'shop', slot: 'blue', epoch }, 0, { to: 1, permits: [[0, 2]] });

  book.divide('shop', 4, { blue: 3, green: 1 });
  assert.deepEqual(heldOf(book, 2, 'blue', 0), [0, 4]);
  assert.deepEqual(heldOf(book, 2, 'blue', 2), [2, 2]);

  book.divide('shop', 6, RESERVED);
  assert.deepEqual(heldOf(book, 2, 'blue', 0), [3, 3]);
});

test('only who holds some is asked, and urgently where that one holds more', () => {
  const book = new PermitBook(3);
  book.divide('shop', 2, RESERVED);
  const { epoch } = book.heldBy(0, 'shop')!;
  const asking = { service: 'shop', slot: 'blue', epoch } as const;

  assert.deepEqual(
    book.search(asking, 2, [0]).map(({ worker, search }) => [worker, search.isUrgent]),
    [
      [0, true],
      [1, true],
    ],
  );
  assert.deepEqual(
    book.search(asking, 0, [0]).map(({ worker, search }) => [worker, search.isUrgent]),
    [[1, false]],
  );
});
