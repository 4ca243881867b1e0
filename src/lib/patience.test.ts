import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterPatience } from './patience.ts';

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function waited(ms: number): Promise<number> {
  const beganMs = performance.now();
  return new Promise((resolve) => afterPatience(ms, () => resolve(performance.now() - beganMs)));
}

test('it waits as long as it is told, and no less', async () => {
  for (const ms of [1, 10, 95, 200]) {
    const tookMs = await waited(ms);

    assert.ok(tookMs >= ms - 1, `${tookMs} of ${ms} ms`);
  }
});

test('a standstill that is longer than the wait does not end it', async () => {
  const wait = waited(400);
  await sleep(30);
  standStill(600);

  // An answer that came meanwhile is read now: first come timers, then what was sent.
  const first = await Promise.race([wait, sleep(50).then(() => 'answer')]);

  assert.equal(first, 'answer');
  assert.ok((await wait) > 700);
});

test('what was called off is not done', async () => {
  let calls = 0;
  const callOff = afterPatience(60, () => (calls += 1));
  await sleep(30);

  callOff();

  await sleep(100);
  assert.equal(calls, 0);
});
