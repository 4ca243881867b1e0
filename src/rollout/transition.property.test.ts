import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Plan, Step } from '../release/plan.ts';
import type { Command, IssuedCommand } from './command.ts';
import type { Freeze } from './guard.ts';
import type { RolloutEvent, StageVerdict } from './event.ts';
import { approvalNow } from './agreement.ts';
import type { Answer } from './answer.ts';
import { at, CANARY_STEPS, EARLY, emptyService, requestOf, VERIFY } from './fixtures.ts';
import { routeOf } from './route.ts';
import { earlyStepOf, slotWithRole, type ServiceState } from './state.ts';
import { transition } from './transition.ts';
import { unrecorded } from './unrecorded.ts';

type Bare = Parameters<typeof at>[1];
/** One thing that happens in the random world: a person, a result of a command that is under way, or a look. */
type Move = (world: World) => Bare | null;
type World = {
  state: ServiceState;
  pending: IssuedCommand[];
  nowMs: number;
  labels: number;
  gone: boolean;
  /** Of the whole server; on as long as it is here. */
  frozen: readonly Freeze[];
};

const FIRST: readonly Step[] = [{ kind: 'start' }, { kind: 'ready' }, VERIFY, { kind: 'full' }];
const POLICIES: readonly Partial<Plan>[] = [
  { whenUnsure: { waitMs: 0, then: 'rollback' } },
  { whenUnsure: { waitMs: 5000, then: 'advance' } },
  { whenUnsure: { waitMs: 0, then: 'ask' }, whenWorse: 'pause', askDeadlineMs: 4000 },
];
const BLUE_GREEN: readonly Step[] = [
  { kind: 'start' },
  { kind: 'ready' },
  VERIFY,
  { kind: 'ask' },
  { kind: 'full' },
  { kind: 'watch', forMs: 60_000 },
];

/** Long ways seldom come to their end, so that each has a part of it. */
const MIRRORED = [...CANARY_STEPS.slice(0, 2), VERIFY, EARLY[0]!, ...CANARY_STEPS.slice(3)];
const CANARIES: readonly (readonly Step[])[] = [
  [...CANARY_STEPS.slice(0, 2), EARLY[1]!, ...CANARY_STEPS.slice(3)],
  [...CANARY_STEPS.slice(0, 2), ...EARLY, ...CANARY_STEPS.slice(2)],
  MIRRORED,
  MIRRORED,
  CANARY_STEPS,
];

/** People must agree before any traffic, before a half of it, and before all. */
const AGREED: readonly Step[] = [
  { kind: 'start' },
  { kind: 'ready' },
  { kind: 'approval', before: 'start', need: 1, of: null },
  CANARY_STEPS[2]!,
  { kind: 'approval', before: 50, need: 2, of: ['ana', 'bob', 'carl', 'dee'] },
  CANARY_STEPS[3]!,
  { kind: 'approval', before: 100, need: 1, of: ['bob', 'carl', 'dee'] },
  ...CANARY_STEPS.slice(4),
];
const NAMES = ['ana', 'bob', 'carl', 'dee', 'eve'] as const;
const APPROVE: Bare = { kind: 'approve', rollout: null, step: null, reason: null, verified: true };

/** What happens most of the time: the next thing works. Without it random worlds never get far. */
function goodLuckMove(world: World): Bare | null {
  const issued = world.pending.shift();
  if (issued !== undefined) return resultOf(issued.command, false);
  const { rollout, slots } = world.state;
  const sick = (['blue', 'green'] as const).find((slot) => slots[slot].healthy < slots[slot].replicas);
  if (sick !== undefined) return healthMove(world, sick, slots[sick].replicas);
  if (rollout?.phase === 'asking' && approvalNow(rollout) !== null) return APPROVE;
  if (rollout?.phase === 'dwelling')
    return judgedMove(world, { overall: 'safe', seconds: 60, requests: 99, reason: null, hold: null });
  return rollout?.phase === 'watching' ? watchedMove(world, 50, false) : null;
}

