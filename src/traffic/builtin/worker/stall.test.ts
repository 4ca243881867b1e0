import assert from 'node:assert/strict';
import { test } from 'node:test';
import { USUAL_TIMEOUTS } from '../../../release/resilience.ts';
import { CLASS } from '../../tally.ts';
import { type Progress, stallOf } from './stall.ts';

const WAITING: Progress = { phase: 'waiting', idleMs: 0, sinceMs: 0, clientsTurn: false, isStream: false };

/** Who is at fault by `idleMs` of silence, or nobody. */
function found(progress: Partial<Progress>, timeouts: Partial<typeof USUAL_TIMEOUTS> = {}): string {
  const stall = stallOf({ ...WAITING, ...progress }, { ...USUAL_TIMEOUTS, ...timeouts });
  if (stall === null || stall === 'connection') return stall ?? 'nobody';
  return `${stall.answer.status} ${stall.class === CLASS.clientAbort ? 'client' : 'application'}`;
}

test('each phase has a patience of its own', () => {
  const table = [
    ['connecting', false, 5000, 'connection'],
    ['waiting', false, 60_000, '504 application'],
    ['waiting', true, 60_000, '408 client'],
    ['responding', false, 300_000, '504 application'],
    ['responding', true, 300_000, '504 client'],
  ] as const;
  for (const [phase, clientsTurn, idleMs, who] of table) {
    assert.equal(found({ phase, clientsTurn, idleMs }), 'nobody');
    assert.equal(found({ phase, clientsTurn, idleMs: idleMs + 1 }), who);
  }
});

test('each of them can be another one', () => {
  const keys = {
    connecting: { connectMs: 1000 },
    waiting: { responseHeadMs: 1000 },
    responding: { responseIdleMs: 1000 },
  };
  for (const [phase, timeouts] of Object.entries(keys)) {
    const at = { phase: phase as Progress['phase'], idleMs: 1001 };
    assert.notEqual(found(at, timeouts), 'nobody');
    assert.equal(found(at), 'nobody');
  }
  assert.equal(found({ clientsTurn: true, idleMs: 1001 }, { requestIdleMs: 1000 }), '408 client');
});

test('a whole request has an end only where the file says so, and an event stream has none', () => {
  const moving = { phase: 'responding', idleMs: 0, sinceMs: 86_400_000 } as const;

  assert.equal(found(moving), 'nobody');
  assert.equal(found(moving, { requestMs: 1000 }), '504 application');
  assert.equal(found({ ...moving, clientsTurn: true }, { requestMs: 1000 }), '504 client');
  assert.equal(found({ ...moving, sinceMs: 1000 }, { requestMs: 1000 }), 'nobody');
  assert.equal(found({ ...moving, isStream: true }, { requestMs: 1000 }), 'nobody');
});
