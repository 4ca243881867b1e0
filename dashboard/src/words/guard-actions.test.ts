import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IDLE } from '../../../src/http/fake-views.ts';
import type { Service } from '../api/api-types.ts';
import { guardButtonsOf, serverGuardButtonsOf } from './guard-actions.ts';

const ALL = ['lock', 'unlock-force', 'freeze', 'unfreeze'] as const;
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

function verbsOf(service: Partial<Service>): readonly string[] {
  return guardButtonsOf({ ...IDLE, allowedActions: ALL, ...service }).map(({ verb }) => verb);
}

describe('locks and freezes as buttons', () => {
  test('a lock is released by whom the server lets, and broken, with a reason, by others', () => {
    assert.deepEqual(verbsOf({}), ['lock', 'freeze']);
    assert.deepEqual(verbsOf({ lock: LOCK, allowedActions: [...ALL, 'unlock'] }), ['unlock', 'freeze']);
    assert.deepEqual(verbsOf({ lock: LOCK }), ['unlock-force', 'freeze']);
    const [broken] = guardButtonsOf({ ...IDLE, lock: LOCK });
    assert.deepEqual(broken?.asks, ['reason']);
  });

  test('only what people have frozen here can be lifted here', () => {
    assert.deepEqual(verbsOf({ freezes: [FREEZE] }), ['lock', 'freeze', 'unfreeze']);
    assert.deepEqual(verbsOf({ freezes: [{ ...FREEZE, scope: 'server' }] }), ['lock', 'freeze']);
    assert.deepEqual(verbsOf({ freezes: [{ ...FREEZE, scope: 'file' }] }), ['lock', 'freeze']);
  });

  test('every service at once is frozen by whom the server lets', () => {
    const me = { allowedActions: ['freeze-all', 'unfreeze-all'], refusedActions: [] } as const;
    const [freeze, lift] = serverGuardButtonsOf([{ ...FREEZE, scope: 'server' }], me);
    const refusal = {
      action: 'freeze-all',
      code: 'SCOPE_TOO_SMALL',
      why: 'your token is for shop alone.',
    } as const;

    assert.deepEqual([freeze?.off, lift?.verb], [null, 'unfreeze']);
    const [none] = serverGuardButtonsOf([], { allowedActions: [], refusedActions: [refusal] });
    assert.equal(none?.off, 'Your token is for shop alone.');
  });
});