const slotName = fc.constantFrom('blue' as const, 'green' as const);
const hold = fc.oneof(
  { weight: 20, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constant('an incident') },
);
const overall = fc.constantFrom<StageVerdict['overall']>(
  'harmful',
  'severe',
  'safe',
  'quiet',
  'suspicious',
  'undecided',
  'no-data',
);

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 40, arbitrary: fc.constant<Move>(goodLuckMove) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.boolean(),
        fc.constantFrom('canary', 'canary', 'canary', 'blue-green', 'blue-green', 'agreed'),
      )
      .map(([supersede, next]) => deployMove(supersede, next)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.boolean(), fc.nat(9)).map(([verified, luck]): Move => (world) => ({
      ...(luck === 0 ? { kind: 'reject' } : { kind: 'approve', verified }),
      rollout: luck === 1 ? 'r-none' : null,
      step: luck === 2 ? (world.state.rollout?.stepIndex ?? 0) + 1 : null,
      reason: luck === 3 ? 'looks good' : null,
    })),
  },
  { weight: 1, arbitrary: fc.constant<Move>(() => ({ kind: 'pause' })) },
  { weight: 2, arbitrary: fc.constant<Move>(() => ({ kind: 'resume' })) },
  {
    weight: 3,
    arbitrary: fc.boolean().map((full): Move => () => ({ kind: 'promote', fromStep: null, full })),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 0, max: 100 }).map((percent): Move => () => ({
      kind: 'weight',
      percent,
      beyondPlan: true,
    })),
  },
  { weight: 1, arbitrary: fc.constant<Move>(() => ({ kind: 'abort', rollout: null })) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 4 }).map(rollbackMove) },
  { weight: 1, arbitrary: fc.constant<Move>(() => ({ kind: 'machineRestarted' })) },
  { weight: 3, arbitrary: fc.tuple(fc.nat(5), fc.boolean()).map(([which, also]) => guardMove(which, also)) },
  {
    weight: 14,
    arbitrary: fc
      .tuple(fc.nat(5), fc.integer({ min: 0, max: 9 }))
      .map(([which, luck]) => resultMove(which, luck)),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(slotName, fc.integer({ min: 0, max: 2 })).map(
      ([slot, healthy]): Move =>
        (world) =>
          healthMove(world, slot, healthy),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(slotName, fc.integer({ min: 1, max: 4 })).map(
      ([slot, crashes]): Move =>
        (world) =>
          crashMove(world, slot, crashes),
    ),
  },
  {
    weight: 14,
    arbitrary: fc.tuple(overall, fc.integer({ min: 0, max: 90 }), fc.nat(50), hold).map(
      ([word, seconds, requests, hold]): Move =>
        (world) =>
          judgedMove(world, { overall: word, seconds, requests, reason: null, hold }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.integer({ min: 0, max: 200 }), fc.boolean()).map(
      ([seconds, breach]): Move =>
        (world) =>
          watchedMove(world, seconds, breach),
    ),
  },
  { weight: 2, arbitrary: fc.constant<Move>(() => ({ kind: 'clockAdvanced' })) },
  {
    weight: 1,
    arbitrary: fc.nat(2).map((ahead): Move => (world) => ({
      kind: 'routeAhead',
      revision: world.state.route.revision + ahead,
    })),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Move>((world) => ({
      kind: 'countsLost',
      fromSecond: Math.floor(world.nowMs / 1000) - 5,
      toSecond: Math.floor(world.nowMs / 1000) - 1,
    })),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Move>((world) => ({
      kind: 'readyOverdue',
      rollout: world.state.rollout?.id ?? 'none',
      found: [],
    })),
  },
);

function deployMove(supersede: boolean, next: 'canary' | 'blue-green' | 'agreed'): Move {
  return (world) => {
    world.labels += 1;
    const canary = CANARIES[world.labels % CANARIES.length]!;
    const planned = next === 'canary' ? canary : next === 'agreed' ? AGREED : BLUE_GREEN;
    const steps = slotWithRole(world.state, 'stable') === null ? FIRST : planned;
    const known = world.labels % 2 === 0 && { known: true as const };
    return {
      kind: 'deploy',
      request: { ...requestOf(`v${world.labels}`, steps, POLICIES[world.labels % 3]), ...known },
      supersede,
      spec: null,
    };
  };
}

/** Somebody else locks or freezes for a few seconds or for good, or lifts it again. */
function guardMove(which: number, alsoAdvancing: boolean): Move {
  return (world) => {
    const untilMs = which % 2 === 0 ? null : world.nowMs + 5000;
    const freeze: Freeze = {
      by: 'bob',
      scope: 'service',
      fromMs: 0,
      untilMs,
      timeZone: 'UTC',
      alsoAdvancing,
      reason: 'sale',
    };
    const unlock: Bare = { kind: 'unlock', force: true, reason: 'tests' };
    const moves: readonly Bare[] = [
      { kind: 'freeze', freeze },
      { kind: 'freeze', freeze },
      world.state.lock ? unlock : { kind: 'lock', reason: 'sale', untilMs, timeZone: 'UTC' },
      { kind: 'unfreeze' },
      unlock,
    ];
    if (which < 5) return moves[which]!;
    world.frozen = world.frozen.length === 0 ? [{ ...freeze, scope: 'file', untilMs: null }] : [];
    return { kind: 'clockAdvanced' };
  };
}

function rollbackMove(healthy: number): Move {
  return (world) => {
    const kept = slotWithRole(world.state, 'kept');
    const label = kept === null ? 'v1' : world.state.slots[kept].releaseId!.slice(5);
    const steps: readonly Step[] =
      kept === null
        ? [...FIRST, { kind: 'watch', forMs: 1000 }]
        : [{ kind: 'ready' }, { kind: 'full' }, { kind: 'watch', forMs: 1000 }];
    world.labels += 1;
    return {
      kind: 'rollback',
      request: { ...requestOf(label, steps), rollout: `back-${world.labels}`, purpose: 'rollback' },
      healthy,
      crashes: 0,
    };
  };
}

function resultMove(which: number, luck: number): Move {
  return (world) => {
    const issued = world.pending[which % Math.max(1, world.pending.length)];
    if (issued === undefined) return null;
    const { command } = issued;
    if (command.kind === 'applyRoute' && luck === 0)
      return { kind: 'routeLate', revision: command.route.revision, reason: 'the proxy does not answer' };
    world.pending = world.pending.filter((one) => one !== issued);
    return resultOf(command, luck === 0);
  };
}

function resultOf(command: Command, bad: boolean): Bare {
  switch (command.kind) {
    case 'applyRoute':
      return { kind: 'routeProven', revision: command.route.revision };
    case 'startSlot':
      return bad
        ? { kind: 'slotFailed', slot: command.slot, releaseId: command.releaseId, reason: 'exit code 1' }
        : {
            kind: 'slotStarted',
            slot: command.slot,
            releaseId: command.releaseId,
            replicas: command.replicas,
          };
    case 'verify':
      return {
        kind: 'verified',
        rollout: command.rollout,
        failed: bad ? 'GET /checkout: 500 instead of 2xx' : null,
        found: [],
      };
    case 'scaleSlot':
      return { kind: 'slotScaled', slot: command.slot, replicas: command.replicas };
    case 'stopSlot':
      return { kind: 'slotStopped', slot: command.slot, releaseId: command.releaseId };
    case 'installDoor':
      return bad ? { kind: 'doorFailed', reason: 'the port is taken' } : { kind: 'doorInstalled' };
    case 'removeDoor':
      return { kind: 'doorRemoved' };
  }
}

function healthMove(world: World, slot: 'blue' | 'green', healthy: number): Bare | null {
  const { releaseId } = world.state.slots[slot];
  return releaseId === null ? null : { kind: 'healthSeen', slot, releaseId, healthy };
}

function crashMove(world: World, slot: 'blue' | 'green', crashes: number): Bare | null {
  const { releaseId } = world.state.slots[slot];
  return releaseId === null ? null : { kind: 'crashSeen', slot, releaseId, crashes, found: [] };
}

function judgedMove(world: World, verdict: StageVerdict): Bare | null {
  const { rollout } = world.state;
  return rollout === null
    ? null
    : { kind: 'judged', stage: rollout.stage, second: Math.floor(world.nowMs / 1000), verdict };
}

function watchedMove(world: World, seconds: number, breach: boolean): Bare | null {
  const { rollout } = world.state;
  return rollout === null
    ? null
    : { kind: 'watched', stage: rollout.stage, seconds, breach: breach ? 'p95 doubled' : null };
}

function eventOf(world: World, bare: Bare): RolloutEvent {
  const others = bare.kind === 'approve' || bare.kind === 'reject';
  const actor = bare.kind === 'lock' ? 'bob' : others ? NAMES[(world.nowMs / 500) % NAMES.length]! : 'ana';
  return { ...at(world.nowMs, bare, actor), frozen: world.frozen };
}

/** Going back is the same as if nobody had ever locked or frozen anything. */
function assertUnguarded(state: ServiceState, event: RolloutEvent, answer: Answer): void {
  const { rollout } = state;
  const free = {
    ...state,
    lock: null,
    freezes: [],
    rollout: rollout === null ? null : { ...rollout, held: null },
  };
  const { frozen: _frozen, ...bare } = event;
  const without = transition(free, bare);
  assert.equal(answer.kind, without.kind);
  if (answer.kind !== 'turn' || without.kind !== 'turn') return;
  assert.deepEqual(
    [answer.turn.commands, answer.turn.says, answer.turn.state.slots, answer.turn.state.rollout?.phase],
    [without.turn.commands, without.turn.says, without.turn.state.slots, without.turn.state.rollout?.phase],
  );
}

/** A way back that was decided until now and not recorded comes too late for whatever follows. */
function assertFenced(before: ServiceState, after: ServiceState): void {
  const { revision } = before.route;
  const late = unrecorded({ ...routeOf(before), revision: revision + 1 });
  assert.ok(after.route.revision > late.revision, `${after.route.revision} is not above ${late.revision}`);
}

/** Decides, and does what was decided as far as this world goes. Invariants are checked inside `transition`. */
function step(world: World, bare: Bare): void {
  world.nowMs += 500;
  const event = eventOf(world, bare);
  const answer = transition(world.state, event);
  if (event.kind === 'abort' || event.kind === 'rollback') assertUnguarded(world.state, event, answer);
  if (answer.kind !== 'turn') {
    assert.ok(event.kind !== 'abort' || answer.kind === 'nothing', 'an abort was refused');
    return;
  }
  const { turn } = answer;
  if (turn.ended !== null) assertFenced(world.state, turn.state);
  world.gone = turn.gone;
  world.state = turn.state;
  world.pending.push(...turn.commands);
  if (event.kind === 'machineRestarted')
    world.pending = world.pending.filter((one) => one.command.kind !== 'stopSlot');
}

function newWorld(): World {
  return { state: emptyService(), pending: [], nowMs: 1_000_000, labels: 0, gone: false, frozen: [] };
}

/** Good luck from now on: every command works, everything started is healthy, the judge is content, people answer. */
function converge(world: World): void {
  world.frozen = [];
  step(world, { kind: 'unfreeze' });
  step(world, { kind: 'unlock', force: true, reason: 'tests' });
  step(world, { kind: 'clockAdvanced' });
  for (let round = 0; round < 400; round += 1) {
    const issued = world.pending.shift();
    if (issued !== undefined) step(world, resultOf(issued.command, false));
    for (const slot of ['blue', 'green'] as const) {
      const seen = healthMove(world, slot, world.state.slots[slot].replicas);
      if (seen !== null) step(world, seen);
    }
    const { rollout } = world.state;
    if (rollout === null && world.pending.length === 0) return;
    if (rollout === null) continue;
    if (rollout.paused !== null || rollout.byHand) step(world, { kind: 'resume' });
    if (rollout.phase === 'asking' && approvalNow(rollout) !== null)
      for (let n = 0; n < NAMES.length; n += 1) step(world, APPROVE);
    else if (rollout.phase === 'asking') step(world, { kind: 'promote', fromStep: null, full: false });
    step(world, {
      kind: 'judged',
      stage: rollout.stage,
      second: Math.floor(world.nowMs / 1000),
      verdict: { overall: 'safe', seconds: 600, requests: 500, reason: null, hold: null },
    });
    step(world, { kind: 'watched', stage: world.state.rollout?.stage ?? 0, seconds: 600, breach: null });
  }
}

test('no sequence of people, results and observations breaks an invariant, and an abort is never refused', () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 120, size: 'max' }), (moves) => {
      const world = newWorld();
      for (const make of moves) {
        const bare = make(world);
        if (bare !== null) step(world, bare);
      }
    }),
    { numRuns: 6000 },
  );
});

