import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World, WORLD_SPEC } from './world-fixture.ts';
import type { ServiceSpec } from '../release/service.ts';

const BLUE_GREEN: ServiceSpec = {
  ...WORLD_SPEC,
  policy: { ...WORLD_SPEC.policy, strategy: 'blue-green', stepsPercent: [100] },
};

/** What is true at the end of a story, whoever was killed in it. */
type End = {
  readonly stable: string | null;
  readonly outcomes: readonly string[];
  readonly running: readonly string[];
};

async function story(spec: ServiceSpec, bad: boolean, world: World): Promise<End> {
  await world.start();
  await world.deploy('v1', { spec });
  await world.until('v1 serves', () => world.over('v1'));
  if (bad) world.errorPercent.set('shop/v2', 20);
  await world.deploy('v2', { spec });
  await world.until('v2 is over', () => world.over('v2'));
  await world.until('what was kept is given up', () => world.running.size === 1);
  const history = world.controller.read.history({ service: 'shop', limit: 10 });
  return {
    stable: world.service().stable,
    outcomes: history.map((view) => `${view.label} ${view.outcome}`),
    running: [...world.running.values()].map(({ workload }) => workload.release.id),
  };
}

for (const [name, spec, bad] of [
  ['a canary', WORLD_SPEC, false],
  ['a canary that is taken back', WORLD_SPEC, true],
  ['a blue-green switch', BLUE_GREEN, false],
] as const) {
  test(`${name} ends the same, wherever the controller is killed`, async () => {
    const unkilled = new World();
    const wanted = await story(spec, bad, unkilled);

    assert.ok(unkilled.commits > 10, `${unkilled.commits} commits`);
    for (let commit = 1; commit <= unkilled.commits; commit += 1) {
      for (const when of ['before', 'after'] as const) {
        const world = new World();
        world.killAt = { commit, when };
        assert.deepEqual(await story(spec, bad, world), wanted, `killed ${when} commit ${commit}`);
      }
    }
  });
}
