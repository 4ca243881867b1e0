import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OrderBook } from './order-book.ts';
import { afterFailure, type InUse, isDue, MOST_AN_HOUR, NO_TRIES, recentOf } from './renewal.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const NINETY: InUse = { names: ['shop.test', 'www.shop.test'], notBeforeMs: 0, notAfterMs: 90 * DAY_MS };

test('a certificate is asked for when there is none, when a name is missing, and with a third of its life left', () => {
  for (const [names, held, day, jitter, due] of [
    [['shop.test'], null, 0, 0, true],
    [['shop.test'], NINETY, 1, 0, false],
    [['shop.test', 'new.test'], NINETY, 1, 0, true],
    [['shop.test'], NINETY, 59, 0, false],
    [['shop.test'], NINETY, 60, 0, true],
    [['shop.test'], NINETY, 57.2, 0, false],
    [['shop.test'], NINETY, 57.4, 1, true],
    [['shop.test'], NINETY, 200, 0, true],
    // Six days, as short ones have them.
    [['shop.test'], { ...NINETY, notAfterMs: 6 * DAY_MS }, 3.7, 0, false],
    [['shop.test'], { ...NINETY, notAfterMs: 6 * DAY_MS }, 4, 0, true],
  ] as const)
    assert.equal(isDue(names, held, { nowMs: day * DAY_MS, jitter }), due, `day ${day}`);
});

test('after failures the wait doubles from five minutes to six hours, a tenth more or less', () => {
  const waits: number[] = [];
  let tries = NO_TRIES;
  for (let i = 0; i < 40; i += 1) {
    tries = afterFailure(tries, 'no', 0, 0.5);
    waits.push(tries.nextMs / 60_000);
  }

  assert.deepEqual(waits.slice(0, 9), [5, 10, 20, 40, 80, 160, 320, 360, 360]);
  assert.ok(waits.slice(7).every((minutes) => minutes === 360));
  assert.deepEqual(
    [0, 1].map((jitter) => afterFailure(NO_TRIES, 'no', 0, jitter).nextMs / 60_000),
    [4.5, 5.5],
  );
  assert.deepEqual([tries.failures, tries.problem], [40, 'no']);
});

test('only the last hour counts, and nothing of the future', () => {
  assert.deepEqual(recentOf([0, 1, HOUR_MS, HOUR_MS + 1], HOUR_MS), [1, HOUR_MS]);
});

test('what was asked for is known to the next proxy, and no more is asked for in an hour than is allowed', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-orders-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const book = new OrderBook(folder);
  for (let i = 0; i < MOST_AN_HOUR; i += 1) {
    assert.equal(book.hasRoom(i), true);
    book.begin(i);
  }
  book.end('shop', afterFailure(NO_TRIES, 'refused', 1000, 0.5));

  const next = new OrderBook(folder);

  assert.equal(next.hasRoom(HOUR_MS - 1), false);
  assert.equal(next.hasRoom(HOUR_MS + 5), true);
  assert.equal(next.triesOf('shop').problem, 'refused');
  assert.equal(next.triesOf('other'), NO_TRIES);
  next.begin(3 * DAY_MS);
  assert.equal(next.triesOf('shop'), NO_TRIES, 'of names that nobody has asked for since');
  writeFileSync(join(folder, 'orders.json'), '{"format":"bas');
  assert.equal(new OrderBook(folder).hasRoom(3 * DAY_MS), true);
});
