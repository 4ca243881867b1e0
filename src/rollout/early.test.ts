import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StageVerdict } from './event.ts';
import { at, CANARY_STEPS, EARLY, emptyService, firstRequest, requestOf, SPEC } from './fixtures.ts';
import { routeOf } from './route.ts';
import type { ServiceState } from './state.ts';
import { transition } from './transition.ts';

type Bare = Parameters<typeof at>[1];

/** What was said on the way, with the state that it led to. */
type Told = { readonly state: ServiceState; readonly says: readonly string[] };

function play(told: Told, events: readonly Bare[], atMs = 1_000_000): Told {
  return events.reduce((before, bare) => proven(next(before, bare, atMs), atMs), told);
}

function next({ state, says }: Told, bare: Bare, atMs: number): Told {
  const answer = transition(state, at(atMs, bare));
  assert.ok(answer.kind === 'turn', answer.kind === 'turn' ? '' : answer.why);
  return { state: answer.turn.state, says: [...says, ...answer.turn.says] };
}

function proven(told: Told, atMs: number): Told {
  const { proven: isProven, revision } = told.state.route;
  return isProven ? told : next(told, { kind: 'routeProven', revision }, atMs);
}

/** Candidate v2 in its first step before the first share. */
function mirroring(): Told {
  const steps = [...CANARY_STEPS.slice(0, 2), ...EARLY, ...CANARY_STEPS.slice(2)];
  return play({ state: emptyService(), says: [] }, [
    { kind: 'deploy', request: firstRequest('v1'), supersede: false, spec: null },
    { kind: 'slotStarted', slot: 'blue', releaseId: 'shop/v1', replicas: 2 },
    { kind: 'healthSeen', slot: 'blue', releaseId: 'shop/v1', healthy: 2 },
    { kind: 'deploy', request: requestOf('v2', steps), supersede: false, spec: null },
    { kind: 'slotStarted', slot: 'green', releaseId: 'shop/v2', replicas: 2 },
    { kind: 'healthSeen', slot: 'green', releaseId: 'shop/v2', healthy: 2 },
  ]);
}

function judged({ state }: Told, verdict: Partial<StageVerdict>): Bare {
  const whole = { overall: 'safe', seconds: 30, requests: 99, reason: null, hold: null, ...verdict } as const;
  return { kind: 'judged', stage: state.rollout!.stage, second: 1000, verdict: whole };
}

test('a mirror copies to the candidate while stable has every user', () => {
  const { state, says } = mirroring();

  const { serve, split, mirror, standIn } = routeOf(state);
  assert.deepEqual([serve, split, standIn], ['blue', null, false]);
  assert.deepEqual(mirror, { slot: 'green', sharePercent: 20, methods: ['GET', 'HEAD'] });
  assert.deepEqual(state.rollout?.spans, [
    {
      stage: state.rollout?.stage,
      stepIndex: 2,
      sharePercent: 0,
      early: 'mirror',
      fromSecond: 1001,
      toSecond: null,
    },
  ]);
  assert.ok(says.includes('step 1/5: mirror 20%, copies of GET, HEAD; users get stable'));
});

test('a mirror that is safe goes on to those who choose the candidate, and copies no more', () => {
  const mirrored = mirroring();

  const { state, says } = play(mirrored, [judged(mirrored, {})]);

  assert.equal(routeOf(state).mirror, undefined);
  assert.equal(state.rollout?.spans.at(-1)?.early, 'header-only');
  assert.ok(says.includes('step 2/5: header-only, those who choose it by X-Version; users get stable'));
});

test('what nobody was drawn for goes on when it is quiet, into the first share', () => {
  const mirrored = mirroring();
  const chosen = play(mirrored, [judged(mirrored, {})]);

  const { state } = play(chosen, [judged(chosen, { overall: 'quiet' })]);

  assert.deepEqual([state.rollout?.sharePercent, state.rollout?.spans.at(-1)?.early], [10, undefined]);
});

test('a mirror that finds harm goes back although no user was there', () => {
  const mirrored = mirroring();

  const { state, says } = play(mirrored, [judged(mirrored, { overall: 'harmful', reason: 'error-rate' })]);

  assert.equal(state.rollout?.ending?.outcome, 'rolled-back');
  assert.equal(routeOf(state).mirror, undefined);
  assert.ok(
    says.some((line) => line.startsWith('100% stayed on v1')),
    says.join('\n'),
  );
});

test('a candidate without a healthy replica goes back out of a mirror', () => {
  const { state } = play(mirroring(), [
    { kind: 'healthSeen', slot: 'green', releaseId: 'shop/v2', healthy: 0 },
  ]);

  assert.deepEqual([state.rollout?.ending?.cause, routeOf(state).serve], ['severe', 'blue']);
});

test('an undecided mirror does as when-unsure says', () => {
  const mirrored = mirroring();

  const { state, says } = play(mirrored, [judged(mirrored, { overall: 'undecided', seconds: 60 })]);

  assert.equal(state.rollout?.spans.at(-1)?.early, 'header-only');
  assert.ok(says.some((line) => line.startsWith('undecided after 1m')));
});

test('a share by hand ends the copies, and resume goes on with the shares', () => {
  const byHand = play(mirroring(), [{ kind: 'weight', percent: 5, beyondPlan: false }]);
  assert.deepEqual([routeOf(byHand.state).mirror, routeOf(byHand.state).split?.sharePercent], [undefined, 5]);

  const { state } = play(byHand, [{ kind: 'resume' }]);

  assert.equal(state.rollout?.sharePercent, 10);
});

test('an abort ends the copies at once', () => {
  const { state } = next(mirroring(), { kind: 'abort', rollout: null }, 1_000_000);

  assert.equal(routeOf(state).mirror, undefined);
  assert.equal(SPEC.policy.early, undefined);
});

test('whom conditions name gets the candidate from the step on in which it is offered, until it goes back', () => {
  const isBeta = { on: 'cookie', name: 'beta', value: { kind: 'present' } } as const;
  const proxy = { kind: 'builtin', candidateFor: [isBeta] } as const;
  const opened = ({ state }: Told): ServiceState => ({
    ...state,
    spec: { ...SPEC, door: { ...SPEC.door, proxy } },
  });
  const mirrored = mirroring();
  const chosen = play(mirrored, [judged(mirrored, {})]);
  const shared = play(chosen, [judged(chosen, { overall: 'quiet' })]);
  const byHand = play(shared, [{ kind: 'weight', percent: 0, beyondPlan: false }]);
  const gone = next({ state: opened(shared), says: [] }, { kind: 'abort', rollout: null }, 1_000_000);

  assert.deepEqual(
    [mirrored, chosen, shared, byHand, gone].map((told) => routeOf(opened(told)).matched),
    [undefined, 'green', 'green', undefined, undefined],
  );
  assert.equal(routeOf(chosen.state).matched, undefined);
  assert.equal(gone.state.route.proven, false);
});

test('who chooses the candidate is turned away as soon as it goes back, before it is stopped', () => {
  const override = { header: 'X-Version', allow: { kind: 'networks', networks: ['10.0.0.0/8'] } } as const;
  const mirrored = mirroring();
  const chosen = play(mirrored, [judged(mirrored, {})]);
  const open = { ...chosen.state, spec: { ...SPEC, door: { ...SPEC.door, override } } };
  assert.equal(routeOf(open).candidate, 'green');

  const { state } = next({ state: open, says: [] }, { kind: 'abort', rollout: null }, 1_000_000);

  assert.deepEqual([state.rollout?.phase, state.route.proven], ['returning', false]);
  assert.equal(routeOf(state).candidate, undefined);
});
