import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServiceSpec } from '../release/service.ts';
import { ANA, World, WORLD_SPEC } from './world-fixture.ts';

const place = (port: number, pathPrefix = '') => ({ host: '127.0.0.1', port, pathPrefix });

const OUTSIDE: ServiceSpec = {
  ...WORLD_SPEC,
  release: { ...WORLD_SPEC.release, run: null },
  scale: { replicas: 2, maxReplicas: 2 },
  targets: { blue: [place(7001), place(7002)], green: [place(7001, '/canary')] },
};
const ADOPTING: ServiceSpec = { ...WORLD_SPEC, current: place(7000) };
const SLOW: ServiceSpec = {
  ...ADOPTING,
  policy: { ...ADOPTING.policy, dwell: { atLeastMs: 60_000, atMostMs: 120_000 } },
};

async function outside(...labels: readonly string[]): Promise<World> {
  const world = new World();
  await world.start();
  for (const label of labels) {
    await world.deploy(label, { spec: OUTSIDE });
    await world.until(`${label} serves`, () => world.over(label) && world.service().stable === label);
  }
  return world;
}

async function adopting(...labels: readonly string[]): Promise<World> {
  const world = new World();
  await world.start();
  for (const label of labels) {
    await world.deploy(label, { spec: ADOPTING });
    await world.until(`${label} serves`, () => world.over(label) && world.service().stable === label);
  }
  return world;
}

const plan = (world: World, spec: ServiceSpec, label: string) =>
  world.controller.steer.plan({ spec, label, artifactDigest: `digest of ${label}` }, ANA);
const rollback = (world: World, label: string | null = null) =>
  world.controller.steer.rollback({ service: 'shop', label }, ANA);
const apply = (world: World, targets: ServiceSpec['targets'], dryRun = false) =>
  world.controller.steer.apply({ spec: { ...OUTSIDE, targets }, dryRun }, ANA);

