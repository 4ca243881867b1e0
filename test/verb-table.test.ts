import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verbTable } from './verb-table.ts';

const OVER = new Set([
  'nothing deployed',
  'one version serves',
  'done, old one warm',
  'done, new one down, old one stands in',
  'being removed',
  'returning',
  'retiring',
]);

test('an abort moves the traffic in every state in which a rollout goes on', () => {
  const aborts = verbTable().filter(({ verb }) => verb === 'abort');

  for (const { state, does } of aborts) {
    if (OVER.has(state)) assert.equal(does, 'nothing to do', state);
    else assert.match(does, /^(ABORTED|NEVER READY): taken back by/u, state);
  }
});

test('pause, abort and rollback are never refused for want of anything while a rollout goes on', () => {
  const cells = verbTable().filter(
    ({ verb, state }) => ['pause', 'abort', 'rollback'].includes(verb) && !OVER.has(state),
  );

  assert.deepEqual(
    cells.filter(({ does }) => does.startsWith('refused')),
    [],
  );
});

test('no version gets traffic before its gate, whoever asks', () => {
  const early = verbTable().filter(
    ({ state, verb }) => ['starting', 'probing', 'verifying'].includes(state) && /promote|weight/u.test(verb),
  );

  for (const { state, verb, does } of early)
    assert.match(does, /^refused: `(NOT_READY_YET|NO_SHARE_NOW)`/u, `${state}: ${verb}`);
});

test('door and scale stay as they are during a rollout; a policy may change for the next one', () => {
  const cells = verbTable().filter(({ state }) => state === 'dwelling');

  assert.equal(cells.find(({ verb }) => verb === 'apply (door)')?.does, 'refused: `ROLLOUT_UNDER_WAY`');
  assert.match(cells.find(({ verb }) => verb === 'apply (policy)')?.does ?? '', /^applied/u);
});

test('no lock and no freeze changes what an abort, a rollback or a pause does, in any state', () => {
  const back = verbTable().filter(({ verb }) => ['abort', 'rollback', 'pause'].includes(verb));

  assert.ok(back.length >= 48, `${back.length}`);
  for (const { state, verb, does, guarded } of back)
    for (const [guard, cell] of Object.entries(guarded))
      assert.equal(cell, does, `${state}: ${verb}, ${guard}`);
});

test('whatever would start is refused while it is locked by somebody else, or frozen', () => {
  const starts = verbTable().filter(
    ({ verb, does }) => verb.startsWith('deploy') && /begins|SUPERSEDED/u.test(does),
  );

  assert.ok(starts.length >= 10, `${starts.length}`);
  for (const { state, verb, guarded } of starts)
    assert.deepEqual(
      Object.values(guarded),
      ['refused: `LOCKED`', 'refused: `FROZEN`', 'refused: `FROZEN`'],
      `${state}: ${verb}`,
    );
});

test('whatever would promote is refused while it is locked by somebody else, or frozen also for advancing', () => {
  const promotes = verbTable().filter(
    ({ verb, does }) => verb.startsWith('promote') && does.startsWith('promoted'),
  );

  assert.ok(promotes.length >= 6, `${promotes.length}`);
  for (const { state, verb, does, guarded } of promotes)
    assert.deepEqual(
      Object.values(guarded),
      ['refused: `LOCKED`', does, 'refused: `FROZEN`'],
      `${state}: ${verb}`,
    );
});

test('a guard never makes possible what is not possible without it', () => {
  for (const { state, verb, does, guarded } of verbTable())
    for (const [guard, cell] of Object.entries(guarded))
      if (does.startsWith('refused')) assert.equal(cell, does, `${state}: ${verb}, ${guard}`);
});
