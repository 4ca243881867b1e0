import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IDLE, PROGRESSING } from '../../../src/http/fake-views.ts';
import type { RefusedAction, Service } from '../api/api-types.ts';
import { buttonsOf } from './actions.ts';
import type { Button } from './buttons.ts';

/** The same service where the server refuses some of it. */
function refusing(service: Service, ...refusedActions: readonly RefusedAction[]): Service {
  const refused = new Set(refusedActions.map(({ action }) => action));
  const allowedActions = service.allowedActions.filter((action) => !refused.has(action));
  return { ...service, allowedActions, refusedActions };
}

function buttonOf(service: Service, verb: string): Button | undefined {
  return buttonsOf(service).find((one) => one.verb === verb);
}

describe('buttons', () => {
  test('are what the server allows', () => {
    const on = buttonsOf(PROGRESSING).filter(({ off }) => off === null);

    for (const { verb } of on) assert.ok(PROGRESSING.allowedActions.includes(verb as never), verb);
    assert.ok(on.length > 0);
  });

  test('say why the server would refuse, in its words', () => {
    const service = refusing(PROGRESSING, {
      action: 'promote',
      code: 'LOCKED',
      why: 'shop is locked by bob.',
    });

    assert.equal(buttonOf(service, 'promote')?.off, 'Shop is locked by bob.');
    assert.equal(buttonOf(service, 'approve'), undefined, 'no button where nothing is asked');
  });

  test('never ask before going back or standing still', () => {
    const seen = [...buttonsOf(PROGRESSING), ...buttonsOf(IDLE)].filter(({ verb }) =>
      ['abort', 'rollback', 'pause'].includes(verb),
    );

    assert.deepEqual(
      seen.map(({ verb, asks }) => [verb, asks]),
      [
        ['pause', null],
        ['abort', null],
        ['rollback', null],
      ],
    );
  });

  test('what a freeze stands before asks why it is gone past, where that may be', () => {
    const why = 'shop is frozen by bob.';
    const service = refusing(
      PROGRESSING,
      ...(['promote', 'supersede', 'weight'] as const).map((action) => ({ action, code: 'FROZEN', why })),
    );

    assert.deepEqual(buttonOf(service, 'promote')?.asks, ['override']);
    assert.equal(buttonOf(service, 'promote')?.off, null);
    assert.deepEqual(buttonOf(service, 'supersede')?.asks, ['version', 'override']);
    assert.match(buttonOf(service, 'weight')!.off!, /frozen by bob/);
    assert.equal(buttonOf(service, 'abort')?.asks, null, 'going back is never frozen');
  });

  test('a version can be named where none to go back to goes without saying', () => {
    const service = refusing(IDLE, {
      action: 'rollback',
      code: 'NOTHING_TO_GO_BACK_TO',
      why: 'all were left.',
    });

    assert.equal(buttonOf(service, 'rollback')?.off, 'All were left.');
    assert.equal(buttonOf(service, 'rollback-to')?.off, null);
  });
});
