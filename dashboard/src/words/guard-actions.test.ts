import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PROGRESSING } from '../../../src/http/fake-views.ts';
import { guardButtonsOf, serverGuardButtonsOf } from './guard-actions.ts';

const ANA = { role: 'operator', actor: 'ana', services: null } as const;
const LOCK = { by: 'ana', atMs: 0, reason: 'sale', untilMs: null, timeZone: 'UTC' };
const FREEZE = {
  by: 'bob',
  scope: 'service',
  fromMs: 0,
  untilMs: null,
  timeZone: 'UTC',
  alsoAdvancing: false,
  reason: null,
} as const;

function verbsOf(service: Partial<typeof PROGRESSING>): readonly string[] {
  return guardButtonsOf({ ...PROGRESSING, lock: null, freezes: [], ...service }, ANA).map(({ verb }) => verb);
}

describe('locks and freezes as buttons', () => {
  test('a lock is released by its holder and broken, with a reason, by others', () => {
    assert.deepEqual(verbsOf({}), ['lock', 'freeze']);
    assert.deepEqual(verbsOf({ lock: LOCK }), ['unlock', 'freeze']);
    assert.deepEqual(verbsOf({ lock: { ...LOCK, by: 'bob' } }), ['break-lock', 'freeze']);
    const [broken] = guardButtonsOf({ ...PROGRESSING, lock: { ...LOCK, by: 'bob' } }, ANA);
    assert.deepEqual(broken?.asks, ['reason']);
  });

  test('only what people have frozen here can be lifted here', () => {
    assert.deepEqual(verbsOf({ freezes: [FREEZE] }), ['lock', 'freeze', 'unfreeze']);
    assert.deepEqual(verbsOf({ freezes: [{ ...FREEZE, scope: 'server' }] }), ['lock', 'freeze']);
    assert.deepEqual(verbsOf({ freezes: [{ ...FREEZE, scope: 'file' }] }), ['lock', 'freeze']);
  });

  test('every service at once is not for viewers, nor for tokens of some', () => {
    const [freeze, lift] = serverGuardButtonsOf([{ ...FREEZE, scope: 'server' }], ANA);
    assert.deepEqual([freeze?.off, lift?.verb], [null, 'unfreeze']);
    assert.match(serverGuardButtonsOf([], { ...ANA, services: ['shop'] })[0]!.off!, /some services/);
    assert.match(serverGuardButtonsOf([], { ...ANA, role: 'viewer' })[0]!.off!, /viewer/);
  });
});
