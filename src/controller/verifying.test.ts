import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceSpec } from '../release/service.ts';
import { VERIFY } from '../rollout/fixtures.ts';
import { ANA, World, WORLD_SPEC } from './world-fixture.ts';

const CHECKED: ServiceSpec = {
  ...WORLD_SPEC,
  release: { ...WORLD_SPEC.release, verify: VERIFY.kind === 'verify' ? VERIFY.checks : [] },
};

function last(world: World, label: string) {
  const found = world.controller.read
    .history({ service: 'shop', limit: 50 })
    .find((one) => one.label === label && one.endedAtMs !== null);
  return found ?? assert.fail(`${label} is not over`);
}

test('checks that hold let the version on, and are told one by one', async () => {
  const world = new World();
  await world.serving();
  const { rollout } = await world.deploy('v2', { spec: CHECKED });
  await world.until('v2 is over', () => world.over('v2'));

  assert.equal(last(world, 'v2').outcome, 'done');
  assert.match(world.said(rollout!.id), /1 check of v2 on http:\/\/127\.0\.0\.1:\d+, before any traffic/);
  assert.match(world.said(rollout!.id), /GET \/checkout: 200 \(8ms\)/);
});

test('a check that fails ends the rollout before any traffic, with exit 16 and what failed how', async () => {
  const world = new World();
  await world.serving();
  world.failing.set('shop/v2', '500 instead of 2xx (8ms)');
  await world.deploy('v2', { spec: CHECKED });
  await world.until('v2 is over', () => world.over('v2'));

  const { outcome, cause, exitCode, reason } = last(world, 'v2');
  assert.deepEqual([outcome, cause, exitCode], ['never-ready', 'verify', 16]);
  assert.match(reason!, /GET \/checkout: 500 instead of 2xx \(8ms\):\n {2}no such table: cart/);
  assert.ok(!world.effects.some((effect) => effect.includes('to green')), world.effects.join('\n'));
  assert.equal(world.service().stable, 'v1');
});

test('a first deploy is checked too, and a check is tried as often as it says', async () => {
  const world = new World();
  await world.start();
  world.failing.set('shop/v1', 'exit code 1 after 0.1s');
  const verify = [{ kind: 'run', command: './smoke.sh', withinMs: 1000, attempts: 3 }] as const;
  await world.deploy('v1', { spec: { ...WORLD_SPEC, release: { ...WORLD_SPEC.release, verify } } });
  await world.until('v1 is over', () => world.over('v1'));

  assert.equal(world.effects.filter((effect) => effect === 'check shop/v1: ./smoke.sh').length, 3);
  assert.match(last(world, 'v1').reason!, /\.\/smoke\.sh: exit code 1 after 0\.1s, attempt 3/);
});

test('an abort ends the check that runs', async () => {
  const world = new World();
  await world.serving();
  world.checking.set('shop/v2', new Promise(() => {}));
  await world.deploy('v2', { spec: CHECKED });
  await world.until('it is checked', () => world.service().rollout?.phase === 'verifying');
  assert.match(world.service().rollout?.waiting ?? '', /the checks on the preview address of v2/);

  await world.controller.steer.abort({ service: 'shop', rollout: null }, ANA);
  await world.until('v2 is over', () => world.over('v2'));

  assert.equal(last(world, 'v2').outcome, 'aborted');
  await world.until('the check is ended', () => world.effects.includes('check of shop/v2 ended'), 1);
});

test('checks that a killed controller was over are run again from the first one', async () => {
  const world = new World();
  await world.serving();
  world.checking.set('shop/v2', new Promise(() => {}));
  await world.deploy('v2', { spec: CHECKED });
  await world.until('it is checked', () => world.service().rollout?.phase === 'verifying');
  world.kill();
  world.checking.clear();
  await world.until('v2 is over', () => world.over('v2'));

  assert.equal(last(world, 'v2').outcome, 'done');
  assert.equal(world.effects.filter((effect) => effect === 'check shop/v2: GET /checkout').length, 2);
});

test('the way back to a warm version checks nothing, to a cold one what that version brought', async () => {
  const world = new World();
  await world.start();
  for (const label of ['v1', 'v2']) {
    await world.deploy(label, { spec: CHECKED });
    await world.until(`${label} is over`, () => world.over(label));
  }
  const checks = (): number => world.effects.filter((effect) => effect.startsWith('check shop/v1')).length;
  assert.equal(checks(), 1);

  await world.controller.steer.rollback({ service: 'shop', label: null }, ANA);
  await world.until('v1 serves', () => world.service().stable === 'v1' && world.service().rollout === null);
  assert.equal(checks(), 1);

  await world.deploy('v3');
  await world.until('v3 is over', () => world.over('v3'));
  await world.pass(15_000);
  await world.controller.steer.rollback({ service: 'shop', label: 'v1' }, ANA);
  await world.until('v1 serves', () => world.service().stable === 'v1' && world.service().rollout === null);
  assert.equal(checks(), 2);
});

test('preview addresses belong to one service for its life', async () => {
  const world = new World();
  await world.start();
  await world.deploy('v1', { spec: CHECKED });
  await world.until('v1 is over', () => world.over('v1'));
  const previews = (name: string) => {
    const { blue, green } = world.service(name).slots;
    return [blue.preview, green.preview];
  };
  const own = previews('shop');
  const other = {
    ...CHECKED,
    name: 'cart',
    door: { ...CHECKED.door, listen: { address: '127.0.0.1', port: 8081 } },
  };
  await world.deploy('v1', { spec: other });
  await world.until('cart serves', () => world.service('cart').stable === 'v1');
  await world.deploy('v2', { spec: CHECKED });
  await world.until('v2 is over', () => world.over('v2'));

  assert.deepEqual(previews('shop'), own);
  const all = ['shop', 'cart'].flatMap((name) => {
    const { slots } = world.service(name);
    const addresses = [...slots.blue.addresses, ...slots.green.addresses].map((one) => `http://${one}`);
    return [...addresses, ...previews(name)];
  });
  assert.equal(new Set(all).size, all.length);
});
