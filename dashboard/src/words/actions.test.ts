import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CANARY, PROGRESSING } from '../../../src/http/fake-views.ts';
import type { Rollout, Service } from '../api/api-types.ts';
import { buttonsOf } from './actions.ts';

const ANA = { role: 'operator', actor: 'ana' } as const;
const SHOP = PROGRESSING;
const ASKED: Rollout = {
  ...CANARY,
  actor: 'ana via CI #881',
  phase: 'asking',
  approval: { before: '50%', need: 2, of: ['ana', 'bob'], given: [{ by: 'bob', atMs: 0, reason: null }] },
};

function offOf(
  service: Service,
  me: Parameters<typeof buttonsOf>[1],
  verb: string,
): string | null | undefined {
  return buttonsOf(service, me).find((one) => one.verb === verb)?.off;
}

describe('buttons', () => {
  test('are what the server allows', () => {
    const on = buttonsOf(SHOP, ANA).filter(({ off }) => off === null);

    for (const { verb } of on) assert.ok(SHOP.allowedActions.includes(verb as never), verb);
    assert.ok(on.length > 0);
  });

  test('never ask before going back or standing still', () => {
    for (const { verb, asks } of [...buttonsOf(SHOP, ANA), ...buttonsOf({ ...SHOP, rollout: null }, ANA)])
      if (['abort', 'rollback', 'pause'].includes(verb)) assert.equal(asks, null, verb);
  });

  test('a viewer has none, and is told why', () => {
    for (const { off } of buttonsOf(SHOP, { role: 'viewer', actor: 'eve' }))
      assert.match(off!, /role is viewer/);
  });

  test('who started it, who is nobody, who agreed already and who is not asked may not approve', () => {
    const service = { ...SHOP, rollout: ASKED };

    assert.match(offOf(service, ANA, 'approve')!, /You started this rollout/);
    assert.match(
      offOf(service, { role: 'admin', actor: 'local (unverified)' }, 'approve')!,
      /Nobody knows who you are/,
    );
    assert.match(offOf(service, { role: 'operator', actor: 'bob' }, 'approve')!, /agreed already/);
    assert.match(offOf(service, { role: 'operator', actor: 'carl' }, 'approve')!, /Only ana, bob may/);
    const open = { ...service, rollout: { ...ASKED, approval: { ...ASKED.approval!, of: null } } };
    assert.equal(offOf(open, { role: 'operator', actor: 'carl' }, 'approve'), null);
    assert.equal(offOf(SHOP, ANA, 'approve'), undefined, 'no button where nothing is asked');
  });

  test('a lock leaves going on to its holder', () => {
    const lock = { by: 'bob', atMs: 0, reason: 'sale', untilMs: null, timeZone: 'UTC' };
    const locked = {
      ...SHOP,
      lock,
      allowedActions: SHOP.allowedActions.filter((one) => !one.startsWith('promote')),
    };

    assert.match(offOf(locked, ANA, 'promote')!, /bob holds the lock: sale/);
    assert.equal(offOf(locked, { role: 'operator', actor: 'bob' }, 'promote'), null);
  });

  test('what a freeze stands before asks why it is gone past', () => {
    const freeze = {
      by: 'bob',
      scope: 'service',
      fromMs: 0,
      untilMs: null,
      timeZone: 'UTC',
      alsoAdvancing: true,
      reason: 'stocktaking',
    } as const;
    const frozen = {
      ...SHOP,
      freezes: [freeze],
      allowedActions: SHOP.allowedActions.filter((one) => !one.startsWith('promote') && one !== 'supersede'),
    };
    const asked = (verb: string) => buttonsOf(frozen, ANA).find((one) => one.verb === verb);

    assert.deepEqual(asked('promote')?.asks, ['override']);
    assert.equal(asked('promote')?.off, null);
    assert.deepEqual(asked('supersede')?.asks, ['version', 'override']);
    assert.equal(asked('abort')?.asks, null, 'going back is never frozen');
    const lasting = { ...frozen, freezes: [{ ...freeze, alsoAdvancing: false }] };
    assert.match(offOf(lasting, ANA, 'promote')!, /does not allow it/);
  });
});
