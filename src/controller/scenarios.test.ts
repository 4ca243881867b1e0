import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANA, World, WORLD_SPEC } from './world-fixture.ts';

const SLOW: typeof WORLD_SPEC = {
  ...WORLD_SPEC,
  policy: { ...WORLD_SPEC.policy, dwell: { atLeastMs: 60_000, atMostMs: 120_000 } },
};

/** v1 serves and v2 is at its first share, to stay there for a minute. */
async function dwelling(world: World): Promise<string> {
  await world.serving();
  const { rollout } = await world.deploy('v2', { spec: SLOW });
  await world.until('v2 has a share', () => world.service().rollout?.phase === 'dwelling');
  return rollout!.id;
}

function route(world: World) {
  return world.routes.get('shop')!;
}

test('an abort does not wait for a build that goes on', async () => {
  const world = new World();
  await world.serving();
  const built = Promise.withResolvers<void>();
  world.building.set('shop/v2', built.promise);
  await world.deploy('v2');
  await world.until('v2 is built', () => world.effects.includes('build shop/v2'));

  await world.controller.steer.abort({ service: 'shop', rollout: null }, ANA);

  await world.until('v2 is over', () => world.over('v2'), 5);
  world.building.delete('shop/v2');
  await world.deploy('v3');
  await world.until('v3 serves', () => world.over('v3') && world.service().stable === 'v3');
  built.resolve();
  await world.pass(2000);
  assert.equal(world.running.get('shop/green')?.workload.release.id, 'shop/v3');
});

test('a stop from before a restart of the machine does not end what was started after it', async () => {
  const world = new World();
  const id = await dwelling(world);
  world.inFlight.set('shop/green', 1);
  await world.deploy('v3', { supersede: true });
  await world.until('v2 is drained', () => world.service().rollout?.phase === 'retiring');

  world.restartMachine();
  world.inFlight.clear();
  await world.start();

  await world.until('v3 serves', () => world.over('v3') && world.service().stable === 'v3');
  assert.equal(world.controller.read.rollout(id).outcome, 'superseded');
  assert.equal(world.running.get('shop/green')?.workload.release.id, 'shop/v3');
});

test('a start from before a restart of the machine leaves no process in a free slot', async () => {
  const world = new World();
  await world.serving();
  const never = Promise.withResolvers<void>();
  world.building.set('shop/v2', never.promise);
  await world.deploy('v2');
  await world.until('v2 is built', () => world.effects.includes('build shop/v2'));

  world.restartMachine();
  world.building.clear();
  await world.start();
  await world.pass(5000);

  assert.equal(world.over('v2'), true);
  assert.deepEqual(
    [...world.running.values()].map(({ workload }) => workload.release.id),
    ['shop/v1'],
  );
});

test('a service whose machine restart could not be recorded is told at the next start', async () => {
  const world = new World();
  const id = await dwelling(world);
  world.restartMachine();
  world.killAt = { commit: world.commits + 1, when: 'before' };

  await world.start();
  await world.pass(1000);

  assert.equal(world.controller.read.rollout(id).cause, 'machine');
  await world.until('v1 runs again', () => world.running.has('shop/blue'));
});

test('what is superseded ends as such, and who deployed follows the new one', async () => {
  const world = new World();
  const v2 = await dwelling(world);

  const v3 = await world.deploy('v3', { supersede: true });
  const again = await world.deploy('v3', { supersede: true });
  const v4 = await world.deploy('v4', { supersede: true });

  assert.equal(v3.rollout?.label, 'v3');
  assert.equal(again.result, 'nothing');
  assert.equal(v4.rollout?.label, 'v4');
  await world.until('v4 is over', () => world.over('v4'));
  assert.equal(world.controller.read.rollout(v2).outcome, 'superseded');
  assert.equal(world.controller.read.rollout(v3.rollout.id).outcome, 'superseded');
  assert.equal(world.controller.read.rollout(v4.rollout.id).outcome, 'done');
});

