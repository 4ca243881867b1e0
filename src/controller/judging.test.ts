import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JudgeQuery } from './judge-view.ts';
import { ANA, World, WORLD_SPEC } from './world-fixture.ts';

const RECORDED: JudgeQuery = { rules: 'recorded', changes: [] };
const TODAY: JudgeQuery = { rules: 'today', changes: [] };

/** v1 serves, and v2 was rolled out and is over. */
async function rolledOut(errorPercent: number): Promise<{ world: World; id: string }> {
  const world = new World();
  world.errorPercent.set('shop/v2', errorPercent);
  await world.serving();
  const { rollout } = await world.deploy('v2');
  await world.until('v2 is over', () => world.over('v2'));
  return { world, id: rollout!.id };
}

test('a rollout that ended is judged the same once more, word by word', async () => {
  const { world, id } = await rolledOut(30);

  const view = await world.controller.judge.rollout(id, RECORDED);

  assert.equal(view.rollout.outcome, 'rolled-back');
  assert.equal(view.sameVerdict, true);
  assert.ok(view.compared > 0, 'the decision itself is among what is compared');
  assert.deepEqual(view.verdict, view.rollout.verdict);
  assert.equal(view.stages[0]?.would?.act, 'rollback');
  assert.equal(await world.judgeAgain(), 1);
});

test('how it came to its verdict ends with that verdict, and its requests are all there', async () => {
  const { world, id } = await rolledOut(30);
  const { verdict, traffic } = world.controller.read.rollout(id);

  const { points, everySeconds } = await world.controller.judge.series(id);

  assert.equal(everySeconds, 1);
  const judged = points.filter(({ overall }) => overall !== null);
  const [last, of] = [judged.at(-1)!, verdict!.checks[0]!];
  assert.equal(last.overall, verdict!.overall);
  assert.deepEqual(last.checks[0], {
    name: of.name,
    unit: of.unit,
    candidate: of.candidate,
    stable: of.stable,
    difference: of.difference,
    interval: of.interval,
    limit: of.limit,
    state: of.state,
  });
  const requests = points.reduce((sum, { candidate }) => sum + candidate.requests, 0);
  assert.equal(requests, traffic!.candidate.requests);
  assert.equal(world.controller.judge.series(id), world.controller.judge.series(id), 'worked out once');
});

test('a version that was promoted is judged the same through its watch', async () => {
  const { world, id } = await rolledOut(0);

  const view = await world.controller.judge.rollout(id, TODAY);

  assert.equal(view.rollout.outcome, 'done');
  assert.deepEqual([view.sameVerdict, view.rules.same, view.rules.which], [true, true, 'today']);
  assert.equal(view.watch?.overall, 'no-data', 'three seconds before the switch are no minutes');
  assert.deepEqual(
    view.stages.map((stage) => [stage.sharePercent, stage.would?.act]),
    [
      [25, 'advance'],
      [50, 'advance'],
      [100, 'done'],
    ],
  );
});

test('a limit that is wide enough would have let it through, and what is not recorded is said', async () => {
  const { world, id } = await rolledOut(4);
  assert.equal(world.controller.read.rollout(id).cause, 'harmful');

  const changes = ['error-rate=20pp', 'when-worse=rollback'];
  const view = await world.controller.judge.rollout(id, { rules: 'recorded', changes });

  assert.deepEqual([view.sameVerdict, view.rules.which, view.rules.same], [null, 'changed', false]);
  assert.match(
    view.sentence,
    /would not have gone back .*; what would have come after it ended is not recorded/,
  );
  assert.match(view.rules.lines.join('\n'), /error-rate \+20pp/);
});

