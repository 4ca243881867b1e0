import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bandPoint, bandWords, limitLine, measureDomain, type MeasurePoint } from './measure-points.ts';

const SIGNUPS: MeasurePoint = {
  atMs: 0,
  name: 'signups',
  kind: 'count',
  limit: { against: 'stable', harm: 'fewer', percent: 10 },
  candidate: 9,
  stable: 12,
  difference: -25,
  interval: [-40, null],
  state: 'undecided',
};
const BASKET: MeasurePoint = {
  ...SIGNUPS,
  kind: 'mean',
  limit: { against: 'number', harm: 'below', number: 20 },
  candidate: 23,
  stable: null,
  difference: 3,
  interval: [1, 5],
};

describe('the plot of a measure', () => {
  test('against stable shows the difference, and harm on the side that was named', () => {
    assert.deepEqual(bandPoint(SIGNUPS), { atMs: 0, value: -25, band: [-40, null] });
    assert.deepEqual(limitLine(SIGNUPS.limit), { at: -10, words: 'limit -10 %', isHarmAbove: false });
    assert.equal(bandWords([-40, null], SIGNUPS.limit), '−40 % … ?');
  });

  test('against a number shows the value, with its interval where the value is', () => {
    assert.deepEqual(bandPoint(BASKET), { atMs: 0, value: 23, band: [21, 25] });
    assert.deepEqual(limitLine(BASKET.limit), { at: 20, words: 'min 20', isHarmAbove: false });
  });

  test('of failures in a row has no line', () => {
    assert.equal(limitLine({ against: 'failures', inARow: 3 }), null);
  });

  test('has room for the limit and the course, and none for ends that are far away', () => {
    const [low, high] = measureDomain([{ atMs: 0, value: -25, band: [-5000, null] }], -10, true);
    assert.ok(low < -25 && low > -100, String(low));
    assert.ok(high > 0 && high < 50, String(high));
  });
});
