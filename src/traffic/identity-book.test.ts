import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IdentitySecond } from './counts.ts';
import { IdentityBook, IdentityCounts } from './identity-book.ts';
import { DID, type IdentityNews, ONE_OFF } from './identity-filter.ts';

const BLUE = 0;
const GREEN = 1;

function second(book: IdentityBook, news: readonly IdentityNews[]): IdentitySecond[] {
  const counts = new IdentityCounts();
  book.take(news, counts);
  return counts.close(7);
}

test('an identity counts once in each class, whichever worker tells it', () => {
  const book = new IdentityBook('r');
  const failed = DID.activeOnBlue | DID.failed;

  assert.deepEqual(
    second(book, [
      [42, BLUE, failed, 5],
      [42, BLUE, failed, 5],
    ]),
    [{ second: 7, slot: 'blue', active: 1, assigned: 1, failed: 1, clientError: 0, records: [[-1, 5, 1]] }],
  );
  assert.deepEqual(second(book, [[42, BLUE, failed | DID.clientError, 5]]), [
    { second: 7, slot: 'blue', active: 0, assigned: 0, failed: 0, clientError: 1, records: [] },
  ]);
});

test('only a slower answer than ever is a record', () => {
  const book = new IdentityBook('r');
  second(book, [[42, BLUE, DID.activeOnBlue, 5]]);

  assert.deepEqual(second(book, [[42, BLUE, 0, 4]]), []);
  assert.deepEqual(second(book, [[42, BLUE, 0, 9]])[0]!.records, [[5, 9, 1]]);
});

test('whom a larger share moves is active on both slots, assigned once, and fails once', () => {
  const book = new IdentityBook('r');
  second(book, [[42, BLUE, DID.activeOnBlue | DID.failed, 5]]);

  assert.deepEqual(second(book, [[42, GREEN, DID.activeOnGreen | DID.failed, 5]]), [
    { second: 7, slot: 'green', active: 1, assigned: 0, failed: 0, clientError: 0, records: [] },
  ]);
});

test('a request without an identity is one of its own each time', () => {
  const book = new IdentityBook('r');
  const news: IdentityNews = [ONE_OFF, BLUE, DID.activeOnBlue, 3];

  assert.equal(second(book, [news, news, news])[0]!.active, 3);
});

test('100,000 identities are told apart', () => {
  const book = new IdentityBook('r');
  const news = Array.from({ length: 100_000 }, (_, i): IdentityNews => [
    i * 90_071_992_547,
    BLUE,
    DID.activeOnBlue,
    1,
  ]);

  assert.equal(second(book, news)[0]!.active, 100_000);
  assert.deepEqual(second(book, news), []);
});

test('past its bound it errs towards "seen", and seldom', () => {
  const book = new IdentityBook('r', 1000);
  const news = Array.from({ length: 50_000 }, (_, i): IdentityNews => [
    i * 90_071_992_547,
    BLUE,
    DID.activeOnBlue,
    1,
  ]);

  const found = second(book, news)[0]!.active;

  assert.ok(found <= 50_000 && found > 49_900, String(found));
  assert.deepEqual(second(book, news), []);
});
