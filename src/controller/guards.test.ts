import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OperatingError } from '../lib/errors.ts';
import type { Caller } from './controller.ts';
import { ANA, World } from './world-fixture.ts';

const BOB: Caller = { actor: 'bob', role: 'operator' };
const ALL = { verb: null, actor: null, sinceMs: null, untilMs: null, beforeSeq: null, limit: 100 };

async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    assert.ok(error instanceof OperatingError, String(error));
    return `${error.code}: ${error.message}`;
  }
  throw new assert.AssertionError({ message: 'it was not refused' });
}

function deployBy(world: World, caller: Caller, label: string, overrideFreeze: string | null = null) {
  const spec = world.spec;
  const ask = { spec, label, artifactDigest: `digest of ${label}`, supersede: false, planId: null };
  return world.controller.steer.deploy({ ...ask, overrideFreeze }, caller);
}

function freeze(world: World, change: Partial<Parameters<World['controller']['guard']['freeze']>[0]> = {}) {
  const ask = { service: 'shop', reason: 'sale', forMs: null, untilMs: null, alsoAdvancing: false };
  return world.controller.guard.freeze({ ...ask, ...change }, BOB);
}

async function serving(): Promise<World> {
  const world = new World();
  await world.serving();
  return world;
}

describe('a lock', () => {
  test('leaves starting and promoting to its holder, outlives the controller, and goes when it is released', async () => {
    const world = await serving();
    await world.controller.guard.lock({ service: 'shop', reason: 'sale', forMs: null }, BOB);
    world.kill();
    await world.start();

    assert.match(
      await refusal(deployBy(world, ANA, 'v2')),
      /^LOCKED: shop is locked by bob \("sale"\) until somebody releases it; nothing was started/,
    );
    assert.ok(!world.service().allowedActions.includes('deploy'));
    assert.equal(world.service().lock?.by, 'bob');
    await deployBy(world, BOB, 'v2');
    await world.until('a share', () => world.service().rollout?.phase === 'dwelling');
    const promote = { service: 'shop', fromStep: null, full: true };
    assert.match(await refusal(world.controller.steer.promote(promote, ANA)), /^LOCKED: /);
    assert.equal(
      (await world.controller.steer.abort({ service: 'shop', rollout: null }, ANA)).result,
      'done',
    );
    await world.until('back', () => world.over('v2'));

    const release = { service: 'shop', force: false, reason: null };
    assert.match(await refusal(world.controller.guard.unlock(release, ANA)), /^LOCKED: .* and you are ana/);
    await world.controller.guard.unlock({ ...release, force: true, reason: 'he is away' }, ANA);
    assert.equal(world.service().lock, null);
    assert.equal((await world.controller.guard.unlock(release, ANA)).message, 'shop is not locked.');
  });

  test('goes by itself at its end, and says so once', async () => {
    const world = await serving();
    await world.controller.guard.lock({ service: 'shop', reason: 'sale', forMs: 10_000 }, BOB);
    assert.match(await refusal(deployBy(world, ANA, 'v2')), /^LOCKED/);
    const before = world.controller.read.info().lastSeq;

    // A service without a rollout is looked at every ten seconds of this world.
    await world.pass(21_000);

    const said = world.controller.read
      .events({ service: 'shop', rollout: null, afterSeq: before, limit: 50 })
      .flatMap(({ says }) => says)
      .filter((line) => line.includes('lock'));
    assert.deepEqual(said, ['the lock of bob ran out']);
    assert.equal((await deployBy(world, ANA, 'v2')).result, 'done');
  });

  test('never stands before a rollback, warm or cold, nor before its promotion', async () => {
    const world = await serving();
    await world.deploy('v2');
    await world.until('v2 serves', () => world.over('v2') && world.service().stable === 'v2');
    await world.controller.guard.lock({ service: 'shop', reason: 'sale', forMs: null }, BOB);
    await freeze(world, { service: null, alsoAdvancing: true });
    await world.until('v1 is cold', () => world.service().slots.blue.role === 'free');

    await world.controller.steer.rollback({ service: 'shop', label: null }, ANA);
    await world.until('v1 serves again', () => world.service().stable === 'v1' && world.over('v1'));

    assert.equal(world.service().freezes.length, 1);
    assert.equal(world.service().lock?.by, 'bob');
  });
});

