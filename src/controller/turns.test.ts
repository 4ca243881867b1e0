import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { systemTimers } from '../lib/timers.ts';
import { Turns } from './turns.ts';

/** A clock that only work moves. */
function world() {
  let nowMs = 0;
  const turns = new Turns({ clock: { ...systemClock, monotonicMs: () => nowMs }, timers: systemTimers });
  const log: string[] = [];
  const work = async (name: string, tookMs: number): Promise<void> => {
    await turns.next();
    nowMs += tookMs;
    log.push(name);
  };
  return { work, log };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

test('what is little is done in one turn of the event loop', async () => {
  const { work, log } = world();
  const all = Array.from({ length: 100 }, (_, index) => work(`${index}`, 0.01));

  await Promise.resolve();
  await Promise.resolve();

  assert.equal(log.length, 100);
  await Promise.all(all);
});

test('what is much is spread over turns, in the order of coming, and others get a word in between', async () => {
  const { work, log } = world();
  const all = Array.from({ length: 10 }, (_, index) => work(`${index}`, 3));
  let turns = 0;
  const most: number[] = [];
  for (let before = 0; log.length < 10 && turns < 100; before = log.length, turns += 1) {
    await nextTurn();
    most.push(log.length - before);
  }

  await Promise.all(all);

  assert.deepEqual(
    log,
    Array.from({ length: 10 }, (_, index) => `${index}`),
  );
  // Two of 3 ms are begun in 5 ms; the first two turns may be seen as one.
  assert.ok(Math.max(...most.slice(1)) <= 2, `${most.join(', ')} in a turn`);
});

test('one that comes late does not overtake those that wait', async () => {
  const { work, log } = world();
  const first = Array.from({ length: 5 }, (_, index) => work(`${index}`, 6));
  await nextTurn();
  const late = work('late', 0);

  await Promise.all([...first, late]);

  assert.equal(log.at(-1), 'late');
});
