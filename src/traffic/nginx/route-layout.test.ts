import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Route } from '../router.ts';
import { RouteFiles } from './route-files.ts';
import { layOut } from './route-layout.ts';

function route(change: Partial<Route>): Route {
  const replicas = { blue: 1, green: 1 };
  return { service: 'shop', revision: 1, serve: 'green', split: null, replicas, standIn: true, ...change };
}

const everybody = (): boolean => true;

function split(sharePercent: number): Route['split'] {
  return { rollout: 'r-1', slot: 'blue', sharePercent, seed: 'b'.repeat(32) };
}

test('a route says where most go, so that nginx asks for them first', () => {
  assert.equal(layOut(route({}), everybody).most, 'green');
  assert.equal(layOut(route({ split: split(0) }), everybody).most, 'green');
  assert.equal(layOut(route({ split: split(50) }), everybody).most, 'green');
  assert.equal(layOut(route({ split: split(50.1) }), everybody).most, 'blue');
  assert.equal(layOut(route({ split: split(100) }), everybody).most, 'blue');
  assert.equal(layOut(route({}), (slot) => slot === 'blue').most, 'green-blue');
  assert.equal(layOut(route({ serve: null }), everybody).most, null);
});

test('a route on disk names no slot as the first when nobody is served', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-route-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const files = new RouteFiles(directory, () => 0);
  const firsts = (change: Partial<Route>): string[] => {
    files.write(layOut(route(change), everybody));
    return readdirSync(join(directory, 'route')).filter((name) => name.startsWith('first.'));
  };

  assert.deepEqual(firsts({}), ['first.green']);
  assert.deepEqual(firsts({ split: split(75) }), ['first.blue']);
  assert.deepEqual(firsts({ serve: null }), []);
});
