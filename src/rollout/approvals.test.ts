import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Step } from '../release/plan.ts';
import { at, CANARY_STEPS, emptyService, firstRequest, requestOf } from './fixtures.ts';
import type { DeployRequest, ServiceState } from './state.ts';
import { transition } from './transition.ts';

type Bare = Parameters<typeof at>[1];
const [START, READY, TEN, HALF, FULL, WATCH] = CANARY_STEPS as [Step, Step, Step, Step, Step, Step];
const START_APPROVED: readonly Step[] = [
  START,
  READY,
  { kind: 'approval', before: 'start', need: 1, of: null },
  TEN,
  HALF,
  FULL,
  WATCH,
];
const HALF_APPROVED: readonly Step[] = [
  START,
  READY,
  TEN,
  { kind: 'approval', before: 50, need: 2, of: ['ana', 'bob', 'carl'] },
  HALF,
  FULL,
  WATCH,
];

class Play {
  state: ServiceState = emptyService();
  nowMs = 1_000_000;

  /** What was said, or the code of the refusal, or why there is nothing to do. */
  does(bare: Bare, actor = 'ana'): string {
    this.nowMs += 1000;
    const answer = transition(this.state, at(this.nowMs, bare, actor));
    if (answer.kind === 'refused') return answer.code;
    if (answer.kind === 'nothing') return `nothing: ${answer.why}`;
    this.state = answer.turn.state;
    const said = answer.turn.says.join('; ');
    if (this.state.route.proven) return said;
    const proven = this.does({ kind: 'routeProven', revision: this.state.route.revision });
    return [said, proven].filter((one) => one !== '').join('; ');
  }

  /** v1 serves, and v2 comes by these steps up to its first healthy look. */
  begin(steps: readonly Step[], change: Partial<DeployRequest> = { known: true }): string {
    this.does({ kind: 'deploy', request: firstRequest('v1'), supersede: false, spec: null });
    this.does({ kind: 'slotStarted', slot: 'blue', releaseId: 'shop/v1', replicas: 2 });
    this.does({ kind: 'healthSeen', slot: 'blue', releaseId: 'shop/v1', healthy: 2 });
    const request = { ...requestOf('v2', steps), ...change };
    const said = this.does({ kind: 'deploy', request, supersede: false, spec: null });
    if (this.state.rollout === null) return said;
    this.does({ kind: 'slotStarted', slot: 'green', releaseId: 'shop/v2', replicas: 2 });
    return this.health(2);
  }

  health(healthy: number): string {
    return this.does({ kind: 'healthSeen', slot: 'green', releaseId: 'shop/v2', healthy });
  }

  approve(
    actor: string,
    change: { verified?: boolean; step?: number; rollout?: string; reason?: string } = {},
  ): string {
    const ask = { rollout: null, step: null, reason: null, verified: true, ...change };
    return this.does({ kind: 'approve', ...ask }, actor);
  }

  promote(full = false): string {
    return this.does({ kind: 'promote', fromStep: null, full });
  }

  get share(): number {
    return this.state.rollout?.sharePercent ?? -1;
  }
}

describe('an approval for the start', () => {
  test('is asked for once it is ready, and before it nobody sees the version', () => {
    const play = new Play();

    assert.match(
      play.begin(START_APPROVED),
      /waiting for one other person to agree before any traffic: bascule approve shop/,
    );
    assert.equal(play.share, 0);
    assert.equal(play.promote(), 'APPROVAL_NEEDED');
    assert.equal(play.promote(true), 'APPROVAL_NEEDED');
    assert.equal(play.does({ kind: 'weight', percent: 5, beyondPlan: true }), 'APPROVAL_NEEDED');
    assert.match(
      play.approve('bob', { reason: 'read it' }),
      /^approved before any traffic by bob: read it \(all have agreed\); step 1\/3: 10%/,
    );
    assert.equal(play.share, 10);
  });

  test('does not let it in while it is not healthy, and does once it is', () => {
    const play = new Play();
    play.begin(START_APPROVED);
    play.health(1);
    play.approve('bob');
    assert.equal(play.share, 0);
    play.health(2);
    play.does({ kind: 'clockAdvanced' });

    assert.equal(play.share, 10);
  });

  test('ends where it began when nobody answers in time', () => {
    const play = new Play();
    play.begin(START_APPROVED);
    play.nowMs += 86_400_000;

    assert.match(play.does({ kind: 'clockAdvanced' }), /BACK, UNDECIDED: not enough people agreed within 1d/);
  });

  test('of the very first version goes back to nothing when it is rejected', () => {
    const play = new Play();
    const steps: readonly Step[] = [
      START,
      READY,
      { kind: 'approval', before: 'start', need: 1, of: null },
      FULL,
    ];
    const request = { ...requestOf('v1', steps), known: true as const };
    play.does({ kind: 'deploy', request, supersede: false, spec: null });
    play.does({ kind: 'slotStarted', slot: 'blue', releaseId: 'shop/v1', replicas: 2 });
    play.does({ kind: 'healthSeen', slot: 'blue', releaseId: 'shop/v1', healthy: 2 });
    const said = play.does({ kind: 'reject', rollout: null, step: null, reason: 'not today' }, 'bob');

    assert.match(said, /NEVER READY: rejected by bob: not today/);
  });
});

