import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Measure } from '../release/measure.ts';
import type { StageSpan } from '../rollout/state.ts';
import { nextWindow } from './measure-windows.ts';

type Asked = Pick<Measure, 'source' | 'intervalMs' | 'delayMs' | 'limit'>;

const STABLE: Asked = {
  source: 'prometheus',
  intervalMs: 10_000,
  delayMs: 3000,
  limit: { against: 'stable', harm: 'fewer', percent: 10 },
};

function span(fromSecond: number, toSecond: number | null, sharePercent = 25): StageSpan {
  return { stage: fromSecond, stepIndex: 2, sharePercent, fromSecond, toSecond };
}

function ends(measure: Asked, spans: readonly StageSpan[], nowSecond: number): readonly number[] {
  const found: number[] = [];
  let after: number | null = null;
  for (let i = 0; i < 100; i++) {
    const due = nextWindow(measure, spans, { after, nowMs: nowSecond * 1000 });
    if (due === null) return found;
    found.push(due.toSecond);
    after = due.toSecond;
  }
  throw new Error('windows without an end');
}

test('a window is asked for once it is over and its delay is too', () => {
  assert.deepEqual(ends(STABLE, [span(100, null)], 112), []);
  assert.deepEqual(ends(STABLE, [span(100, null)], 113), [109]);
  assert.deepEqual(ends(STABLE, [span(100, null)], 133), [109, 119, 129]);
});

test('no window reaches over a change of the share', () => {
  assert.deepEqual(
    ends(STABLE, [span(100, 124), span(126, null)], 200),
    [109, 119, 135, 145, 155, 165, 175, 185, 195],
  );
});

test('after a long pause the newest ten are caught up with, of a source without memory one', () => {
  assert.deepEqual(ends(STABLE, [span(0, null)], 1003).length, 10);
  assert.deepEqual(ends({ ...STABLE, source: 'command' }, [span(0, null)], 1003), [999]);
});

test('held against stable only while both serve; a number holds at 100 % as well', () => {
  const spans = [span(0, 19, 0), span(20, 39, 50), span(40, null, 100)];

  assert.deepEqual(ends(STABLE, spans, 63), [29, 39]);
  assert.deepEqual(
    ends({ ...STABLE, limit: { against: 'number', harm: 'above', number: 1 } }, spans, 63),
    [29, 39, 49, 59],
  );
});
