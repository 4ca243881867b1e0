import { VERIFY } from '../src/rollout/fixtures.ts';
import { LATE_AT } from './nature.ts';
import { awayAtStart, lateWayBack } from './proxy-scenarios.ts';
import { SERVICE } from './spec.ts';
import { OVER_WITHIN_MS, STEPWISE, type Stage } from './stage.ts';

/** Two things at once that meet by chance too seldom: the one is done just when the other is under way. */
export const HARD_SCENARIOS = [
  'what is kept stands in at the end of its time',
  'scaled while it is started again',
  'a severe fault where harm only pauses',
  'a version that fails all by hand',
  'superseded, and the machine restarts',
  'superseded while routes are slow',
  'a start that was overtaken',
  'aborted on a full disk',
  'aborted on a full disk, and killed',
  'aborted on a full disk, and the machine restarts',
  'a proxy that forgot gets a door first',
  'killed while it tells of another boot',
  'a route that is lost on its way, or a proxy that is away',
  'locked by somebody else',
  'frozen under way',
  'deployed while what is kept stands in',
  'checks that hold late',
] as const;
export type HardScenario = (typeof HARD_SCENARIOS)[number];

const BEN = { actor: 'ben', role: 'operator' } as const;
/** From a decision to the last user, with nothing in the way. */
const BACK_WITHIN_MS = 1500;
/** At rest, services are looked at every two seconds. */
const SEEN_WITHIN_MS = 6000;

export async function playHard(stage: Stage, scenario: HardScenario): Promise<void> {
  switch (scenario) {
    case 'what is kept stands in at the end of its time':
      return await standsIn(stage);
    case 'scaled while it is started again':
      return await scaledAtStart(stage);
    case 'a severe fault where harm only pauses':
      return await severeActs(stage);
    case 'a version that fails all by hand':
      return await severeByHand(stage);
    case 'superseded, and the machine restarts':
      return await supersededAndRestarted(stage);
    case 'superseded while routes are slow':
      return await supersededSlowly(stage);
    case 'a start that was overtaken':
      return await overtaken(stage);
    case 'aborted on a full disk':
      return await abortedOnFullDisk(stage, () => undefined);
    case 'aborted on a full disk, and killed':
      return stage.world.draw.chance(0.5)
        ? await abortedOnFullDisk(stage, () => killedAndWeighed(stage))
        : await lateWayBack(stage);
    case 'aborted on a full disk, and the machine restarts':
      return await abortedOnFullDisk(stage, () => stage.world.restartMachine());
    case 'a proxy that forgot gets a door first':
      return await doorFirst(stage);
    case 'killed while it tells of another boot':
      return await killedAtBoot(stage);
    case 'a route that is lost on its way, or a proxy that is away':
      return stage.world.draw.chance(0.5) ? await lostRoutes(stage) : await awayAtStart(stage);
    case 'locked by somebody else':
      return await locked(stage);
    case 'frozen under way':
      return await frozen(stage);
    case 'deployed while what is kept stands in':
      return await deployedOverStandIn(stage);
    case 'checks that hold late':
      return await checkedAgain(stage);
  }
}

/** Brings a good version, and takes it down as soon as it is stable: what is kept stands in. Returns both. */
async function downAndStoodIn(
  stage: Stage,
): Promise<{ readonly kept: string; readonly down: string } | null> {
  const { world } = stage;
  const kept = stage.stable() ?? '';
  await stage.deploy(stage.people.label('good'));
  await stage.over('done');
  const down = stage.stable() ?? '';
  world.machine.curse(down, null);
  const isThere = await world.until(() => stage.users().served === kept, 1500);
  stage.must(isThere, `${down} is down, ${kept} is kept warm, and users get ${stage.users().served}`);
  await world.pass(2500);
  return isThere ? { kept, down } : null;
}

async function standsIn(stage: Stage): Promise<void> {
  stage.withPolicy({ keepOldMs: 6000 });
  const both = await downAndStoodIn(stage);
  if (both === null) return;
  const { kept, down } = both;
  await stage.world.pass(6000 + SEEN_WITHIN_MS);
  const { served } = stage.users();
  stage.must(served === kept, `${down} is down, ${kept} stood in for it, and users get ${served}`);
  stage.world.machine.lift(down);
}

/** Users keep what they get: a deploy would stop it. The way there is a rollback to it first. */
async function deployedOverStandIn(stage: Stage): Promise<void> {
  stage.withPolicy({ keepOldMs: 60_000 });
  const both = await downAndStoodIn(stage);
  if (both === null) return;
  const { kept, down } = both;
  const label = stage.people.label('good');
  const said = await stage.settle(stage.people.deploy(label));
  stage.must(said === null, `a deploy took the slot of ${kept}, which stands in for ${down}`);
  stage.must(stage.users().served === kept, `${kept} stood in, and users get ${stage.users().served}`);
  await stage.settle(stage.people.rollback(kept.slice(kept.indexOf('/') + 1)));
  await stage.over(null);
  stage.must(stage.stable() === kept, `${stage.stable()} is stable after a rollback to ${kept}`);
  stage.world.machine.lift(down);
  await stage.deploy(label);
}

