import { HARD_SCENARIOS, playHard } from './hard-scenarios.ts';
import { isCaught, natureOf, type Nature } from './nature.ts';
import type { People } from './people.ts';
import { restRight } from './rest.ts';
import { SERVICE } from './spec.ts';
import { asksPerson, OVER_WITHIN_MS, Stage } from './stage.ts';
import type { SimWorld } from './world.ts';

/** What is to happen when nothing else goes wrong. Each begins with a version that serves, at rest. */
export const SCENARIOS = [
  'a good version',
  'an erring version',
  'a version that errs at full share',
  'a version that dies under traffic',
  'a version that is never ready',
  'a version that does not start',
  'a version that crashes at once',
  'a version that fails its checks',
  'aborted',
  'superseded',
  'rolled back warm',
  'rolled back cold',
  'killed again and again',
  'machine restarts',
  'paused',
  'weight by hand',
  'scaled',
  'removed and deployed again',
  'stable dies',
  'proxy forgets at rest',
  'one version twice',
  ...HARD_SCENARIOS,
] as const;
export type Scenario = (typeof SCENARIOS)[number];

const COMPARABLE_AFTER_MS = 8000;
/** From a person's word to the last user, with nothing in the way. */
const BACK_WITHIN_MS = 1500;

export async function playScenario(scenario: Scenario, world: SimWorld, people: People): Promise<void> {
  world.tell(() => `--- ${scenario} ---`);
  // What a judge that saw many outages is not sure of goes on.
  const { spec } = people;
  people.spec = {
    ...spec,
    scale: world.live.get(SERVICE)?.spec.scale ?? spec.scale,
    policy: { ...spec.policy, whenUnsure: { waitMs: 0, then: 'advance' } },
  };
  const stage = new Plays(world, people);
  for (const lift of [() => people.unlock(true), () => people.unfreeze(SERVICE), () => people.unfreeze(null)])
    await stage.settle(lift());
  if (!(await stage.serves())) return;
  await stage.play(scenario);
  if (world.audit.breaches.length > 0) return;
  await stage.over(null);
  await restRight(world);
}

class Plays extends Stage {
  async play(scenario: Scenario): Promise<void> {
    switch (scenario) {
      case 'a good version':
        return this.#keeps();
      case 'an erring version':
        return this.#bad('erring');
      case 'a version that errs at full share':
        return this.#bad('erring-at-full');
      case 'a version that dies under traffic':
        return this.#bad('dying');
      case 'a version that is never ready':
        return this.#bad('never-ready');
      case 'a version that does not start':
        return this.#bad('no-start');
      case 'a version that crashes at once':
        return this.#bad('crashing');
      case 'a version that fails its checks':
        return this.#bad('unverified');
      case 'aborted':
        return this.#aborted();
      case 'superseded':
        return this.#superseded();
      case 'rolled back warm':
        return this.#rolledBack(0);
      case 'rolled back cold':
        return this.#rolledBack(20_000);
      case 'killed again and again':
        return this.#killed();
      case 'machine restarts':
        return this.#rebooted();
      case 'paused':
        return this.#paused();
      case 'weight by hand':
        return this.#byHand();
      case 'scaled':
        return this.#scaled();
      case 'removed and deployed again':
        return this.#removed();
      case 'stable dies':
        return this.#stableDies();
      case 'proxy forgets at rest':
        return this.#forgotten();
      case 'one version twice':
        return this.#twice();
      default:
        return playHard(this, scenario);
    }
  }

