import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type BackendTotal, CrossCheck } from './cross-check.ts';

const BACKEND = 'bascule.shop.blue';

function total(started: number, inFlight = 0, worker = 1): BackendTotal[] {
  return [{ worker, backend: BACKEND, started, inFlight }];
}

function sees(check: CrossCheck, lines: number, worker = 1): void {
  for (let i = 0; i < lines; i += 1) check.saw(worker, BACKEND);
}

/** How many are missing by a comparison between two moments. */
function missing(check: CrossCheck, before: BackendTotal[], after = before): number[] {
  return check.compare(before, after).map((each) => each.missing);
}

test('what was before the reading began is nobody’s loss, what is missing since is', () => {
  const check = new CrossCheck();
  assert.deepEqual(missing(check, total(500)), []);
  sees(check, 100);
  assert.deepEqual(missing(check, total(600)), []);
  sees(check, 97);
  assert.deepEqual(missing(check, total(700)), [3]);
  assert.deepEqual(missing(check, total(700)), [], 'said once');
});

test('lines that are there twice are a difference as well', () => {
  const check = new CrossCheck();
  missing(check, total(500));
  sees(check, 12);
  assert.deepEqual(missing(check, total(510)), [-2]);
});

test('all lines of a worker that began meanwhile are asked for, from its first on', () => {
  const check = new CrossCheck();
  missing(check, total(500));
  sees(check, 90, 2);
  assert.deepEqual(missing(check, [...total(500), ...total(92, 0, 2)]), [2]);
});

test('counters that somebody cleared, and a worker that ended between two looks, are not compared', () => {
  const check = new CrossCheck();
  missing(check, total(500));
  assert.deepEqual(missing(check, total(510), total(3)), []);
  assert.deepEqual(missing(check, total(510), []), []);
});

test('after another beginning nothing is held against what was read before', () => {
  const check = new CrossCheck();
  missing(check, total(500));
  sees(check, 40);
  check.begin();
  sees(check, 10);
  assert.deepEqual(missing(check, total(510)), []);
});

test('whatever is under way, nothing is said while every line is read, and what is lost in the quiet to the last one', () => {
  const step = fc.record({
    starts: fc.nat(50),
    ends: fc.nat(50),
    between: fc.nat(20),
    lost: fc.constantFrom(0, 0, 0, 1, 5),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.boolean(), (steps, loses) => {
      const check = new CrossCheck();
      let [started, ended, lost, told] = [1000, 990, 0, 0];
      missing(check, total(started, started - ended));
      const compare = (between: number): void => {
        const before = total(started, started - ended);
        started += between;
        told += missing(check, before, total(started)).reduce((sum, each) => sum + each, 0);
      };
      for (const { starts, ends, between, ...each } of steps) {
        started += starts;
        const over = Math.min(ends, started - ended);
        ended += over;
        const gone = loses ? Math.min(over, each.lost) : 0;
        lost += gone;
        sees(check, over - gone);
        compare(between);
        if (!loses) assert.equal(told, 0);
        assert.ok(told <= lost);
      }
      sees(check, started - ended);
      ended = started;
      compare(0);
      assert.ok(told <= lost, `${told} of ${lost}`);
      told = 0;
      started += 7;
      ended += 7;
      sees(check, 4);
      compare(0);
      assert.equal(told, 3);
    }),
  );
});