test('a rollout that waits for its turn can be aborted by its own id', async () => {
  const world = new World();
  await dwelling(world);
  const v3 = await world.deploy('v3', { supersede: true });

  const answer = await world.controller.steer.abort({ service: 'shop', rollout: v3.rollout!.id }, ANA);

  assert.equal(answer.result, 'done');
  await world.until('v2 is over', () => world.over('v2'));
  assert.equal(world.controller.read.rollout(v3.rollout!.id).outcome, 'aborted');
  assert.equal(world.service().stable, 'v1');
});

test('a full disk does not block the way back: traffic moves at once and is recorded when there is room', async () => {
  const world = new World();
  const id = await dwelling(world);
  world.disk.isFull = true;

  await assert.rejects(
    world.controller.steer.abort({ service: 'shop', rollout: null }, ANA),
    (error: Error & { code?: string }) =>
      error.code === 'JOURNAL_FULL' && /sent back now/u.test(error.message),
  );
  await world.pass(100);
  assert.equal(route(world).split, null);
  assert.equal(route(world).serve, 'blue');

  await world.pass(2000);
  world.disk.isFull = false;
  await world.until('it is over', () => world.over('v2'));
  assert.equal(world.controller.read.rollout(id).outcome, 'aborted');
});

test('a harmful candidate goes back with a full disk too, and a kill before there is room brings nothing forward', async () => {
  const world = new World();
  const id = await dwelling(world);
  world.disk.isFull = true;
  world.errorPercent.set('shop/v2', 30);
  await world.until('traffic is back', () => route(world).split === null);
  world.kill();
  world.disk.isFull = false;

  await world.start();

  await world.until('it is over', () => world.over('v2'));
  assert.equal(route(world).split, null);
  assert.equal(world.controller.read.rollout(id).outcome, 'aborted');
  assert.match(world.controller.read.rollout(id).reason ?? '', /could not be recorded/u);
});

test('an abort that could not be recorded is not taken for the route that the next controller asks for', async () => {
  const world = new World();
  const id = await dwelling(world);
  world.disk.isFull = true;
  await assert.rejects(world.controller.steer.abort({ service: 'shop', rollout: null }, ANA), {
    code: 'JOURNAL_FULL',
  });
  await world.pass(100);
  world.kill();
  world.disk.isFull = false;
  await world.start();

  // Before the new controller has looked at the proxy.
  await world.controller.steer.weight({ service: 'shop', percent: 40, beyondPlan: false }, ANA);

  await world.until('it is over', () => world.over('v2'));
  assert.equal(world.controller.read.rollout(id).outcome, 'aborted');
  assert.equal(route(world).split, null);
});

test('a way back of a controller that was killed does not take the next rollout back when it is late', async () => {
  const world = new World();
  await dwelling(world);
  const arrival = Promise.withResolvers<void>();
  world.disk.isFull = true;
  world.routesWait = arrival.promise;
  await assert.rejects(world.controller.steer.abort({ service: 'shop', rollout: null }, ANA), {
    code: 'JOURNAL_FULL',
  });
  world.kill();
  world.disk.isFull = false;
  world.routesWait = null;
  await world.start();
  await world.controller.steer.abort({ service: 'shop', rollout: null }, ANA);
  await world.until('it is over', () => world.over('v2'));
  const { rollout } = await world.deploy('v3');
  await world.until('v3 has a share', () => world.service().rollout?.phase === 'dwelling');

  arrival.resolve();

  await world.until('v3 is over', () => world.over('v3'));
  assert.equal(world.controller.read.rollout(rollout!.id).outcome, 'done');
});

test('a journal that is behind the proxy catches up before its routes count as proven', async () => {
  const world = new World();
  await world.serving();
  world.routes.set('shop', { ...route(world), revision: 50, serve: null });

  await world.until('the proxy serves v1 again', () => route(world).serve === 'blue');

  assert.ok(route(world).revision > 50);
});