describe('targets', () => {
  test('a release is a label: it stands in the other slot, with as many replicas as that has places', async () => {
    const world = await outside('v1', 'v2');

    const { blue, green } = world.service().slots;
    assert.deepEqual(
      [blue.label, blue.replicas, blue.addresses],
      ['v1', 2, ['127.0.0.1:7001', '127.0.0.1:7002']],
    );
    assert.deepEqual([green.label, green.replicas, green.addresses], ['v2', 1, ['127.0.0.1:7001/canary']]);
    const id = world.controller.read.history({ service: 'shop', limit: 1 })[0]!.id;
    assert.match(world.said(id), /v2 stands in green: http:\/\/127\.0\.0\.1:7001\/canary/u);
  });

  test('the plan says that nothing is started or stopped, and that an origin is common to both', async () => {
    const world = await outside('v1');

    const { lines, warnings } = await plan(world, OUTSIDE, 'v2');

    assert.deepEqual(lines.slice(0, 2), [
      '+ take   v2 as what stands in green (http://127.0.0.1:7001/canary); nothing is started',
      '- leave  v1 in blue (http://127.0.0.1:7001, http://127.0.0.1:7002), a switch away for 10s after the end; nothing is stopped',
    ]);
    assert.deepEqual(warnings, [
      'blue and green share 127.0.0.1:7001: one application, so that health and drain are common to both; if it stops, both do',
    ]);
  });

  test('a bad one is taken back, and it is not said that it was stopped', async () => {
    const world = await outside('v1');
    world.errorPercent.set('shop/v2', 50);

    const { rollout } = await world.deploy('v2', { spec: OUTSIDE });
    await world.until('v2 is over', () => world.over('v2'));

    assert.equal(world.service().stable, 'v1');
    assert.match(world.said(rollout!.id), /v2 gets nothing more; it runs on where it is/u);
  });

  test('the way back is a switch while it is kept, and a fresh gate later, as long as nothing else came there', async () => {
    const world = await outside('v1', 'v2');
    await rollback(world);
    await world.until('v1 serves', () => world.service().stable === 'v1' && world.service().rollout === null);
    await world.until('v2 is given up', () => world.service().slots.green.role === 'free');

    await rollback(world, 'v2');

    await world.until('v2 serves', () => world.service().stable === 'v2');
    assert.equal(world.service().slots.green.label, 'v2');
  });

  test('users are not sent to another version under the name of one that stood there before', async () => {
    const world = await outside('v1', 'v2', 'v3');
    await world.until('v2 is given up', () => world.service().slots.green.role === 'free');

    await assert.rejects(
      rollback(world, 'v1'),
      /v1 of shop does not stand in green: v2 was the last one there/u,
    );

    assert.equal(world.service().stable, 'v3');
    assert.equal(world.service().rollout, null);
  });

  test('the idle slot’s targets change by apply, those that serve only at the end of their list', async () => {
    const world = await outside('v1');
    const { blue, green } = OUTSIDE.targets!;

    const preview = await apply(world, { blue, green: [place(7003)] }, true);
    assert.deepEqual(preview.changes, [
      'targets.green: [http://127.0.0.1:7001/canary] -> [http://127.0.0.1:7003]',
    ]);
    await apply(world, { blue, green: [place(7003)] });
    await assert.rejects(apply(world, { blue: [place(7009)], green }), /blue serves users/u);
    await apply(world, { blue: [place(7001), place(7002), place(7004)], green: [place(7003)] });
    await world.pass(1000);

    const { slots } = world.service();
    assert.deepEqual([slots.blue.replicas, slots.green.addresses], [3, ['127.0.0.1:7003']]);
    assert.equal(route(world).replicas.blue, 3);
  });

  test('a deploy with other targets than those that are applied is refused', async () => {
    const world = await outside('v1');
    const spec = { ...OUTSIDE, targets: { ...OUTSIDE.targets!, green: [place(7003)] } };

    await assert.rejects(world.deploy('v2', { spec }), /targets\.green.*run "bascule apply shop" first/u);
  });

  test('targets stay while a rollout is under way', async () => {
    const world = await outside('v1');
    await world.deploy('v2', { spec: { ...OUTSIDE, policy: SLOW.policy } });

    await assert.rejects(apply(world, { ...OUTSIDE.targets!, green: [place(7003)] }), /is under way/u);
  });

  test('a service does not pass from Bascule to somebody else', async () => {
    const world = new World();
    await world.serving();

    await assert.rejects(
      apply(world, OUTSIDE.targets),
      /is run by Bascule, and the file has it run by somebody else/u,
    );
  });

  test('there is no output of what somebody else runs', async () => {
    const world = await outside('v1');
    const { signal } = new AbortController();
    const query = {
      service: 'shop',
      slot: null,
      label: null,
      candidate: false,
      tail: 5,
      follow: false,
      signal,
    };

    assert.throws(() => world.controller.read.logs(query), { code: 'LOGS_ELSEWHERE' });
  });

  test('a restart of the machine leaves the way back open: it may be another machine', async () => {
    const world = await outside('v1');
    await world.deploy('v2', { spec: { ...OUTSIDE, policy: { ...OUTSIDE.policy, keepOldMs: 3_600_000 } } });
    await world.until('v2 serves', () => world.over('v2'));

    world.restartMachine();
    await world.start();
    await world.until('v2 serves', () => world.service().condition === 'serving');

    assert.equal(world.service().slots.blue.role, 'kept');
    await rollback(world);
    await world.until('v1 serves', () => world.service().stable === 'v1');
  });
});

