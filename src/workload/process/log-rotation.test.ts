/** Output is put aside while its writer writes. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { LogFiles, type LogPlace } from './log-files.ts';

const FIREHOSE = join(import.meta.dirname, 'fixtures', 'firehose.mjs');
const PLACE: LogPlace = { service: 'shop', slot: 'blue', label: 'v1', replica: 0 };
const MIB = 1024 * 1024;
const LINE_BYTES = 32;

test(
  'a program that writes a hundred megabytes a second loses no line, waits for nothing, and stays bounded',
  { timeout: 60_000 },
  async (t) => {
    const dir = directory(t);
    if (!canTakeAway(dir)) return t.skip('this file system cannot take the beginning of a file away');
    const lines = 3_000_000;
    const files = new LogFiles(dir, 8 * MIB);
    const file = await files.open(PLACE, null);
    const writer = spawn(process.execPath, [FIREHOSE, String(lines)], { stdio: ['ignore', file.fd, 'pipe'] });
    const said = text(writer.stderr!);
    const ended = once(writer, 'exit');
    await file.close();
    const path = files.path(PLACE);

    let [next, turns, most, dropped] = [0, 0, 0, 0];
    let rest = '';
    const take = (part: string): void => {
      rest += readFileSync(part, 'latin1');
      const whole = rest.length - (rest.length % LINE_BYTES);
      for (let at = 0; at < whole; at += LINE_BYTES, next += 1) {
        if (Number(rest.slice(at + 5, at + LINE_BYTES - 1)) !== next)
          assert.fail(`line ${next} is not there: ${rest.slice(at, at + LINE_BYTES)}`);
      }
      rest = rest.slice(whole);
    };
    for (let over = false; !over;) {
      over = writer.exitCode !== null;
      dropped += await files.turnIfLarge(path);
      if (files.turns(path) > turns) {
        turns = files.turns(path);
        take(`${path}.1`);
      }
      most = Math.max(most, statSync(path).size);
      await sleep(5);
    }
    await ended;
    take(path);

    assert.equal(next, lines);
    assert.equal(dropped, 0);
    const { longestMs, megabytes } = JSON.parse(await said) as { longestMs: number; megabytes: number };
    t.diagnostic(
      `${megabytes} MB/s, ${turns} turns, longest write ${longestMs} ms, largest file ${Math.round(most / MIB)} MiB`,
    );
    assert.ok(turns >= 3, `${turns} turns`);
    assert.ok(most < 80 * MIB, `${most} bytes`);
    // Its own writes to the disk may hold it up; a stall would be seconds.
    assert.ok(longestMs < 2000, `a write took ${longestMs} ms`);
  },
);

test('of what came together while nobody looked, the newest part is kept, and the rest is counted', async (t) => {
  const files = new LogFiles(directory(t), 100_000);
  const file = await files.open(PLACE, null);
  for (let line = 0; line < 100_000; line += 1000) {
    await file.write(
      Array.from({ length: 1000 }, (_, n) => `${String(line + n).padStart(31, '0')}\n`).join(''),
    );
  }
  await file.close();
  const path = files.path(PLACE);

  const dropped = await files.turnIfLarge(path);

  const kept = readFileSync(`${path}.1`, 'utf8') + readFileSync(path, 'utf8');
  assert.equal(dropped + kept.length, 100_000 * LINE_BYTES);
  assert.ok(kept.length <= 100_000 * 8 + 4096, `${kept.length}`);
  assert.equal(kept.slice(-LINE_BYTES), `${String(99_999).padStart(31, '0')}\n`);
  assert.ok(statSync(path).size < 4096 + 1);
});

test('where there is no room for the older part, the full file makes room all the same', async (t) => {
  const dir = smallDisk(t, 3);
  if (dir === null) return t.skip('needs root: a file system of its own is mounted');
  const files = new LogFiles(dir, MIB);
  const file = await files.open(PLACE, null);
  const path = files.path(PLACE);
  await file.write('x'.repeat(2 * MIB));
  writeFileSync(join(dir, 'other'), 'x'.repeat(900_000));

  assert.ok((await files.turnIfLarge(path)) > 0);

  assert.ok(statSync(path).size < 8192);
  assert.ok(!existsSync(`${path}.1`) && !existsSync(`${path}.1.tmp`));
  await file.write('y'.repeat(MIB));
  await file.close();
});

function directory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'logs-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

function canTakeAway(dir: string): boolean {
  const file = join(dir, 'try');
  closeSync(openSync(file, 'w'));
  writeFileSync(file, 'x'.repeat(10_000));
  try {
    execFileSync('fallocate', ['--collapse-range', '--offset', '0', '--length', '4096', file], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(file);
  }
}

function smallDisk(t: TestContext, mebibytes: number): string | null {
  if (process.geteuid?.() !== 0) return null;
  const dir = mkdtempSync(join(tmpdir(), 'small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', dir], { stdio: 'ignore' });
  } catch {
    rmSync(dir, { recursive: true });
    return null;
  }
  t.after(() => {
    execFileSync('umount', ['--lazy', dir]);
    rmSync(dir, { recursive: true });
  });
  return dir;
}