test('the same seconds give the same verdict after a restart', async () => {
  const [live, restarted] = [new World(), new World()];
  const ids = await Promise.all([dwelling(live), dwelling(restarted)]);
  for (const world of [live, restarted]) {
    world.errorPercent.set('shop/v1', 1);
    world.errorPercent.set('shop/v2', 2);
    world.lost = {
      fromSecond: Math.floor(world.time.nowMs / 1000) + 3,
      toSecond: Math.floor(world.time.nowMs / 1000) + 4,
    };
    await world.pass(12_000);
  }
  restarted.kill();
  await restarted.start();
  // To the end of a second, so that both have taken in the one before it.
  for (const world of [live, restarted]) await world.pass(3900 - (world.time.nowMs % 1000));

  const [a, b] = [live, restarted].map((world, index) => world.controller.read.rollout(ids[index]!).verdict);
  assert.ok(a !== null && a!.judgedSecondsInStep > 8, JSON.stringify(a));
  assert.deepEqual(b, a);
});

test('the evidence of a decision survives a restart that comes before the end', async () => {
  const world = new World();
  const id = await dwelling(world);
  world.errorPercent.set('shop/v2', 30);
  world.inFlight.set('shop/green', 1);
  await world.until('it goes back', () => world.service().rollout?.phase === 'retiring');

  world.kill();
  await world.start();
  world.inFlight.clear();
  await world.until('it is over', () => world.over('v2'));

  assert.ok(['harmful', 'severe'].includes(world.controller.read.rollout(id).verdict?.overall ?? ''));
});

test('a pause of the controller for minutes is caught up with second by second', async () => {
  const world = new World();
  const id = await dwelling(world);
  world.kill();
  const { time } = world;
  for (let ms = 0; ms < 40_000; ms += 1000) time.move(1000);

  await world.pass(2000);

  const view = world.controller.read.rollout(id);
  assert.equal(view.phase, 'dwelling');
  assert.ok((view.verdict?.judgedSecondsInStep ?? 0) >= 38, `${view.verdict?.judgedSecondsInStep}`);
});

test('a clock that jumps an hour ahead does not make a version that starts overdue', async () => {
  const world = new World();
  await world.serving();
  world.sick.add('shop/v2');
  await world.deploy('v2');
  await world.until('it is probed', () => world.service().rollout?.phase === 'probing');
  await world.pass(1000);

  world.time.nowMs += 3_600_000;
  await world.pass(2000);
  assert.equal(world.service().rollout?.phase, 'probing');

  await world.until('it is never ready', () => world.over('v2'), 90);
});

test('a rollout that is paused while it is probed waits for the person, healthy as it is', async () => {
  const world = new World();
  await world.serving();
  world.sick.add('shop/v2');
  await world.deploy('v2');
  await world.until('it is probed', () => world.service().rollout?.phase === 'probing');
  await world.controller.steer.pause('shop', ANA);
  world.sick.clear();

  await world.pass(120_000);
  assert.equal(world.service().rollout?.phase, 'probing');

  await world.controller.steer.resume('shop', ANA);
  await world.until('it goes on', () => world.over('v2'));
  assert.equal(world.service().stable, 'v2');
});

test('a way back to what crashed long ago is not undone by those crashes', async () => {
  const world = new World();
  await world.serving();
  await world.deploy('v2');
  await world.until('v2 serves', () => world.over('v2'));
  world.running.get('shop/blue')!.crashes = 5;

  await world.controller.steer.rollback({ service: 'shop', label: null }, ANA);
  await world.until('v1 serves', () => world.service().rollout === null);

  assert.equal(world.service().stable, 'v1');
});

