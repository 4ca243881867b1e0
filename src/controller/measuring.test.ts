import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, test } from 'node:test';
import type { MeasureQuery, MeasureSample, MetricSource } from '../metrics/source.ts';
import type { Measure } from '../release/measure.ts';
import type { Rollout } from '../rollout/state.ts';
import { Measuring, type Finding } from './measuring.ts';

const SIGNUPS: Measure = {
  name: 'signups',
  source: 'prometheus',
  from: 'prometheus',
  ask: 'increase(s{version="{{version}}",role="{{role}}"}[{{window}}])',
  path: null,
  range: false,
  kind: 'count',
  limit: { against: 'stable', harm: 'fewer', percent: 10 },
  intervalMs: 10_000,
  delayMs: 2000,
  gaps: { 'no-data': 'wait', 'not-a-number': 'wait', 'source-down': 'wait' },
};

type Answer = (query: MeasureQuery, signal: AbortSignal) => Promise<MeasureSample>;

/** A rollout at 25 % since second 1000, and sources that answer as a test says. */
class Bench {
  nowSecond = 1000;
  readonly asked: MeasureQuery[] = [];
  readonly logged: string[] = [];
  readonly measuring: Measuring;
  readonly rollout: Rollout;

  constructor(answer: Answer, measures: readonly Measure[] = [SIGNUPS]) {
    const source: MetricSource = {
      sample: (query, _window, signal) => {
        this.asked.push(query);
        return answer(query, signal);
      },
      check: () => Promise.resolve(null),
    };
    const log = (_: unknown, message: string): void => void this.logged.push(message);
    const nowMs = (): number => this.nowSecond * 1000;
    this.measuring = new Measuring(
      {
        clock: { nowMs: () => nowMs() + 500_000_000, steadyMs: nowMs, monotonicMs: nowMs },
        sources: { of: () => source, pushed: { add: () => undefined } },
        log: { info: log, warn: log, error: log },
      },
      () => null,
    );
    this.rollout = {
      id: 'r-1',
      releaseId: 'shop/v43',
      label: 'v43',
      candidate: 'green',
      from: { slot: 'blue', releaseId: 'shop/v42', label: 'v42' },
      plan: { judge: { checks: [], measures, warmUpMs: 0 } },
      spans: [{ stage: 1, stepIndex: 2, sharePercent: 25, fromSecond: 1000, toSecond: null }],
      ending: null,
    } as unknown as Rollout;
  }

  async at(second: number): Promise<readonly Finding[]> {
    this.nowSecond = second;
    this.measuring.ask('shop', this.rollout, second);
    await turn();
    await turn();
    return this.measuring.drain('shop');
  }
}

function value(number: number): Promise<MeasureSample> {
  return Promise.resolve({ kind: 'value', value: number, count: null });
}

function nothing(): Promise<MeasureSample> {
  return Promise.resolve({ kind: 'none', why: 'no-data', says: 'the query gives no series' });
}

describe('measuring', () => {
  test('both sides are asked about one window, each by its own name, in the time of the wall clock', async () => {
    const bench = new Bench(({ of }) => value(of.role === 'candidate' ? 3 : 40));

    assert.deepEqual(await bench.at(1011), []);
    const [found] = await bench.at(1012);

    assert.deepEqual(found?.point, { measure: 'signups', candidate: 3, stable: 40 });
    assert.deepEqual([found?.due.fromSecond, found?.due.toSecond], [1000, 1009]);
    assert.deepEqual(
      bench.asked.map(({ text }) => text),
      ['increase(s{version="v43",role="candidate"}[10s])', 'increase(s{version="v42",role="stable"}[10s])'],
    );
    assert.deepEqual(await bench.at(1013), []);
  });

  test('what comes late is waited for until the next window is due, and then it is said why there is none', async () => {
    let late = true;
    const bench = new Bench(() => (late ? nothing() : value(5)));
    assert.deepEqual(await bench.at(1012), []);
    late = false;
    const [found] = await bench.at(1015);
    assert.equal(found?.point.candidate, 5);

    late = true;
    for (const second of [1022, 1024, 1026, 1028]) assert.deepEqual(await bench.at(second), []);
    const [none] = await bench.at(1031);
    assert.equal(none?.point.candidate, 'no-data');
    assert.equal(none?.point.says, 'candidate: the query gives no series');
  });

  test('a source that never answers holds nobody up, and is not asked twice at once', async () => {
    const bench = new Bench(() => new Promise(() => undefined));

    for (let second = 1012; second < 1100; second += 1) await bench.at(second);

    assert.equal(bench.asked.length, 2);
  });

  test('questions under way are bounded in number', async () => {
    const measures = Array.from({ length: 20 }, (_, at) => ({ ...SIGNUPS, name: `m-${at}` }));
    const bench = new Bench(() => new Promise(() => undefined), measures);

    for (let second = 1012; second < 1020; second += 1) await bench.at(second);

    assert.equal(bench.asked.length, 8 * 2);
  });

  test('no window is asked about whose counts are not there yet', async () => {
    const bench = new Bench(() => value(1));
    bench.nowSecond = 1020;

    bench.measuring.ask('shop', bench.rollout, 1008);
    await turn();

    assert.deepEqual(bench.asked, []);
  });

  test('after a restart what was measured is not asked again', async () => {
    const bench = new Bench(() => value(1));
    const window = {
      fromSecond: 1000,
      toSecond: 1009,
      stepIndex: 1,
      askedSharePercent: 25,
      requests: [1, 1] as const,
    };
    bench.measuring.resume('shop', bench.rollout, [{ measure: 'signups', candidate: 1, stable: 1, window }]);

    assert.deepEqual(await bench.at(1015), []);
    assert.equal((await bench.at(1022))[0]?.due.fromSecond, 1010);
  });

  test('when the rollout ends, what is under way is ended and nobody hears of it', async () => {
    const signals: AbortSignal[] = [];
    const bench = new Bench((_, signal) => {
      signals.push(signal);
      return new Promise((resolve) =>
        signal.addEventListener('abort', () => resolve({ kind: 'value', value: 1, count: null })),
      );
    });
    await bench.at(1012);

    bench.measuring.forget('shop');
    await bench.measuring.stop();

    assert.ok(signals.length === 2 && signals.every((signal) => signal.aborted));
    assert.deepEqual(bench.measuring.drain('shop'), []);
  });

  test('a source that throws is down, and what it threw is nowhere', async () => {
    const bench = new Bench(
      () => Promise.reject(new Error('Bearer abc-secret')),
      [{ ...SIGNUPS, source: 'json' }],
    );

    const [found] = await bench.at(1012);

    assert.equal(found?.point.candidate, 'unreachable');
    assert.doesNotMatch(JSON.stringify([found, bench.logged]), /abc-secret/u);
    assert.ok(bench.logged.length > 0);
  });
});
