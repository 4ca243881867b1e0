import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { NOTE_EVERY_MS, openSteadyClock, sinceBootMs, type SteadyClock } from './steady-clock.ts';

const HOUR_MS = 3_600_000;

/** A machine whose clocks move as a test says, with one state directory. */
function machine(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-clock-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const self = {
    directory,
    bootId: 'boot-1',
    wall: 1_700_000_000_000,
    gone: 5000,
    /** A process opens it. */
    open: (): SteadyClock =>
      openSteadyClock(directory, {
        bootId: self.bootId,
        wallMs: () => self.wall,
        sinceBootMs: () => self.gone,
      }),
    pass: (ms: number): void => {
      self.wall += ms;
      self.gone += ms;
    },
  };
  return self;
}

test('it begins as the wall clock, and no jump of that moves it, nor what another process has later', (t) => {
  const it = machine(t);
  const first = it.open();
  assert.equal(first.steadyMs(), it.wall);

  it.pass(1000);
  it.wall -= HOUR_MS;
  const second = it.open();
  assert.equal(first.steadyMs(), 1_700_000_001_000);
  assert.equal(second.steadyMs(), first.steadyMs());
  assert.equal(second.nowMs(), it.wall);

  it.wall += 2 * HOUR_MS;
  assert.equal(it.open().steadyMs(), first.steadyMs());
});

test('after another boot it begins anew, never before what it had reached, and one file is left', (t) => {
  const it = machine(t);
  const before = it.open();
  it.pass(HOUR_MS);
  before.note();
  const reached = before.steadyMs();

  Object.assign(it, { bootId: 'boot-2', gone: 10, wall: it.wall - 24 * HOUR_MS });
  const after = it.open();
  assert.equal(after.steadyMs(), reached + 2 * NOTE_EVERY_MS);
  assert.deepEqual(readdirSync(join(it.directory, 'clock')), ['boot-2']);

  it.pass(NOTE_EVERY_MS);
  after.note();
  Object.assign(it, { bootId: 'boot-3', gone: 10, wall: it.wall + 48 * HOUR_MS });
  assert.equal(it.open().steadyMs(), it.wall);
});

test('a damaged file is made anew, and a directory that cannot be written costs only what is shared', (t) => {
  const it = machine(t);
  it.open();
  const file = join(it.directory, 'clock', 'boot-1');
  writeFileSync(file, 'gar');
  assert.equal(it.open().steadyMs(), it.wall);
  assert.match(readFileSync(file, 'utf8'), /^\d+$/);

  const nowhere = openSteadyClock(join(file, 'below-a-file'), {
    bootId: 'boot-1',
    wallMs: () => 50_000,
    sinceBootMs: () => 1000,
  });
  nowhere.note();
  assert.equal(nowhere.steadyMs(), 50_000);
});

test('the time since boot is whole for the machine: another process, asked in between, has it in between', () => {
  const before = sinceBootMs();
  const other = Number(execFileSync(process.execPath, ['-p', 'Number(process.hrtime.bigint()) / 1e6']));

  assert.ok(before < other && other < sinceBootMs(), `${before} < ${other}`);
});