test('asking twice for a way back does not bring the bad version back', async () => {
  const world = new World();
  await world.serving();
  await world.deploy('v2');
  await world.until('v2 serves', () => world.over('v2'));

  await world.controller.steer.rollback({ service: 'shop', label: null }, ANA);
  const again = await world.controller.steer.rollback({ service: 'shop', label: null }, ANA);
  await world.until('it is over', () => world.service().rollout === null);

  assert.equal(again.result, 'nothing');
  await assert.rejects(
    world.controller.steer.rollback({ service: 'shop', label: null }, ANA),
    (error: Error & { code?: string }) => error.code === 'NOTHING_TO_GO_BACK_TO',
  );
  assert.equal(world.service().stable, 'v1');
});

test('a kept version that is sick fails its gate in bounded time, and what serves goes on', async () => {
  const world = new World();
  await world.serving();
  await world.deploy('v2');
  await world.until('v2 serves', () => world.over('v2'));
  world.sick.add('shop/v1');
  await world.pass(1000);

  const { rollout } = await world.controller.steer.rollback({ service: 'shop', label: null }, ANA);
  await world.until('it is over', () => world.service().rollout === null, 90);

  assert.equal(world.controller.read.rollout(rollout!.id).outcome, 'never-ready');
  assert.equal(world.service().stable, 'v2');
  assert.equal(route(world).serve, 'green');
});

test('a deploy does not take the slot of what stands in for a stable version that is down', async () => {
  const world = new World();
  await world.serving();
  await world.deploy('v2');
  await world.until('v2 serves', () => world.over('v2'));
  world.sick.add('shop/v2');
  await world.until('v2 is down', () => world.service().slots.green.healthy === 0);

  for (const supersede of [false, true]) {
    await assert.rejects(world.deploy('v3', { supersede }), { code: 'KEPT_SERVES' });
  }
  assert.equal(world.service().slots.blue.role, 'kept');

  await world.controller.steer.rollback({ service: 'shop', label: null }, ANA);
  await world.until('v1 serves', () => world.service().rollout === null);
  assert.equal(world.service().stable, 'v1');
  await world.deploy('v3');
  await world.until('v3 serves', () => world.over('v3'));
  assert.equal(world.service().stable, 'v3');
});

test('a cold way back with another secret says so and goes on', async () => {
  const world = new World();
  await world.serving();
  await world.deploy('v2');
  await world.until('v1 is given up', () => world.service().slots.blue.role === 'free');
  world.digest = 'digest-2';

  const { rollout } = await world.controller.steer.rollback({ service: 'shop', label: 'v1' }, ANA);
  await world.until('v1 serves', () => world.service().stable === 'v1');

  assert.match(world.said(rollout!.id), /a secret of v1 has changed/u);
});

test('stable down and a harmful candidate: nothing moves by itself, people are told, and it moves once stable is back', async () => {
  const world = new World();
  await dwelling(world);
  world.sick.add('shop/v1');
  await world.pass(1000);
  world.sick.add('shop/v2');
  await world.pass(5000);
  assert.equal(world.service().rollout?.paused, true);
  assert.equal(world.service().condition, 'stable is down');
  assert.match(world.service().rollout?.waiting ?? '', /stable is down/u);

  world.sick.delete('shop/v1');

  await world.until('it goes back', () => world.over('v2'));
  assert.equal(world.service().stable, 'v1');
});

test('a refused deploy changes nothing, the policy included', async () => {
  const world = new World();
  await dwelling(world);
  const before = world.disk.aggregates.get('shop')!.state;

  await assert.rejects(world.deploy('v3'), /under way/u);

  assert.equal(world.disk.aggregates.get('shop')!.state, before);
});

test('deploying what serves with another policy takes the policy over and says so', async () => {
  const world = new World();
  await world.serving();

  const answer = await world.deploy('v1', { spec: SLOW });
  const again = await world.deploy('v1', { spec: SLOW });

  assert.match(answer.message, /applied: policy; v1 is what serves already/u);
  assert.equal(again.result, 'nothing');
});