function approvalOf(rollout: ServiceState['rollout']): string | null {
  const now = rollout === null ? null : approvalNow(rollout);
  return now === null ? null : `approval ${now.step.before}, ${now.given.length}`;
}

test('the random worlds reach every phase, every ending and both sides of a promotion', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(fc.array(move, { maxLength: 120, size: 'max' }), (moves) => {
      const world = newWorld();
      for (const make of moves) {
        const bare = make(world);
        if (bare === null) continue;
        step(world, bare);
        const { rollout } = world.state;
        for (const mark of [
          rollout?.phase,
          rollout?.ending?.outcome,
          rollout?.held && `held, ${rollout.phase}`,
          approvalOf(rollout),
          rollout?.promoted === true && rollout.ending !== null && 'back after promotion',
          routeOf(world.state).mirror !== undefined && `mirror, ${rollout?.phase}`,
          rollout && earlyStepOf(rollout)?.kind,
          rollout?.ending && rollout.spans.at(-1)?.early && `${rollout.ending.outcome} after an early step`,
        ]) {
          if (typeof mark === 'string') seen.set(mark, (seen.get(mark) ?? 0) + 1);
        }
      }
    }),
    { numRuns: 20_000, seed: 13 },
  );

  const wanted = [
    'clearing',
    'starting',
    'probing',
    'verifying',
    'shifting',
    'dwelling',
    'asking',
    'watching',
    'returning',
    'retiring',
    'rolled-back',
    'aborted',
    'undecided',
    'superseded',
    'never-ready',
    'unproven',
    'back after promotion',
    'approval start, 0',
    'approval 50, 0',
    'approval 50, 1',
    'approval 100, 0',
    'held, probing',
    'held, dwelling',
    'held, asking',
    'held, watching',
    'held, returning',
    'mirror, shifting',
    'mirror, dwelling',
    'mirror, asking',
    'header-only',
    'rolled-back after an early step',
    'undecided after an early step',
    'aborted after an early step',
  ];
  assert.deepEqual(
    wanted.filter((mark) => (seen.get(mark) ?? 0) < 20).map((mark) => `${mark} ${seen.get(mark) ?? 0}`),
    [],
  );
});