  /** A good one is done, and what served is kept as long as planned, and no longer. */
  async #keeps(): Promise<void> {
    const was = this.stable();
    await this.deploy(this.people.label('good'));
    await this.over('done');
    const { keepOldMs } = this.people.spec.policy;
    await this.world.pass(keepOldMs - 1500);
    const runs = (): boolean =>
      [...this.world.machine.slots.values()].some(({ workload }) => workload.release.id === was);
    this.must(runs(), `${was} was to be kept for ${keepOldMs} ms and is gone`);
    await this.world.pass(1500 + 8000);
    this.must(!runs(), `${was} was to be kept for ${keepOldMs} ms and is still there`);
  }

  async #bad(nature: Nature): Promise<void> {
    // A comparison needs some seconds in which stable was well.
    await this.world.pass(COMPARABLE_AFTER_MS);
    const was = this.stable();
    await this.deploy(this.people.label(nature));
    // Where it is over already, there was a breach, or it could not even be started.
    if (this.rollout === null) return;
    const { id, plan, releaseId } = this.rollout;
    const waits = (): boolean => this.rollout === null || this.rollout.paused !== null;
    await this.world.until(() => waits() || asksPerson(this.rollout), OVER_WITHIN_MS);
    if (!waits()) await this.settle(this.people.promote(null, false));
    await this.world.until(waits, OVER_WITHIN_MS);
    if (this.rollout !== null) {
      this.must(plan.whenWorse === 'pause', 'paused, and nobody asked for that');
      await this.settle(this.people.abort(null));
      await this.over('aborted');
    } else if (isCaught(nature, plan)) {
      const outcome = ['erring', 'failing', 'erring-at-full', 'dying'].includes(nature)
        ? 'rolled-back'
        : 'never-ready';
      this.ended(id, outcome);
    } else return this.world.save([releaseId]);
    this.must(this.stable() === was, `${this.stable()} serves, and ${was} was to`);
  }

  async #aborted(): Promise<void> {
    const { draw } = this.world;
    const was = this.stable();
    await this.deploy(this.people.label(draw.pick(['good', 'slow-start'] as const)));
    if (
      !(await this.reach(
        draw.pick(['starting', 'probing', 'shifting', 'dwelling', 'asking', 'watching'] as const),
      ))
    )
      return;
    const id = this.rollout?.id ?? '';
    await this.settle(draw.chance(0.5) ? this.people.abort(null) : this.people.rollback(null));
    await this.world.pass(BACK_WITHIN_MS);
    const { served } = this.users();
    this.must(served === was, `${served} is what users get ${BACK_WITHIN_MS} ms after an abort, not ${was}`);
    await this.over(null);
    this.ended(id, 'aborted');
  }

  async #superseded(): Promise<void> {
    const { draw } = this.world;
    await this.deploy(this.people.label('good'));
    if (!(await this.reach(draw.pick(['starting', 'probing', 'dwelling', 'watching'] as const)))) return;
    const first = this.rollout;
    await this.deploy(this.people.label('good'), true);
    await this.world.until(() => this.rollout?.id !== first?.id, OVER_WITHIN_MS);
    this.ended(first?.id ?? '', first?.promoted === true ? 'done' : 'superseded');
    await this.over('done');
  }

  async #rolledBack(afterMs: number): Promise<void> {
    const was = this.stable();
    if (was === null) return;
    await this.deploy(this.people.label('good'));
    await this.over('done');
    const isWarm = afterMs === 0;
    const crashesBefore = this.world.machine.slots.size;
    if (!isWarm) await this.world.pass(afterMs);
    await this.settle(this.people.rollback(was.slice(was.indexOf('/') + 1)));
    const reached = await this.world.until(
      () => this.users().served === was,
      isWarm ? BACK_WITHIN_MS : 20_000,
    );
    if (['good', 'slow-start', 'erring'].includes(natureOf(was))) {
      this.must(reached, `${was} does not serve after a ${isWarm ? 'warm' : 'cold'} rollback`);
      this.must(!isWarm || crashesBefore === 2, 'what was to be kept warm did not run');
    }
    await this.over(null);
  }

  /** The same end, wherever the controller dies. */
  async #killed(): Promise<void> {
    const { draw } = this.world;
    await this.deploy(this.people.label('good'));
    for (let kills = draw.whole(1, 6); kills > 0 && this.rollout !== null; kills -= 1) {
      this.world.commitKill = { when: draw.pick(['before', 'after'] as const), hit: () => undefined };
      await this.world.pass(draw.whole(1, 40) * 50);
    }
    this.world.commitKill = null;
    await this.over('done');
  }

  async #rebooted(): Promise<void> {
    const { draw } = this.world;
    const was = this.stable();
    await this.deploy(this.people.label('good'));
    if (!(await this.reach(draw.pick(['starting', 'probing', 'dwelling', 'asking', 'watching'] as const))))
      return;
    const rollout = this.rollout;
    this.world.restartMachine();
    await this.world.until(() => this.rollout === null, OVER_WITHIN_MS);
    this.ended(rollout?.id ?? '', rollout?.promoted === true ? 'done' : 'aborted');
    const right = rollout?.promoted === true ? rollout.releaseId : was;
    const isBack = await this.world.until(() => this.users().served === right, 15_000);
    this.must(isBack, `${right} does not serve again 15s after the machine was restarted`);
  }

  async #paused(): Promise<void> {
    await this.deploy(this.people.label('good'));
    if (!(await this.reach(this.world.draw.pick(['probing', 'dwelling', 'watching'] as const)))) return;
    await this.settle(this.people.plain('pause'));
    await this.world.pass(1000);
    if (this.rollout?.paused === null || this.rollout === null) return;
    const share = this.rollout.sharePercent;
    await this.world.pass(12_000);
    this.must(this.rollout?.sharePercent === share, 'a rollout that is paused went on');
    await this.settle(this.people.plain('resume'));
    await this.over('done');
  }

  async #byHand(): Promise<void> {
    await this.deploy(this.people.label('good'));
    if (!(await this.reach('dwelling'))) return;
    await this.settle(this.people.weight(33));
    await this.world.pass(10_000);
    const { candidate } = this.users();
    this.must(Math.abs(candidate - 0.33) < 0.001, `${candidate} of the users get the candidate, not 33%`);
    await this.settle(this.people.plain('resume'));
    await this.over('done');
  }

  async #scaled(): Promise<void> {
    await this.settle(this.people.apply());
    await this.world.pass(5000);
    await restRight(this.world);
  }

  async #removed(): Promise<void> {
    const { machine, proxy, live } = this.world;
    await this.settle(this.people.plain('remove'));
    const isGone = (): boolean => live.size === 0 && machine.slots.size === 0 && proxy.doors.size === 0;
    this.must(await this.world.until(isGone, 20_000), 'a removed service is still there after 20s');
    await this.deploy(this.people.label('good'));
    await this.over('done');
  }

  /** Nothing moves to a stable that is down by itself; a person's word always does. */
  async #stableDies(): Promise<void> {
    const was = this.stable() ?? '';
    await this.deploy(this.people.label('good'));
    if (!(await this.reach('dwelling'))) return;
    // Before its first share a candidate stands in for nobody.
    if (this.rollout?.sharePercent === 0) return;
    await this.settle(this.people.plain('pause'));
    this.world.machine.curse(was, null);
    await this.world.pass(6000);
    const { served } = this.users();
    this.must(
      served !== null && served !== was,
      `stable is down, a sound candidate is there, and users get ${served}`,
    );
    await this.settle(this.people.abort(null));
    await this.world.pass(BACK_WITHIN_MS);
    const isBack = this.world.proxy.wanted(SERVICE).every(({ slot }) => slot === this.slotOf(was));
    this.must(isBack, 'an abort does not move the traffic to a stable that is down');
    this.world.machine.lift(was);
    await this.over(null);
  }

  async #forgotten(): Promise<void> {
    const was = this.stable();
    this.world.proxy.restart(true);
    const isBack = await this.world.until(() => this.users().served === was, 8000);
    this.must(isBack, `a proxy that lost its state does not serve ${was} again after 8s`);
  }

  /** Aborted while it starts, and asked for again: the second one knows nothing of the first. */
  async #twice(): Promise<void> {
    const label = this.people.label('slow-start');
    await this.deploy(label);
    await this.world.pass(this.world.draw.whole(0, 12) * 100);
    await this.settle(this.people.abort(null));
    await this.over(null);
    await this.deploy(label);
    await this.over('done');
  }
}