test('a limit that is narrow enough would have taken it back', async () => {
  const { world, id } = await rolledOut(4);
  const loose = {
    ...WORLD_SPEC.policy,
    judge: { checks: [{ kind: 'error-rate', worseByPp: 20 } as const], warmUpMs: 0 },
  };
  world.spec = { ...WORLD_SPEC, policy: loose };
  world.errorPercent.set('shop/v3', 4);
  const { rollout } = await world.deploy('v3');
  await world.until('v3 is over', () => world.over('v3'));
  assert.equal(rollout!.label, 'v3');
  assert.equal(world.controller.read.rollout(rollout!.id).outcome, 'done');

  const view = await world.controller.judge.rollout(rollout!.id, {
    rules: 'today',
    changes: ['error-rate=0.5pp'],
  });

  assert.match(
    view.sentence,
    /^v3 would have gone back \d+s into 25%, after \d+ requests there: .*; in fact: done/,
  );
  const before = await world.controller.judge.rollout(id, TODAY);
  assert.equal(before.rules.same, false, 'the rules of the service have changed since');
});

test('evidence outlives compaction and a restart, for as long as its rollout', async () => {
  const { world, id } = await rolledOut(30);
  await world.pass(61_000);
  const { samples } = world;
  const all = { fromSecond: 0, toSecond: 2 ** 40 };
  assert.notEqual(await samples.readEvidence({ rollout: id, ...all }), null);
  await samples.compact({
    secondsBefore: 2 ** 40,
    minutesBefore: 2 ** 40,
    maxBytes: 1,
    maxEvidenceBytes: 1e9,
    keep: [],
  });
  world.kill();
  await world.start();

  const view = await world.controller.judge.rollout(id, RECORDED);

  assert.equal(view.sameVerdict, true);
  world.keepsEvidence = false;
  await samples.dropEvidence([id]);
  await assert.rejects(world.controller.judge.rollout(id, RECORDED), { code: 'EVIDENCE_GONE' });
});

test('what ended while nobody was there to keep its evidence is kept before the next compaction', async () => {
  const { world, id } = await rolledOut(30);
  world.kill();
  await world.pass(61_000);

  const kept = await world.samples.readEvidence({ rollout: id, fromSecond: 0, toSecond: 2 ** 40 });

  assert.ok((kept?.replicas.length ?? 0) > 5);
});

test('a time is asked for: the rollouts in it, and a reason where there is none', async () => {
  const { world, id } = await rolledOut(30);
  const { startedAtMs, endedAtMs } = world.controller.read.rollout(id);
  const { judge } = world.controller;

  const found = await judge.between('shop', { fromMs: startedAtMs, toMs: endedAtMs! }, RECORDED);

  assert.deepEqual(
    found.map((one) => one.rollout.id),
    [id],
  );
  await assert.rejects(judge.between('shop', { fromMs: 0, toMs: startedAtMs - 60_000 }, RECORDED), {
    code: 'NOTHING_JUDGED',
    message: /no rollout of shop .* cannot be judged: there is no other at the same time/,
  });
  await assert.rejects(judge.between('cart', { fromMs: 0, toMs: 1 }, RECORDED), { code: 'SERVICE_UNKNOWN' });
});

test('a first deploy has nothing to be judged by', async () => {
  const world = new World();
  await world.serving();
  const [first] = world.controller.read.history({ service: 'shop', limit: 1 });

  await assert.rejects(world.controller.judge.rollout(first!.id, RECORDED), {
    code: 'NOTHING_JUDGED',
    message: /no version to compare it with/,
  });
});

test('a person who goes on in spite of harm is replayed as well', async () => {
  const world = new World();
  world.spec = { ...WORLD_SPEC, policy: { ...WORLD_SPEC.policy, whenWorse: 'pause' } };
  world.errorPercent.set('shop/v2', 4);
  await world.serving();
  const { rollout } = await world.deploy('v2');
  await world.until('v2 is paused', () => world.service().rollout?.paused === true);
  await world.controller.steer.resume('shop', ANA);
  await world.pass(3000);
  world.errorPercent.set('shop/v2', 0);
  await world.until(
    'v2 is over or paused',
    () => world.over('v2') || world.service().rollout?.paused === true,
  );

  const view = await world.controller.judge.rollout(rollout!.id, RECORDED);

  assert.equal(view.sameVerdict, true);
  assert.equal(view.stages[0]?.would?.act, 'pause');
});
