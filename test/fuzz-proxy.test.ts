import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { goldens, replayed } from './fuzz-proxy/golden.ts';
import { marksIn, markOf } from './fuzz-proxy/responses.ts';
import { fuzzRequests, fuzzResponses } from './fuzz-proxy/run.ts';
import { type World, openWorld } from './fuzz-proxy/world.ts';

/** A short run of `npm run fuzz:proxy`, and what long ones found. */
const SEED = 7;
const REQUESTS = 3000;
const RESPONSES = 1000;

let world: World;

before(async () => {
  world = await openWorld();
});
after(async () => world?.close());

for (const golden of goldens()) {
  test(`found before: ${golden.name} (${golden.once})`, async () => {
    const worker = world.workerPid();

    const { wrong } = await replayed(world, golden);

    assert.deepEqual([wrong, world.application.complaints(), world.workerPid()], [null, [], worker]);
  });
}

test(`${REQUESTS} generated requests: none crashes it, hangs, or arrives in a form that could be read differently`, async () => {
  const { failures, sent, answered, arrived } = await fuzzRequests(world, {
    seed: SEED,
    from: 0,
    count: REQUESTS,
  });

  assert.deepEqual(failures, [], `run: npm run fuzz:proxy -- --seed ${SEED} --requests ${REQUESTS}`);
  assert.ok(sent >= REQUESTS && answered > REQUESTS / 2 && arrived > REQUESTS / 2);
});

test(`${RESPONSES} generated answers of an application: none crashes it, hangs, or reaches another's client`, async () => {
  const { failures, answered, arrived } = await fuzzResponses(world, {
    seed: SEED,
    from: 0,
    count: RESPONSES,
  });

  assert.deepEqual(
    failures,
    [],
    `run: npm run fuzz:proxy -- --seed ${SEED} --requests 0 --responses ${RESPONSES}`,
  );
  assert.ok(arrived >= RESPONSES && answered > RESPONSES / 4);
});

test('a mark is told from what a mutation made of it', () => {
  assert.deepEqual(marksIn(`a${markOf(12)}b${markOf(12).replace('12', '13')}${markOf(7)}`), [12, 7]);
});