/** Tried as often as the file says before it is given up. */
async function checkedAgain(stage: Stage): Promise<void> {
  const { people } = stage;
  const checks = VERIFY.kind === 'verify' ? VERIFY.checks : [];
  const verify = checks.map((check) => ({ ...check, attempts: LATE_AT }));
  people.spec = { ...people.spec, release: { ...people.spec.release, verify } };
  for (let times = 0; times < LATE_AT; times += 1) {
    await stage.deploy(people.label('verified-late'));
    await stage.over('done');
  }
}

async function scaledAtStart(stage: Stage): Promise<void> {
  const { world } = stage;
  world.restartMachine();
  await world.until(() => world.isAlive, 2000);
  const { replicas } = world.live.get(SERVICE)!.spec.scale;
  await stage.settle(stage.people.apply(replicas === 3 ? 1 : replicas + 1));
}

async function severeActs(stage: Stage): Promise<void> {
  stage.withPolicy({ ...STEPWISE, whenWorse: 'pause', watchMs: 0 });
  await stage.world.pass(8000);
  await stage.deploy(stage.people.label('failing'));
  const id = stage.rollout?.id ?? '';
  if (!(await stage.reach('dwelling'))) return stage.fail('a version that starts gets no share');
  const isBack = await stage.world.until(() => stage.rollout?.ending !== null, 5000);
  stage.must(isBack, 'a version that fails every request keeps its share for 5s');
  await stage.over(null);
  stage.ended(id, 'rolled-back');
}

/** Numbers are advice while a person sets the share; what fails them all is not. */
async function severeByHand(stage: Stage): Promise<void> {
  stage.withPolicy({ ...STEPWISE, watchMs: 0 });
  await stage.world.pass(8000);
  await stage.deploy(stage.people.label('failing'));
  const id = stage.rollout?.id ?? '';
  if (!(await stage.reach('dwelling'))) return stage.fail('a version that starts gets no share');
  await stage.settle(stage.people.weight(33));
  const isBack = await stage.world.until(() => stage.rollout?.ending !== null, 6000);
  stage.must(isBack, 'a version that fails every request keeps the share that a person gave it');
  await stage.over(null);
  stage.ended(id, 'rolled-back');
}

/** To where the first of two is drained and stopped, and the second waits for its slot. */
async function superseded(stage: Stage): Promise<string | null> {
  stage.withPolicy(STEPWISE);
  await stage.deploy(stage.people.label('good'));
  if (!(await stage.reach('dwelling'))) return null;
  const first = stage.rollout?.id ?? null;
  await stage.deploy(stage.people.label('good'), true);
  return (await stage.reach('retiring')) ? first : null;
}

async function supersededAtStart(stage: Stage): Promise<string | null> {
  await stage.deploy(stage.people.label('slow-start'));
  if (!(await stage.reach('starting'))) return null;
  const first = stage.rollout?.id ?? null;
  await stage.deploy(stage.people.label('good'), true);
  return first;
}

/** The first one is drained, or it is still being started. */
async function supersededAndRestarted(stage: Stage): Promise<void> {
  const first = stage.world.draw.chance(0.5) ? await superseded(stage) : await supersededAtStart(stage);
  if (first === null) return;
  stage.world.restartMachine();
  await stage.world.until(() => stage.rollout?.id !== first, OVER_WITHIN_MS);
  await stage.over('done');
}

async function supersededSlowly(stage: Stage): Promise<void> {
  const first = await superseded(stage);
  if (first === null) return;
  stage.arm('apply', { kind: 'slow', ms: 1000 });
  await stage.world.until(() => stage.rollout?.id !== first, OVER_WITHIN_MS);
  await stage.over('done');
}

/** A start that takes long, and is aborted; the same release again, just when the old start finds that out. */
async function overtaken(stage: Stage): Promise<void> {
  const { world, people } = stage;
  const label = people.label('slow-start');
  await stage.deploy(label);
  if (!(await stage.reach('starting'))) return;
  const startedMs = world.time.monotonicMs;
  await world.pass(300);
  await stage.settle(people.abort(null));
  await stage.over(null);
  await world.pass(startedMs + 3700 - world.time.monotonicMs);
  // Either the old start fails when it finds that out, or it works, with fewer replicas than are wanted by now.
  if (world.draw.chance(0.5)) stage.arm('install', { kind: 'slow', ms: 800 });
  else await stage.settle(people.apply(people.spec.scale.replicas === 3 ? 2 : 3));
  await stage.deploy(label);
  await stage.over('done');
}