describe('an approval for a step', () => {
  function waiting(change?: Partial<DeployRequest>): Play {
    const play = new Play();
    play.begin(HALF_APPROVED, change);
    play.promote();
    return play;
  }

  test('takes so many different people, and one word of each', () => {
    const play = waiting();

    assert.match(play.approve('bob'), /1 more to agree/);
    assert.match(play.approve('bob'), /^nothing: bob has agreed already/);
    assert.equal(play.share, 10);
    assert.match(play.approve('carl'), /all have agreed.*50%/);
    assert.equal(play.share, 50);
    assert.match(play.approve('carl', { step: 3 }), /^nothing: .* already past step 3/);
    assert.equal(play.approve('carl'), 'APPROVAL_NOT_ASKED');
  });

  const refusals: readonly (readonly [string, string, Parameters<Play['approve']>[1], string])[] = [
    ['of who started it', 'ana', {}, 'APPROVAL_OWN'],
    ['of somebody who is not asked', 'eve', {}, 'APPROVAL_NOT_YOURS'],
    ['of somebody who only says a name', 'bob', { verified: false }, 'IDENTITY_NEEDED'],
    ['for another rollout', 'bob', { rollout: 'r-v9' }, 'APPROVAL_NOT_ASKED'],
    ['for a later step', 'bob', { step: 9 }, 'APPROVAL_NOT_ASKED'],
  ];
  for (const [what, actor, change, code] of refusals) {
    test(`is refused ${what}`, () => {
      const play = waiting();

      assert.equal(play.approve(actor, change), code);
      assert.equal(play.share, 10);
    });
  }

  test('is not given by who started it under the same name without a token', () => {
    const play = new Play();
    play.begin(START_APPROVED, { actor: 'bob (unverified)' });
    assert.equal(play.approve('bob'), 'APPROVAL_OWN');
  });

  test('takes one more where nobody knows who started it', () => {
    const play = new Play();

    assert.match(
      play.begin(START_APPROVED, { actor: 'local (unverified)' }),
      /waiting for 2 other people \(one more than planned/,
    );
    play.approve('bob');
    assert.equal(play.share, 0);
    play.approve('carl');
    assert.equal(play.share, 10);
  });

  test('that nobody could ever give is refused before anything starts', () => {
    const only: readonly Step[] = [
      START,
      READY,
      { kind: 'approval', before: 'start', need: 1, of: ['ana'] },
      TEN,
      FULL,
    ];

    assert.equal(new Play().begin(only), 'APPROVAL_IMPOSSIBLE');
    assert.equal(new Play().begin(HALF_APPROVED, { actor: 'bob (unverified)' }), 'APPROVAL_IMPOSSIBLE');
  });

  test('is not gone around: by full, by weight, or by weight and resume', () => {
    const play = new Play();
    play.begin(HALF_APPROVED);
    assert.equal(play.promote(true), 'APPROVAL_NEEDED');
    assert.equal(play.does({ kind: 'weight', percent: 40, beyondPlan: true }), 'APPROVAL_NEEDED');
    assert.match(play.does({ kind: 'weight', percent: 10, beyondPlan: true }), /by hand/);
    assert.match(play.does({ kind: 'resume' }), /waiting for 2 of ana, bob, carl/);
    assert.match(play.does({ kind: 'weight', percent: 5, beyondPlan: true }), /by hand/);
    assert.equal(play.promote(), 'APPROVAL_NEEDED');
    play.does({ kind: 'resume' });
    play.promote();
    play.approve('bob');
    play.approve('carl');
    assert.equal(play.share, 50);
    // What was agreed to stays so.
    play.does({ kind: 'weight', percent: 10, beyondPlan: true });
    assert.match(play.does({ kind: 'resume' }), /50%/);
  });

  test('waits for a pause, and goes on with its end', () => {
    const play = waiting();
    play.does({ kind: 'pause' });
    play.approve('bob');
    play.approve('carl');
    assert.equal(play.share, 10);
    play.does({ kind: 'resume' });
    assert.equal(play.share, 50);
  });

  test('never stands before going back', () => {
    for (const bare of [
      { kind: 'abort', rollout: null },
      { kind: 'reject', rollout: null, step: null, reason: null },
    ] as const) {
      const play = waiting();
      assert.match(play.does(bare, 'eve'), /ABORTED/);
      assert.equal(play.share, 0);
    }
  });
});