test('a service appears together with its first rollout, or not at all', async () => {
  for (const when of ['before', 'after'] as const) {
    const world = new World();
    await world.start();
    world.killAt = { commit: world.commits + 1, when };

    await world.deploy('v1');

    assert.equal(world.service().rollout?.label, 'v1');
  }
});

test('a request with a key has its effect once, also when the answer was never written', async () => {
  const world = new World();
  await world.serving();
  const id = world.controller.read.history({ service: 'shop', limit: 1 })[0]!.id;
  const once = { key: 'key-00001', request: 'the digest' };
  await world.deploy('v2');
  await world.until('v2 serves', () => world.over('v2'));
  world.killAt = { commit: world.commits + 1, when: 'after' };
  await assert.rejects(world.controller.steer.retry(id, { ...ANA, once }));

  await world.start();

  const kept = world.answers.get(once.key);
  assert.equal(kept?.status, 200);
  assert.equal(kept?.request, 'the digest');
  assert.deepEqual(
    (kept?.body as { rollout: unknown } | undefined)?.rollout,
    world.controller.read.rollout(world.service().rollout!.id),
  );
});

test('a proxy that does not answer holds up the stop of a candidate no longer than its drain', async () => {
  const world = new World();
  await dwelling(world);
  await world.controller.steer.abort({ service: 'shop', rollout: null }, ANA);
  world.inFlight.set('shop/green', 1);
  await world.until('it is drained', () => world.service().rollout?.phase === 'retiring');
  world.proxyDown = true;

  await world.until('v2 is stopped', () => !world.running.has('shop/green'), 90);

  assert.equal(world.over('v2'), true);
});

test('a way back that the proxy does not take is said, tried on, and ends as unproven', async () => {
  const world = new World();
  const id = await dwelling(world);
  world.proxyDown = true;
  await world.controller.steer.abort({ service: 'shop', rollout: null }, ANA);
  await world.pass(6000);
  assert.equal(world.controller.read.rollout(id).exitCode, 17);

  world.proxyDown = false;

  await world.until('it is over', () => world.over('v2'));
  assert.equal(route(world).serve, 'blue');
  assert.equal(world.controller.read.rollout(id).outcome, 'unproven');
});

test('one service that fails to be looked at does not count another one twice', async () => {
  const world = new World();
  const id = await dwelling(world);
  const other = {
    ...WORLD_SPEC,
    name: 'blog',
    door: { ...WORLD_SPEC.door, listen: { address: '127.0.0.1', port: 8081 } },
  };
  await world.deploy('b1', { spec: other });
  await world.pass(3000);
  world.disk.isFull = true;
  world.sick.add('blog/b1');
  await world.pass(3000);
  world.disk.isFull = false;
  await world.pass(3000);

  const { verdict, traffic } = world.controller.read.rollout(id);
  const seconds = verdict!.judgedSecondsInStep;
  assert.ok(
    traffic!.candidate.requests <= (seconds + 2) * 50,
    `${traffic!.candidate.requests} in ${seconds}s`,
  );
});

test('removing takes processes, door and route away; the name can be used again', async () => {
  const world = new World();
  await world.serving();

  await world.controller.steer.remove('shop', ANA);
  await world.until('it is gone', () => world.isGone());
  assert.equal(world.running.size, 0);
  assert.equal(world.doors.size, 0);

  await world.deploy('v5');
  await world.until('v5 serves', () => world.service().stable === 'v5');
});

test('plan says what would start where, what stops when, and what becomes cold', async () => {
  const world = new World();
  await world.serving();
  await world.deploy('v2');
  await world.until('v2 serves', () => world.over('v2'));

  const ask = { spec: WORLD_SPEC, label: 'v3', artifactDigest: 'digest of v3' };
  const plan = await world.controller.steer.plan(ask, ANA);

  assert.match(plan.lines[0]!, /^\+ start {2}2 × v3 in blue \(127\.0\.0\.1:\d+ :\d+\)$/u);
  assert.match(plan.lines[1]!, /^- stop {3}2 × v2 in green, 10s after the end/u);
  assert.deepEqual(plan.warnings, ['the way back to v1 becomes cold: its slot is taken']);
  assert.equal(world.service().slots.blue.role, 'kept');
});