describe('a freeze', () => {
  test('lets nothing start until it is lifted, first deploys included', async () => {
    const world = new World();
    await world.start();
    await freeze(world, { service: null });

    assert.match(
      await refusal(deployBy(world, ANA, 'v1')),
      /^FROZEN: shop is frozen by bob, together with every/,
    );
    assert.deepEqual(await world.controller.read.services(), []);
    await world.controller.guard.unfreeze(null, ANA);
    await world.serving();
    await deployBy(world, ANA, 'v2');
    await world.controller.steer.abort({ service: 'shop', rollout: null }, ANA);
    await world.until('v2 is gone', () => world.over('v2'));
    await freeze(world);
    assert.match(await refusal(deployBy(world, ANA, 'v2')), /^FROZEN: shop is frozen by bob \("sale"\)/);
    assert.match(await refusal(world.controller.steer.retry(world.service().last!.id, ANA)), /^FROZEN/);
    const plan = { spec: world.spec, label: 'v2', artifactDigest: 'digest of v2' };
    assert.match((await world.controller.steer.plan(plan, ANA)).obstacles.join(), /frozen by bob/);
  });

  test('a rollout under way goes on, or with also advancing stays where it is until the freeze ends', async () => {
    const world = await serving();
    await world.deploy('v2');
    await world.until('a share', () => world.service().rollout?.phase === 'dwelling');
    await freeze(world, { forMs: 30_000, alsoAdvancing: true });
    await world.pass(20_000);

    const { rollout } = world.service();
    assert.equal(rollout?.sharePercent, 25);
    assert.match(rollout?.waiting ?? '', /^the end of a freeze by bob \("sale"\) until /);
    assert.ok(!rollout?.allowedActions.includes('promote'));
    await world.until('done', () => world.over('v2'));
    assert.equal(world.service().stable, 'v2');
    const said = world.said(rollout.id);
    assert.equal(said.match(/held: frozen by bob/g)?.length, 1);
    assert.equal(said.match(/no freeze holds it any more/g)?.length, 1);
  });

  test('one without advancing does not hold what is under way', async () => {
    const world = await serving();
    await world.deploy('v2');
    await freeze(world);

    await world.until('done', () => world.over('v2'));
    assert.equal(world.service().stable, 'v2');
  });

  test('harm takes a held rollout back at once', async () => {
    const world = await serving();
    world.errorPercent.set('shop/v2', 60);
    await deployBy(world, ANA, 'v2');
    await world.until('a share', () => world.service().rollout?.phase === 'dwelling');
    await freeze(world, { alsoAdvancing: true });

    await world.until('back', () => world.over('v2'));
    assert.equal(world.service().last?.outcome, 'rolled-back');
  });

  test('a candidate that becomes ready while it is held gets its share when the freeze ends', async () => {
    const world = await serving();
    await deployBy(world, ANA, 'v2');
    await freeze(world, { service: null, alsoAdvancing: true });
    await world.pass(15_000);

    assert.deepEqual([world.service().rollout?.phase, world.service().rollout?.sharePercent], ['probing', 0]);
    world.kill();
    await world.start();
    await world.controller.guard.unfreeze(null, BOB);
    await world.until('done', () => world.over('v2'));
  });

  test('freezes that overlap hold until the last one ends', async () => {
    const world = await serving();
    await freeze(world, { forMs: 10_000 });
    await freeze(world, { service: null, forMs: 20_000 });
    assert.equal(world.service().freezes.length, 2);
    await world.pass(12_000);

    assert.deepEqual(
      world.service().freezes.map(({ scope }) => scope),
      ['server'],
    );
    assert.match(await refusal(deployBy(world, ANA, 'v2')), /^FROZEN/);
    await world.pass(10_000);
    assert.equal((await deployBy(world, ANA, 'v2')).result, 'done');
  });

  test('an override starts in spite of it, is not held by it, and is kept with its reason', async () => {
    const world = await serving();
    await freeze(world, { alsoAdvancing: true });

    const answer = await deployBy(world, ANA, 'v2', 'the till is down');

    assert.match(
      answer.message,
      /^freeze overridden by ana \("the till is down"\): frozen by bob \("sale"\)/,
    );
    await world.until('done', () => world.over('v2'));
    const { entries } = world.controller.read.audit({ ...ALL, service: 'shop', verb: 'deploy' });
    assert.deepEqual(
      [entries[0]?.actor, entries[0]?.reason, entries[0]?.result],
      ['ana', 'the till is down', 'done'],
    );
  });

  test('a promote overrides a hold for the rest of the rollout', async () => {
    const world = await serving();
    await world.deploy('v2');
    await world.until('a share', () => world.service().rollout?.phase === 'dwelling');
    await freeze(world, { alsoAdvancing: true });
    const promote = { service: 'shop', fromStep: null, full: false };
    assert.match(
      await refusal(world.controller.steer.promote(promote, ANA)),
      /^FROZEN: .*nothing was promoted/,
    );

    await world.controller.steer.promote({ ...promote, overrideFreeze: 'agreed with bob' }, ANA);

    await world.until('done', () => world.over('v2'));
  });

  test('an end in the past is refused, and the same again is nothing to do', async () => {
    const world = await serving();

    assert.match(await refusal(freeze(world, { untilMs: 5 })), /^TIME_PAST: /);
    assert.match(await refusal(freeze(world, { service: null, untilMs: 5 })), /^TIME_PAST: /);
    assert.deepEqual([(await freeze(world)).result, (await freeze(world)).result], ['done', 'nothing']);
    assert.equal(world.service().freezes.length, 1);
  });
});

