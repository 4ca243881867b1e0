import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describePid, hasEnvironment, listPids, parseStat, readStat } from './proc.ts';
import { readBootId } from '../lib/boot-id.ts';

test('a name with spaces and parentheses does not shift the fields', () => {
  const stat = parseStat('77 (a) b (c) S 1 70 60 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 1');

  assert.deepEqual(stat, {
    pid: 77,
    name: 'a) b (c',
    state: 'S',
    group: 70,
    session: 60,
    startTicks: 987_654,
  });
});

test('this process is seen, and no other pid', () => {
  assert.equal(readStat(process.pid)!.pid, process.pid);
  assert.ok(listPids().includes(process.pid));
  assert.match(describePid(process.pid), /node/);
  assert.equal(readStat(1 << 30), null);
  assert.equal(hasEnvironment(process.pid, { PATH: 'nowhere' }), false);
  assert.match(readBootId(), /^[0-9a-f-]{36}$/);
});