async function abortedOnFullDisk(stage: Stage, then: () => void | Promise<void>): Promise<void> {
  const { world, people } = stage;
  stage.withPolicy({ ...STEPWISE, dwell: { atLeastMs: 5000, atMostMs: 5000 } });
  const was = stage.stable();
  await stage.deploy(people.label('good'));
  if (!(await stage.reach('dwelling'))) return;
  const id = stage.rollout?.id ?? '';
  world.diskFull = true;
  await stage.settle(people.abort(null));
  await world.pass(BACK_WITHIN_MS);
  const { served } = stage.users();
  stage.must(served === was, `the disk is full, and an abort leaves users with ${served}, not ${was}`);
  await then();
  world.diskFull = false;
  await world.until(() => stage.rollout === null, OVER_WITHIN_MS);
  stage.ended(id, 'aborted');
  await stage.deploy(people.label('good'));
  await stage.over('done');
}

/** In every second world somebody asks the next controller for another share before it has looked at the proxy. */
async function killedAndWeighed(stage: Stage): Promise<void> {
  const { world, people } = stage;
  world.kill();
  world.diskFull = false;
  if (world.draw.chance(0.5)) return;
  stage.arm('observe', { kind: 'slow', ms: 500 });
  await world.until(() => world.isAlive, 2000);
  await stage.settle(people.weight(40));
}

/** A proxy with a door and without a route serves nobody: the route is what it has lost. */
async function doorFirst(stage: Stage): Promise<void> {
  const { world, people } = stage;
  const was = stage.stable();
  world.proxy.restart(true);
  const { health } = people.spec.release;
  const intervalMs = health.intervalMs === 200 ? 250 : 200;
  people.spec = {
    ...people.spec,
    release: { ...people.spec.release, health: { ...health, intervalMs } },
  };
  await stage.settle(people.apply(people.spec.scale.replicas));
  const isBack = await world.until(() => stage.users().served === was, 8000);
  stage.must(isBack, `a proxy that lost its state and got a door does not serve ${was} again after 8s`);
}

async function killedAtBoot(stage: Stage): Promise<void> {
  const { world } = stage;
  stage.withPolicy(STEPWISE);
  const was = stage.stable();
  await stage.deploy(stage.people.label('good'));
  if (!(await stage.reach('dwelling'))) return;
  const id = stage.rollout?.id ?? '';
  world.restartMachine();
  world.commitKill = { when: 'before', hit: () => undefined };
  await world.until(() => stage.rollout === null, OVER_WITHIN_MS);
  stage.ended(id, 'aborted');
  const isBack = await world.until(() => stage.users().served === was, 15_000);
  stage.must(isBack, `${was} does not serve again 15s after the machine was restarted`);
}

async function lostRoutes(stage: Stage): Promise<void> {
  stage.withPolicy(STEPWISE);
  await stage.deploy(stage.people.label('good'));
  for (let lost = 0; lost < 3 && stage.rollout !== null; lost += 1) {
    stage.arm('apply', { kind: 'done-not' });
    await stage.world.pass(2000);
  }
  await stage.over('done');
}

/** Nobody else starts or promotes; everybody goes back. */
async function locked(stage: Stage): Promise<void> {
  const { world, people } = stage;
  const { guard } = world.controller;
  stage.withPolicy({ ...STEPWISE, dwell: { atLeastMs: 5000, atMostMs: 8000 } });
  await stage.settle(guard.lock({ service: SERVICE, reason: 'mine', forMs: null }, BEN));
  stage.must(
    (await stage.settle(people.deploy(people.label('good')))) === null,
    'deployed in spite of a lock',
  );
  await stage.settle(guard.unlock({ service: SERVICE, force: false, reason: null }, BEN));
  await stage.deploy(people.label('good'));
  if (!(await stage.reach('dwelling'))) return;
  const id = stage.rollout?.id ?? '';
  await stage.settle(world.controller.guard.lock({ service: SERVICE, reason: 'mine', forMs: 20_000 }, BEN));
  stage.must((await stage.settle(people.promote(null, true))) === null, 'promoted in spite of a lock');
  await stage.settle(people.abort(null));
  await stage.over(null);
  stage.ended(id, 'aborted');
  await world.pass(22_000);
  await stage.deploy(people.label('good'));
  await stage.over('done');
}

/** It stays where it is, and goes on when the freeze ends by itself. */
async function frozen(stage: Stage): Promise<void> {
  const { world, people } = stage;
  stage.withPolicy(STEPWISE);
  await stage.deploy(people.label('good'));
  if (!(await stage.reach(world.draw.pick(['probing', 'dwelling'] as const)))) return;
  const freeze = { forMs: 15_000, untilMs: null, alsoAdvancing: true, reason: 'sale' };
  const service = world.draw.chance(0.5) ? SERVICE : null;
  await stage.settle(world.controller.guard.freeze({ service, ...freeze }, BEN));
  await world.pass(1000);
  const share = stage.rollout?.sharePercent;
  await world.pass(13_000);
  stage.must(stage.rollout?.sharePercent === share, 'a rollout that is frozen went on');
  stage.must(stage.users().candidate === (share ?? 0) / 100, 'a rollout that is frozen got a larger share');
  await stage.over('done');
}
