import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FrameTracker } from './websocket-frames.ts';

function frame(payload: number, masked: boolean): Buffer {
  const length =
    payload < 126
      ? [payload]
      : payload < 65_536
        ? [126, payload >> 8, payload & 255]
        : [127, 0, 0, 0, 0, 0, payload >> 16, (payload >> 8) & 255, payload & 255];
  length[0]! |= masked ? 0x80 : 0;
  return Buffer.concat([
    Buffer.from([0x82, ...length]),
    Buffer.alloc(masked ? 4 : 0),
    Buffer.alloc(payload, 0x88),
  ]);
}

test('the end of a frame is found at every size, masked or not, however the bytes come', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536, 70_000), fc.boolean()), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.array(fc.nat(200_000), { maxLength: 6 }),
      (frames, cuts) => {
        const whole = frames.map(([payload, masked]) => frame(payload, masked));
        const bytes = Buffer.concat(whole);
        const ends = new Set(whole.map((_, i) => Buffer.concat(whole.slice(0, i + 1)).length)).add(0);
        const tracker = new FrameTracker();
        let at = 0;

        for (const end of [...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length]) {
          tracker.follow(bytes.subarray(at, end));
          at = end;
          assert.equal(tracker.atBoundary, ends.has(at));
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('asked to, it stops where the frame under way ends', () => {
  const tracker = new FrameTracker();
  const [one, two] = [frame(10, false), frame(20, false)];
  tracker.follow(one.subarray(0, 5));

  assert.equal(tracker.follow(Buffer.concat([one.subarray(5), two]), true), one.length - 5);
  assert.equal(tracker.atBoundary, true);
});