describe('current', () => {
  test('the first deploy is planned against it, and says so', async () => {
    const world = await adopting();

    const { lines, warnings, from } = await plan(world, ADOPTING, 'v1');

    assert.equal(from, 'current');
    assert.match(lines[0]!, /^\+ start {2}2 × v1 in green/u);
    assert.match(
      lines[1]!,
      /^- leave {2}current in blue \(http:\/\/127\.0\.0\.1:7000\), a switch away for 10s/u,
    );
    assert.match(lines[2]!, /^25% → 50% → 100%/u);
    assert.match(warnings[0]!, /http:\/\/127\.0\.0\.1:7000 is adopted as what serves today/u);
    assert.deepEqual(await world.controller.read.services(), []);
  });

  test('what does not answer is not adopted, and nothing is begun', async () => {
    const world = await adopting();
    world.deadPorts.add(7000);

    await assert.rejects(world.deploy('v1', { spec: ADOPTING }), { code: 'CURRENT_DOWN' });

    assert.deepEqual(await world.controller.read.services(), []);
  });

  test('a bad first version goes back to it', async () => {
    const world = await adopting();
    world.errorPercent.set('shop/v1', 50);

    await world.deploy('v1', { spec: ADOPTING });
    await world.until('v1 is over', () => world.over('v1'));

    assert.equal(world.service().stable, 'current');
    assert.equal(world.service().users, '100% on current');
    assert.equal(world.controller.read.history({ service: 'shop', limit: 1 })[0]?.outcome, 'rolled-back');
  });

  test('so does an aborted one', async () => {
    const world = await adopting();
    await world.deploy('v1', { spec: SLOW });
    await world.until('v1 has a share', () => world.service().rollout?.phase === 'dwelling');

    await world.controller.steer.abort({ service: 'shop', rollout: null }, ANA);
    await world.until('v1 is over', () => world.over('v1'));

    assert.equal(world.service().users, '100% on current');
    assert.deepEqual(
      world.controller.read
        .history({ service: 'shop', limit: 5 })
        .map(({ label, exitCode }) => [label, exitCode]),
      [['v1', 11]],
    );
  });

  test('a rollback leads to it, and never back to what was left', async () => {
    const world = await adopting('v1');

    await rollback(world);
    await world.until('current serves', () => world.service().stable === 'current');
    await world.until('it is over', () => world.service().rollout === null);

    await assert.rejects(rollback(world), /left by a rollback \(v1\)/u);
  });

  test('given up, its slot is an ordinary one, and a rollback to it works while it answers', async () => {
    const world = await adopting('v1');
    const warned = await plan(world, ADOPTING, 'v2');
    assert.match(
      warned.warnings[0]!,
      /way back to current becomes cold: its slot is taken\. Bascule cannot start it again: a rollback to it works while http:\/\/127\.0\.0\.1:7000 answers/u,
    );
    const { rollout } = await world.deploy('v2', { spec: ADOPTING });
    await world.until('v2 serves', () => world.over('v2') && world.service().stable === 'v2');
    assert.match(world.said(rollout!.id), /current in blue is given up; .*Bascule cannot start it/u);
    assert.doesNotMatch(world.service().slots.blue.addresses.join(), /7000/u);

    await rollback(world, 'current');

    await world.until('current serves', () => world.service().stable === 'current');
    assert.deepEqual(world.service().slots.green.addresses, ['127.0.0.1:7000']);
  });

  test('gone, a rollback to it never becomes ready, and what serves stays', async () => {
    const world = await adopting('v1', 'v2');
    world.sick.add('shop/current');

    const { rollout } = await rollback(world, 'current');
    await world.until('it is over', () => world.service().rollout === null, 200);

    assert.equal(world.controller.read.rollout(rollout!.id).outcome, 'never-ready');
    assert.equal(world.service().stable, 'v2');
  });

  test('a rollback without a name leads to the last version, not to it', async () => {
    const world = await adopting('v1', 'v2');

    const { rollout } = await rollback(world);

    assert.equal(rollout?.label, 'v1');
  });

  test('it outlives the controller at every commit, and the machine', async () => {
    for (let commit = 1; commit <= 12; commit += 1) {
      const world = await adopting();
      world.killAt = { commit: world.commits + commit, when: commit % 2 === 0 ? 'before' : 'after' };

      await world.deploy('v1', { spec: ADOPTING });
      await world.until(`v1 serves after a kill at ${commit}`, () => world.over('v1'));

      assert.deepEqual([world.service().stable, world.service().slots.blue.label], ['v1', 'current']);
    }
    const world = await adopting();
    await world.deploy('v1', { spec: SLOW });
    await world.until('v1 has a share', () => world.service().rollout?.phase === 'dwelling');
    world.restartMachine();
    await world.start();
    await world.until('current serves', () => world.service().condition === 'serving');
    assert.equal(world.service().users, '100% on current');
  });

  test('taken out of the file later, it changes nothing', async () => {
    const world = await adopting('v1');

    const { result } = await world.controller.steer.apply({ spec: WORLD_SPEC, dryRun: false }, ANA);

    assert.equal(result, 'nothing');
    await rollback(world);
    await world.until('current serves', () => world.service().stable === 'current');
  });
});

function route(world: World) {
  return world.routes.get('shop')!;
}
