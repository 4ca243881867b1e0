import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SlotName } from '../../release/slot.ts';
import type { Route } from '../router.ts';
import { RouteFiles } from './route-files.ts';
import { layOut } from './route-layout.ts';

function route(change: Partial<Route>): Route {
  const replicas = { blue: 1, green: 1 };
  return { service: 'shop', revision: 1, serve: 'green', split: null, replicas, standIn: true, ...change };
}

type IsUp = (slot: SlotName) => boolean;

const everybody: IsUp = () => true;

function split(sharePercent: number): Route['split'] {
  return { rollout: 'r-1', slot: 'blue', sharePercent, seed: 'b'.repeat(32) };
}

function hints(change: Partial<Route>, isUp = everybody): readonly string[] {
  return layOut(route(change), isUp).hints;
}

test('a route says where most go and whether that is everybody, so that nginx asks for them first', () => {
  assert.deepEqual(hints({}), ['mostly.green', 'everybody']);
  assert.deepEqual(hints({ split: split(0) }), ['mostly.green', 'everybody']);
  assert.deepEqual(hints({ split: split(50) }), ['mostly.green']);
  assert.deepEqual(hints({ split: split(50.1) }), []);
  assert.deepEqual(hints({ split: split(100) }), ['everybody']);
  assert.deepEqual(
    hints({}, (slot) => slot === 'blue'),
    [],
  );
  assert.deepEqual(hints({ serve: null }), []);
});

test('no file for everybody is left while each bucket has a slot of its own, or nobody is served', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-route-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const files = new RouteFiles(directory, () => 0);
  const ofAll = (change: Partial<Route>, isUp = everybody): string[] => {
    files.write(layOut(route(change), isUp));
    return [directory, join(directory, 'route')].flatMap((one) =>
      readdirSync(one).filter((name) => /^(?:all|to)[.]/.test(name)),
    );
  };

  assert.deepEqual(ofAll({}), ['all.green', 'to.green']);
  assert.deepEqual(ofAll({ split: split(75) }), ['to.blue', 'to.green']);
  assert.deepEqual(ofAll({ split: split(100) }), ['all.blue', 'to.blue']);
  assert.deepEqual(ofAll({}), ['all.green', 'to.green']);
  assert.deepEqual(
    ofAll({}, (slot) => slot === 'blue'),
    ['to.green-blue'],
  );
  assert.deepEqual(ofAll({ serve: null }), []);
});

test('the file for everybody is away while the route changes, so that a crash in between sends nobody elsewhere', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-route-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const files = new RouteFiles(directory, () => 0);
  files.write(layOut(route({}), everybody));
  const watching = watch(directory);
  t.after(() => watching.close());
  const order: string[] = [];
  const isOver = new Promise<void>((resolve) => {
    watching.on('change', (_kind, name) => {
      if (/^(?:all[.].*|route)$/.test(String(name)) && order.at(-1) !== name) order.push(String(name));
      if (name === 'all.blue') resolve();
    });
  });

  files.write(layOut(route({ serve: 'blue' }), everybody));
  await isOver;

  assert.deepEqual(order, ['all.green', 'route', 'all.blue']);
});
