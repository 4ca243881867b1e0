/** The wall clock of server, proxy and commands is set while they run, by libfaketime; applications and load have the real one. */
import assert from 'node:assert/strict';
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { canary, openStage, told, type App, type Settings } from '../stage.ts';

const [FAKETIME] = globSync('/usr/lib/{*/,}faketime/libfaketimeMT.so.1');
const SKIP = FAKETIME === undefined && 'libfaketime is not installed (apt-get install libfaketime)';
const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const HOUR_S = 3600;

type Jumpy = {
  readonly app: App;
  /** Puts the wall clock ahead of the real one by so many seconds, or back. */
  readonly set: (seconds: number) => void;
};

async function open(t: TestContext, settings: Settings): Promise<Jumpy> {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-wall-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'clock');
  const set = (seconds: number): void => writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}s\n`);
  set(0);
  const faked = [
    `LD_PRELOAD=${FAKETIME}`,
    `FAKETIME_TIMESTAMP_FILE=${file}`,
    'FAKETIME_NO_CACHE=1',
    'FAKETIME_DONT_FAKE_MONOTONIC=1',
    'NO_FAKE_STAT=1',
  ];
  const stage = await openStage(t, '', undefined, ['env', ...faked, process.execPath, MAIN]);
  const app = await stage.app('shop', { strategy: canary(settings) });
  const first = await app.deploy('v1');
  assert.equal(first.code, 0, told(first));
  return { app, set };
}

/** Seconds until it is over, by a clock that nobody sets. */
async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return (performance.now() - beganMs) / 1000;
}

async function dwellAndWatch(t: TestContext, jumps: readonly [number, number]): Promise<void> {
  const { app, set } = await open(t, { dwell: { 'at-least': '5s', 'at-most': '10s' }, watch: '5s' });
  const load = app.load({ streams: 0, perSecond: 100 });
  await app.deployDetached('v2');
  await app.untilDwelling();
  set(jumps[0]);
  const dwelt = await secondsOf(() => app.until('watching', ({ rollout }) => rollout?.phase === 'watching'));
  set(jumps[1]);
  const watched = await secondsOf(() => app.untilOver());

  // A second of counts is judged one to two seconds after it.
  for (const took of [dwelt, watched]) assert.ok(took > 4 && took < 18, `${dwelt} s, ${watched} s`);
  const { last, stable } = await app.view();
  assert.deepEqual([stable, last?.outcome], ['v2', 'done']);
  const seen = await load.stop();
  assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
}

test('a clock that is set ahead by an hour during a dwell and a watch ends neither', { skip: SKIP }, (t) =>
  dwellAndWatch(t, [HOUR_S, 2 * HOUR_S]),
);

test('a clock that is set back by an hour during a dwell and a watch holds up neither', { skip: SKIP }, (t) =>
  dwellAndWatch(t, [-HOUR_S, -2 * HOUR_S]),
);

test(
  'a version that fails goes back within seconds after a clock was set back by an hour',
  { skip: SKIP },
  async (t) => {
    const { app, set } = await open(t, { dwell: { 'at-least': '30s', 'at-most': '1m' } });
    const load = app.load({ streams: 0, perSecond: 100 });
    await app.deployDetached('v2', { errorRate: 0.5 });
    await app.untilDwelling();
    set(-HOUR_S);
    const took = await secondsOf(() => app.untilOver());

    assert.equal((await app.view()).last?.outcome, 'rolled-back');
    assert.ok(took < 15, `${took} s`);
    await load.stop();
  },
);

test(
  'a clock that is set ahead by a day ends neither what is kept warm nor a question',
  { skip: SKIP },
  async (t) => {
    const { app, set } = await open(t, { 'keep-old': '12s', ask: true });
    await app.deployDetached('v2');
    await app.until('asking', ({ rollout }) => rollout?.phase === 'asking');
    set(25 * HOUR_S);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    assert.equal((await app.view()).rollout?.phase, 'asking');

    assert.equal((await app.verb('promote')).code, 0);
    await app.untilOver();
    set(-HOUR_S);
    const took = await secondsOf(() =>
      app.until('cold', ({ slots }) => Object.values(slots).every(({ role }) => role !== 'kept')),
    );
    assert.ok(took > 8 && took < 20, `${took} s`);
  },
);
