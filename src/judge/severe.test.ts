import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advanceSevere, startSevere, type Attempts, type Severe } from './severe.ts';

function after(
  countsPeople: boolean,
  seconds: readonly { candidate: Attempts; stable: Attempts; failed?: number; active?: number }[],
): Severe {
  let severe = startSevere(countsPeople);
  seconds.forEach((one, second) => {
    const people = { failed: one.failed ?? 0, active: one.active ?? 0 };
    severe = advanceSevere(severe, { second, candidate: one.candidate, stable: one.stable, people });
  });
  return severe;
}

const healthy: Attempts = [100, 1];

/** The same attempts, spread over three seconds as unevenly as may be. */
function inThree(candidate: Attempts, stable: Attempts): { candidate: Attempts; stable: Attempts }[] {
  const few: Attempts = [1, Math.min(1, candidate[1])];
  return [
    { candidate: few, stable },
    { candidate: few, stable: [0, 0] },
    { candidate: [candidate[0] - 2, candidate[1] - 2 * few[1]], stable: [0, 0] },
  ];
}

test('half of the last twenty attempts failing is severe, less is not', () => {
  const half = after(false, inThree([20, 10], healthy));
  const less = after(false, inThree([20, 9], healthy));

  assert.match(
    half.found!.reason,
    /^10 of the candidate's last 20 attempts failed, while 1 of stable's last 100 did$/,
  );
  assert.equal(less.found, null);
});

test('fewer than twenty attempts are too few', () => {
  assert.equal(after(false, inThree([19, 19], healthy)).found, null);
});

test('a burst within a second is not severe, however large', () => {
  const burst = after(false, [
    { candidate: [10, 0], stable: healthy },
    { candidate: [10, 0], stable: healthy },
    { candidate: [10, 10], stable: healthy },
  ]);
  const lasting = after(false, [
    { candidate: [10, 10], stable: healthy },
    { candidate: [10, 10], stable: healthy },
    { candidate: [10, 10], stable: healthy },
  ]);

  assert.equal(burst.found, null);
  assert.equal(lasting.found!.second, 2);
});

test('only the newest attempts count', () => {
  const recovered = after(false, [
    { candidate: [15, 9], stable: healthy },
    { candidate: [20, 0], stable: healthy },
    { candidate: [20, 0], stable: healthy },
  ]);
  const turned = after(false, [
    { candidate: [1000, 0], stable: healthy },
    { candidate: [10, 10], stable: healthy },
    { candidate: [10, 5], stable: healthy },
    { candidate: [10, 5], stable: healthy },
  ]);

  assert.equal(recovered.found, null);
  assert.equal(turned.found!.second, 3);
});

test('a stable that fails too, or was not seen, makes nothing severe', () => {
  assert.equal(after(false, inThree([20, 20], [200, 10])).found, null);
  assert.equal(after(false, inThree([20, 20], [19, 0])).found, null);
  assert.notEqual(after(false, inThree([20, 20], [200, 9])).found, null);
});

test('three people are needed, or all of fewer', () => {
  const candidate: Attempts = [20, 20];
  const withPeople = (failed: number, active: number): Severe =>
    after(true, [{ candidate: [0, 0], stable: [0, 0], failed, active }, ...inThree(candidate, healthy)]);

  assert.equal(withPeople(1, 10).found, null);
  assert.equal(withPeople(2, 3).found, null);
  assert.match(withPeople(2, 2).found!.reason, /from 2 people/);
  assert.notEqual(withPeople(3, 30).found, null);
});

test('a quiet stable keeps a dozen entries, not one for each request', () => {
  const quiet = after(
    false,
    Array.from({ length: 1000 }, () => ({ candidate: [1, 0] as const, stable: [1, 0] as const })),
  );

  assert.ok(quiet.stable.length <= 11 && quiet.candidate.length <= 20);
  assert.ok(quiet.stable.reduce((sum, [decided]) => sum + decided, 0) >= 200);
});
