import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MeasureQuery, PushedValue } from '../source.ts';
import { pushedSource } from './source.ts';

const QUERY: MeasureQuery = {
  text: 'signups',
  path: null,
  fold: 'sum',
  range: false,
  answer: 'number',
  of: { service: 'shop', slot: 'green', role: 'candidate', version: 'v43', release: null },
};
const WINDOW = { fromMs: 100_000, toMs: 160_000 };
const SIGNAL = new AbortController().signal;

function value(more: Partial<PushedValue> = {}): PushedValue {
  return { service: 'shop', version: 'v43', name: 'signups', sum: 3, count: 3, ...more };
}

test('what came within the window is added up, of this version and name alone', async () => {
  let nowMs = 99_999;
  const source = pushedSource(() => nowMs);
  source.add([value({ sum: 100 })]);
  for (nowMs of [100_000, 100_500, 159_999])
    source.add([value(), value({ version: 'v42' }), value({ name: 'orders' }), value({ service: 'cart' })]);
  nowMs = 160_000;
  source.add([value({ sum: 100 })]);

  assert.deepEqual(await source.sample(QUERY, WINDOW, SIGNAL), { kind: 'value', value: 9, count: 9 });
});

test('a mean is the sum of what was observed by how many, and of none no number', async () => {
  const source = pushedSource(() => 120_000);
  source.add([
    value({ name: 'basket', sum: 84.5, count: 2 }),
    value({ name: 'basket', sum: 15.5, count: 3 }),
  ]);
  source.add([value({ name: 'empty', sum: 0, count: 0 })]);
  const mean: MeasureQuery = { ...QUERY, fold: 'mean' };

  assert.deepEqual(await source.sample({ ...mean, text: 'basket' }, WINDOW, SIGNAL), {
    kind: 'value',
    value: 20,
    count: 5,
  });
  const none = await source.sample({ ...mean, text: 'empty' }, WINDOW, SIGNAL);
  assert.equal(none.kind === 'none' && none.why, 'not-a-number');
});

test('0 that was sent is a value, and nothing that was sent is none', async () => {
  const source = pushedSource(() => 120_000);
  source.add([value({ sum: 0, count: 0 })]);

  assert.deepEqual(await source.sample(QUERY, WINDOW, SIGNAL), { kind: 'value', value: 0, count: 0 });
  const none = await source.sample({ ...QUERY, text: 'orders' }, WINDOW, SIGNAL);
  assert.equal(none.kind === 'none' && none.why, 'no-data');
});

test('names without end make room for each other, and time takes the rest', async () => {
  let nowMs = 120_000;
  const source = pushedSource(() => nowMs);
  source.add([value()]);
  for (let i = 0; i < 200; i++) source.add([value({ name: `name-${i}` })]);
  assert.equal((await source.sample(QUERY, WINDOW, SIGNAL)).kind, 'none');

  source.add([value()]);
  nowMs += 3_600_000;
  source.add([value()]);
  assert.equal((await source.sample(QUERY, WINDOW, SIGNAL)).kind, 'none');
});
