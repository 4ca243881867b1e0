import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Step } from '../release/plan.ts';
import { at, CANARY_STEPS, emptyService, requestOf, VERIFY } from './fixtures.ts';
import { routeOf } from './route.ts';
import type { ServiceState } from './state.ts';
import { transition } from './transition.ts';
import type { Turn } from './turn.ts';

type Bare = Parameters<typeof at>[1];

const FIRST: readonly Step[] = [{ kind: 'start' }, { kind: 'ready' }, { kind: 'full' }];
const VERIFIED: readonly Step[] = [...CANARY_STEPS.slice(0, 2), VERIFY, ...CANARY_STEPS.slice(2)];
const HELD: Bare = { kind: 'verified', rollout: 'r-v2', failed: null, found: ['GET /checkout: 200 (8ms)'] };
const FAILED: Bare = {
  kind: 'verified',
  rollout: 'r-v2',
  failed: 'GET /checkout: 500 instead of 2xx (8ms)',
  found: ['no such table: cart'],
};

function turnAfter(state: ServiceState, bare: Bare): Turn {
  const answer = transition(state, at(1_000_000, bare));
  assert.equal(answer.kind, 'turn');
  return answer.kind === 'turn' ? answer.turn : assert.fail();
}

function play(state: ServiceState, events: readonly Bare[]): ServiceState {
  let now = state;
  for (const bare of events) {
    now = turnAfter(now, bare).state;
    while (!now.route.proven)
      now = turnAfter(now, { kind: 'routeProven', revision: now.route.revision }).state;
  }
  return now;
}

function rolling(label: string, slot: 'blue' | 'green', steps: readonly Step[]): readonly Bare[] {
  const releaseId = `shop/${label}`;
  return [
    { kind: 'deploy', request: requestOf(label, steps), supersede: false, spec: null },
    { kind: 'slotStarted', slot, releaseId, replicas: 2 },
    { kind: 'healthSeen', slot, releaseId, healthy: 2 },
  ];
}

/** v1 serves; v2 is ready and its checks run. */
function verifying(): ServiceState {
  return play(emptyService(), [...rolling('v1', 'blue', FIRST), ...rolling('v2', 'green', VERIFIED)]);
}

test('a ready candidate is checked on its own address, and gets nothing meanwhile', () => {
  const state = play(emptyService(), [
    ...rolling('v1', 'blue', FIRST),
    ...rolling('v2', 'green', VERIFIED).slice(0, 2),
  ]);

  const { state: after, commands } = turnAfter(state, {
    kind: 'healthSeen',
    slot: 'green',
    releaseId: 'shop/v2',
    healthy: 2,
  });

  assert.equal(after.rollout?.phase, 'verifying');
  assert.deepEqual(
    commands.map(({ command }) => command),
    [
      {
        kind: 'verify',
        rollout: 'r-v2',
        releaseId: 'shop/v2',
        preview: after.preview!.green,
        checks: VERIFY.kind === 'verify' ? VERIFY.checks : [],
      },
    ],
  );
  assert.deepEqual([routeOf(after).serve, routeOf(after).split], ['blue', null]);
});

test('once every check holds the first share follows', () => {
  const { state, says } = turnAfter(verifying(), HELD);

  assert.deepEqual([state.rollout?.phase, state.rollout?.sharePercent], ['shifting', 10]);
  assert.deepEqual(says, ['GET /checkout: 200 (8ms)', 'step 1/3: 10%']);
});

test('a failed check ends the rollout as one that never got traffic, and says what failed how', () => {
  const over = play(verifying(), [FAILED]);
  const stopped = turnAfter(over, { kind: 'slotStopped', slot: 'green', releaseId: 'shop/v2' });

  const { ending, rollout } = stopped.ended!;
  assert.deepEqual([ending.outcome, ending.cause, rollout.spans], ['never-ready', 'verify', []]);
  assert.equal(
    ending.reason,
    'v2 failed a check before any traffic: GET /checkout: 500 instead of 2xx (8ms):\n  no such table: cart',
  );
  assert.deepEqual([stopped.state.slots.green.role, stopped.state.slots.blue.role], ['free', 'stable']);
});

test('the word of checks that nobody waits for any more changes nothing', () => {
  const back = play(verifying(), [{ kind: 'abort', rollout: null }]);

  assert.equal(turnAfter(back, HELD).state, back);
  assert.equal(turnAfter(back, FAILED).state, back);
  const later = verifying();
  assert.equal(turnAfter(later, { ...HELD, rollout: 'r-of-before' }).state, later);
});

test('what falls ill while its checks run gets no traffic until it is well, however well they went', () => {
  const ill = play(verifying(), [
    { kind: 'healthSeen', slot: 'green', releaseId: 'shop/v2', healthy: 1 },
    HELD,
  ]);
  assert.deepEqual([ill.rollout?.phase, ill.rollout?.sharePercent], ['probing', 0]);

  const well = turnAfter(ill, { kind: 'healthSeen', slot: 'green', releaseId: 'shop/v2', healthy: 2 }).state;
  assert.equal(well.rollout?.sharePercent, 10);

  const late = turnAfter(ill, { kind: 'readyOverdue', rollout: 'r-v2', found: [] }).state;
  assert.equal(late.rollout?.ending?.outcome, 'never-ready');
});

test('paused while its checks run, it waits for resume after them', () => {
  const paused = play(verifying(), [{ kind: 'pause' }, HELD]);
  assert.deepEqual([paused.rollout?.phase, paused.rollout?.sharePercent], ['probing', 0]);

  assert.equal(turnAfter(paused, { kind: 'resume' }).state.rollout?.sharePercent, 10);
});

test('three crashes while its checks run are a start that failed', () => {
  const { state } = turnAfter(verifying(), {
    kind: 'crashSeen',
    slot: 'green',
    releaseId: 'shop/v2',
    crashes: 3,
    found: [],
  });

  assert.equal(state.rollout?.ending?.outcome, 'never-ready');
});

test('addresses that came with a verb stay the service’s own', () => {
  const { preview: _none, ...bare } = emptyService();
  const first = emptyService().preview!;
  const second = { blue: first.green, green: first.blue };

  const given = play(bare, [{ ...rolling('v1', 'blue', FIRST)[0]!, preview: first } as Bare]);
  const again = play(given, [{ kind: 'abort', rollout: null }]);
  const kept = transition(
    again,
    at(1_000_000, {
      kind: 'apply',
      spec: { ...again.spec, policy: { ...again.spec.policy, watchMs: 1 } },
      preview: second,
    }),
  );

  assert.deepEqual(given.preview, first);
  assert.deepEqual(kept.kind === 'turn' && kept.turn.state.preview, first);
});
