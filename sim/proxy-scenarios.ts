import { OVER_WITHIN_MS, STEPWISE, type Stage } from './stage.ts';

/** The rollout after the one that was taken back is under way then. */
const LATE_MS = 3000;

/** An abort on a full disk is on its way to the proxy when its controller is killed, and comes in the middle of the next rollout. */
export async function lateWayBack(stage: Stage): Promise<void> {
  const { world, people } = stage;
  stage.withPolicy({ ...STEPWISE, dwell: { atLeastMs: 5000, atMostMs: 5000 } });
  await stage.deploy(people.label('good'));
  if (!(await stage.reach('dwelling'))) return;
  const id = stage.rollout?.id ?? '';
  world.diskFull = true;
  stage.arm('apply', { kind: 'slow', ms: LATE_MS });
  await stage.settle(people.abort(null));
  world.kill();
  world.diskFull = false;
  await world.until(() => world.isAlive, 2000);
  await stage.settle(people.abort(null));
  await world.until(() => stage.rollout === null, OVER_WITHIN_MS);
  stage.ended(id, 'aborted');
  await stage.deploy(people.label('good'));
  await stage.over('done');
}

/** A proxy that does not answer a few times holds a start up, and fails nothing. */
export async function awayAtStart(stage: Stage): Promise<void> {
  for (let times = 0; times < 3; times += 1) stage.arm('install', { kind: 'fails' });
  await stage.deploy(stage.people.label('good'));
  await stage.over('done');
}