test('whatever happened, with good luck everything ends: no rollout, the route proven, one slot stable', () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 80, size: 'max' }), (moves) => {
      const world = newWorld();
      for (const make of moves) {
        const bare = make(world);
        if (bare !== null) step(world, bare);
      }

      converge(world);

      assert.equal(world.state.rollout, null, `stuck in ${world.state.rollout?.phase}`);
      assert.equal(world.state.route.proven, true);
      assert.deepEqual(world.pending, []);
      const roles = [world.state.slots.blue.role, world.state.slots.green.role];
      assert.ok(!roles.includes('candidate') && !roles.includes('leaving'), roles.join(' '));
    }),
    { numRuns: 3000 },
  );
});

test('the journalled events alone give the same state again', () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 80, size: 'max' }), (moves) => {
      const world = newWorld();
      const journal: RolloutEvent[] = [];
      for (const make of moves) {
        const bare = make(world);
        if (bare === null) continue;
        const before = world.state;
        step(world, bare);
        if (world.state !== before) journal.push(eventOf(world, bare));
      }

      let again = emptyService();
      for (const event of journal) {
        const answer = transition(again, event);
        assert.equal(answer.kind, 'turn');
        if (answer.kind === 'turn') again = answer.turn.state;
      }

      assert.deepEqual(again, world.state);
    }),
    { numRuns: 500 },
  );
});

test('the route is a function of the state', () => {
  const state = emptyService();

  assert.deepEqual(routeOf(state), {
    service: 'shop',
    revision: 0,
    serve: null,
    split: null,
    replicas: { blue: 0, green: 0 },
    standIn: true,
  });
});
