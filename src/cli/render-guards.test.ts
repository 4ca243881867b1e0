import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditView } from '../controller/views.ts';
import { paint } from './layout.ts';
import { csvLine } from './csv.ts';
import { guardWords, renderAudit, renderGuards } from './render-guards.ts';

const HOSTILE = '=cmd()\u001b[2J\u0007\r\n2026-01-01 00:00  deploy \u202eshop, "done"';
const ENTRY: AuditView = {
  seq: 7,
  atMs: Date.UTC(2026, 2, 4, 14, 1),
  service: 'shop',
  rollout: null,
  actor: HOSTILE,
  role: 'admin',
  from: HOSTILE,
  verb: 'lock release',
  result: 'refused',
  code: 'LOCKED',
  reason: HOSTILE,
  says: [HOSTILE],
};
const LOCK = { by: HOSTILE, atMs: 0, reason: HOSTILE, untilMs: null, timeZone: 'UTC' };
const FREEZE = {
  ...LOCK,
  scope: 'file' as const,
  fromMs: 0,
  untilMs: Date.UTC(2026, 10, 30, 7),
  timeZone: 'Europe/Berlin',
  alsoAdvancing: true,
};
// eslint-disable-next-line no-control-regex -- finding them is the point
const STEERS = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/u;

test('names and reasons of others cannot steer the terminal, nor add lines', () => {
  const lines = [
    ...renderAudit([ENTRY], { width: 400, timeZone: 'UTC' }),
    ...renderGuards({ lock: LOCK, freezes: [FREEZE] }, 400),
  ].map((line) => paint(line, { colour: false, width: 1000 }));

  assert.equal(lines.length, 4, lines.join('\n'));
  for (const line of lines) assert.doesNotMatch(line, STEERS);
  assert.match(lines[0]!, /^2026-03-04 14:01 {2}lock release shop {2}refused \(LOCKED\) {2}by =cmd/);
  assert.match(
    lines[3]!,
    /^ frozen {3}by .*; until Mon 2026-11-30 08:00 CET \(Europe\/Berlin\); also advancing$/,
  );
});

test('no cell of a CSV file is a formula, ends its line, or leaves its quotes', () => {
  const line = csvLine(ENTRY);

  assert.ok(line.endsWith('\r\n'));
  assert.doesNotMatch(line.slice(0, -2), STEERS);
  const cells = [...line.slice(0, -2).matchAll(/(?:^|,)("(?:[^"]|"")*"|[^",]*)/gu)].map((match) => match[1]!);
  assert.equal(cells.length, 12, line);
  assert.deepEqual(cells.slice(0, 4), ['7', '2026-03-04T14:01:00.000Z', 'shop', '']);
  assert.ok(cells[4]!.startsWith(`"'=cmd()·[2J`), cells[4]);
});

test('the overview says in a word what stands before going forward', () => {
  assert.equal(guardWords({ lock: null, freezes: [] }), null);
  assert.equal(guardWords({ lock: LOCK, freezes: [FREEZE] }), 'locked, frozen');
});