test('the files of an aborted version stay, and it can be tried again', async () => {
  const world = new World();
  const id = await dwelling(world);
  await world.controller.steer.abort({ service: 'shop', rollout: null }, ANA);
  await world.until('v2 is over', () => world.over('v2'));

  await world.pass(61_000);
  assert.deepEqual([...world.filesKept].sort(), ['shop/v1', 'shop/v2']);

  const { rollout } = await world.controller.steer.retry(id, ANA);
  assert.equal(rollout?.label, 'v2');
});

test('a proxy that is away for a while does not fail a start', async () => {
  const world = new World();
  await world.serving();
  world.proxyDown = true;
  const { rollout } = await world.deploy('v2');
  await world.pass(20_000);
  assert.equal(world.service().rollout?.phase, 'starting');

  world.proxyDown = false;

  await world.until('v2 is over', () => world.over('v2'));
  assert.equal(world.controller.read.rollout(rollout!.id).outcome, 'done');
});

test('a proxy that stays away fails a start once the time to become ready is over', async () => {
  const world = new World();
  await world.serving();
  world.proxyDown = true;
  const release = { ...WORLD_SPEC.release, readyWithinMs: 10_000 };
  const { rollout } = await world.deploy('v2', { spec: { ...WORLD_SPEC, release } });

  await world.until('v2 is over', () => world.over('v2'));

  const { outcome, reason } = world.controller.read.rollout(rollout!.id);
  assert.equal(outcome, 'never-ready');
  assert.equal(reason, 'the proxy does not answer (tried for 10s)');
  assert.ok(!world.effects.includes('start shop/v2 in green'));
});

test('an abort ends a start that waits for the proxy', async () => {
  const world = new World();
  await world.serving();
  world.proxyDown = true;
  const { rollout } = await world.deploy('v2');
  await world.pass(3000);

  await world.controller.steer.abort({ service: 'shop', rollout: null }, ANA);

  await world.until('v2 is over', () => world.over('v2'));
  world.proxyDown = false;
  await world.pass(10_000);
  assert.equal(world.controller.read.rollout(rollout!.id).outcome, 'aborted');
  assert.ok(!world.effects.includes('start shop/v2 in green'));
});

test('a start that an abort overtook does not say how many replicas the next one has', async () => {
  const world = new World();
  await world.serving();
  const built = Promise.withResolvers<void>();
  world.building.set('shop/v2', built.promise);
  await world.deploy('v2');
  await world.until('v2 is built', () => world.effects.includes('build shop/v2'));
  await world.controller.steer.abort({ service: 'shop', rollout: null }, ANA);
  await world.until('it is over', () => world.service().rollout === null);
  const spec = { ...WORLD_SPEC, scale: { ...WORLD_SPEC.scale, replicas: 3 } };
  await world.controller.steer.apply({ spec, dryRun: false }, ANA);
  await world.deploy('v2', { spec });

  built.resolve();

  await world.until('v2 serves', () => world.service().stable === 'v2');
  assert.equal(world.service().slots.green.replicas, 3);
  assert.deepEqual(route(world).replicas, { blue: 3, green: 3 });
});

test('a start that another boot made void does not stand before the one that follows it', async () => {
  const world = new World();
  await world.serving();
  world.building.set('shop/v2', new Promise(() => undefined));
  world.inFlight.set('shop/green', 1);
  await world.deploy('v2');
  await world.until('v2 is built', () => world.effects.includes('build shop/v2'));
  const { rollout } = await world.deploy('v3', { supersede: true });
  assert.notEqual(world.service().rollout?.label, 'v3');

  world.restartMachine();

  await world.until('v3 is over', () => world.over('v3'));
  assert.equal(world.controller.read.rollout(rollout!.id).outcome, 'done');
});
