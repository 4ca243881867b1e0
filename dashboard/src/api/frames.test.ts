import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FrameReader, type Frame } from './frames.ts';

const TEXT =
  'id: 7\nevent: ready\ndata: {"schema":1}\n\n: alive\n\nevent: view\ndata: {"a":\ndata: 1}\n\nretry: 1000\nevent: bye\ndata: {}\n\n';
const FRAMES: readonly Frame[] = [
  { event: 'ready', id: '7', data: '{"schema":1}' },
  { event: 'view', id: null, data: '{"a":\n1}' },
  { event: 'bye', id: null, data: '{}' },
];

test('frames are the same however the stream is cut into pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: TEXT.length })), (cuts) => {
      const places = [0, ...cuts.toSorted((one, other) => one - other), TEXT.length];
      const reader = new FrameReader();
      const frames = places.slice(1).flatMap((to, index) => reader.take(TEXT.slice(places[index], to)));
      assert.deepEqual(frames, FRAMES);
    }),
  );
});

test('a frame that never ends is given up', () => {
  const reader = new FrameReader();
  const piece = 'x'.repeat(1024 * 1024);

  assert.throws(() => {
    for (let count = 0; count < 10; count += 1) reader.take(piece);
  }, /too large/);
});