describe('freezes of the server file', () => {
  test('begin in the middle of a rollout, hold it, and let it go', async () => {
    const world = new World();
    const minute = 60_000 - (world.time.nowMs % 60_000);
    const startMs = world.time.nowMs + minute + 60_000;
    const start = new Date(startMs);
    world.freezes = [
      {
        cron: `${start.getUTCMinutes()} ${start.getUTCHours()} * * *`,
        forMs: 60_000,
        timeZone: 'UTC',
        services: ['shop'],
        alsoAdvancing: true,
        reason: 'night',
        place: 'server.yaml line 7',
      },
    ];
    await world.serving();
    world.spec = {
      ...world.spec,
      policy: { ...world.spec.policy, watchMs: 0, dwell: { atLeastMs: 50_000, atMostMs: 90_000 } },
    };
    await world.controller.steer.apply({ spec: world.spec, dryRun: false }, ANA);
    await world.pass(startMs - world.time.nowMs - 20_000);
    await deployBy(world, ANA, 'v2');
    await world.until('held', () =>
      /freeze by server\.yaml line 7/.test(world.service().rollout?.waiting ?? ''),
    );

    assert.ok(world.time.nowMs - startMs < 1000, 'within a second of its begin');
    await world.pass(55_000);
    assert.equal(world.service().rollout?.sharePercent, 25);
    assert.match(await refusal(deployBy(world, ANA, 'v3')), /^ROLLOUT_UNDER_WAY/);
    await world.until('done', () => world.over('v2'), 400);
  });
});

describe('the audit', () => {
  test('has every verb that somebody gave, refused ones and those without effect as well, newest first', async () => {
    const world = await serving();
    await refusal(world.controller.steer.pause('shop', BOB));
    await world.controller.guard.unlock({ service: 'shop', force: false, reason: null }, BOB);
    await refusal(world.controller.steer.pause('nosuch', BOB));
    await freeze(world, { service: null });

    const { entries, before } = world.controller.read.audit({ ...ALL, service: null });

    assert.deepEqual(
      entries.map(({ verb, service, actor, role, result, code }) => [
        verb,
        service,
        actor,
        role,
        result,
        code,
      ]),
      [
        ['freeze', null, 'bob', 'operator', 'done', null],
        ['pause', 'nosuch', 'bob', 'operator', 'refused', 'SERVICE_UNKNOWN'],
        ['lock release', 'shop', 'bob', 'operator', 'nothing', null],
        ['pause', 'shop', 'bob', 'operator', 'refused', 'NO_ROLLOUT'],
        ['deploy', 'shop', 'ana', 'operator', 'done', null],
      ],
    );
    assert.equal(before, null);
  });

  test('comes in pages, and can be narrowed', async () => {
    const world = await serving();
    for (let turn = 0; turn < 5; turn += 1) {
      await freeze(world);
      await world.controller.guard.unfreeze('shop', ANA);
    }
    const seen: number[] = [];
    let beforeSeq: number | null = null;
    do {
      const page = world.controller.read.audit({ ...ALL, service: 'shop', beforeSeq, limit: 3 });
      seen.push(...page.entries.map(({ seq }) => seq));
      beforeSeq = page.before;
    } while (beforeSeq !== null);

    assert.equal(seen.length, 11);
    assert.deepEqual(
      seen,
      [...seen].sort((a, b) => b - a),
    );
    const narrowed = (change: object) =>
      world.controller.read.audit({ ...ALL, service: null, ...change }).entries.length;
    assert.deepEqual(
      [
        { verb: 'freeze' },
        { actor: 'BO' },
        { service: 'blog' },
        { untilMs: 1 },
        { sinceMs: world.time.nowMs + 1 },
      ].map(narrowed),
      [5, 5, 0, 0, 0],
    );
  });

  test('a loop of refused verbs does not fill the journal', async () => {
    const world = await serving();
    const before = world.controller.read.info().lastSeq;
    for (let turn = 0; turn < 500; turn += 1) await refusal(world.controller.steer.pause('shop', BOB));

    assert.equal(world.controller.read.info().lastSeq - before, 120);
    await world.pass(61_000);
    await refusal(world.controller.steer.pause('shop', BOB));
    const [entry] = world.controller.read.audit({ ...ALL, service: 'shop' }).entries;
    assert.match(entry?.says.join() ?? '', /380 more like it were too many to be written down/);
  });
});
