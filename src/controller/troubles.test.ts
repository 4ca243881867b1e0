import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryJournal } from '../journal/memory/journal.ts';
import { isTrouble, type Notice, type TroubleNotice } from '../notify/notice.ts';
import { ANA, World, WORLD_SPEC } from './world-fixture.ts';

function toldIn(world: World): readonly TroubleNotice[] {
  return openMemoryJournal(world.disk)
    .events({ aggregate: null, rollout: null, afterSeq: 0, limit: 100_000 })
    .flatMap(({ event }) => (event as { notices?: readonly Notice[] }).notices ?? [])
    .filter(isTrouble);
}
const kinds = (world: World) => toldIn(world).map(({ kind }) => kind);

async function serving(): Promise<World> {
  const world = new World();
  await world.serving();
  return world;
}

test('a moment of being down is nothing to tell', async () => {
  const world = await serving();
  world.sick.add('shop/v1');
  await world.pass(8000);
  world.sick.delete('shop/v1');
  await world.pass(60_000);

  assert.deepEqual(kinds(world), []);
});

test('down is told once, also over a kill, and that it is up again with how long it took', async () => {
  const world = await serving();
  world.sick.add('shop/v1');
  await world.pass(30_000);
  assert.deepEqual(kinds(world), ['down']);
  world.kill();
  await world.pass(300_000);
  assert.deepEqual(kinds(world), ['down']);
  world.sick.delete('shop/v1');
  await world.pass(30_000);

  const [down, up] = toldIn(world);
  assert.deepEqual(kinds(world), ['down', 'up']);
  assert.equal(up!.trouble, down!.trouble);
  assert.match(up!.reason, /^after [56]m/u);
});

test('what comes and goes is told of four times in an hour, and what stands then when the hour is over', async () => {
  const world = await serving();
  for (let round = 0; round < 8; round += 1) {
    world.sick.add('shop/v1');
    await world.pass(20_000);
    world.sick.delete('shop/v1');
    await world.pass(20_000);
  }
  const told = kinds(world);
  assert.equal(told.filter((kind) => kind === 'down').length, 4);
  assert.equal(told.filter((kind) => kind === 'up').length, 4);

  world.sick.add('shop/v1');
  await world.pass(20_000);
  assert.equal(kinds(world).length, 8);
  world.time.move(3_600_000);
  await world.pass(20_000);
  assert.equal(kinds(world).at(-1), 'down');
});

test('while a rollout is under way, it is the rollout that tells', async () => {
  const world = await serving();
  const slow = {
    ...WORLD_SPEC,
    policy: { ...WORLD_SPEC.policy, dwell: { atLeastMs: 600_000, atMostMs: 900_000 } },
  };
  await world.deploy('v2', { spec: slow });
  await world.until('it has a share', () => world.service().rollout?.phase === 'dwelling');
  world.sick.add('shop/v1');
  await world.pass(30_000);

  assert.deepEqual(kinds(world), []);
});

test('of a service that is taken away there is nothing more to tell', async () => {
  const world = await serving();
  world.sick.add('shop/v1');
  await world.pass(20_000);
  await world.controller.steer.remove('shop', ANA);
  await world.until('it is gone', () => world.isGone());
  await world.pass(60_000);

  assert.deepEqual(kinds(world), ['down']);
});

test('a certificate that was asked for a minute ago is no trouble yet', async () => {
  const world = await serving();
  const asked = { file: 'shop.example.com (ACME)', names: [], notAfterMs: null, isAskedFor: true as const };
  world.certificates = [{ ...asked, problem: 'it was asked for and is not there yet' }];
  await world.pass(60_000);
  assert.deepEqual(kinds(world), []);
  await world.pass(90_000);

  assert.deepEqual(kinds(world), ['certificate']);
  assert.match(toldIn(world)[0]!.reason, /let port 80 of each name lead to redirect-http here/u);
});
