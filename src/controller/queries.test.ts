import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyService } from '../rollout/fixtures.ts';
import type { ServiceState, Slot } from '../rollout/state.ts';
import { serviceView } from './queries.ts';

const NO_RECORDS = { now: null, last: null };
const NOW = { moment: { atMs: 0, wallMs: 0 }, actions: { allowedActions: [], refusedActions: [] } };

function slot(role: Slot['role'], label: string, healthy: number): Slot {
  return { role, releaseId: `shop/${label}`, replicas: 2, healthy, keptUntilMs: null };
}

function serving(blue: Slot, green: Slot): ServiceState {
  return { ...emptyService(), slots: { blue, green } };
}

test('what users get follows the route, and names who stands in for a slot that is down', () => {
  const empty = serviceView(emptyService(), NO_RECORDS, NOW);
  const calm = serviceView(serving(slot('stable', 'v2', 2), slot('kept', 'v1', 2)), NO_RECORDS, NOW);
  const stoodIn = serviceView(serving(slot('stable', 'v2', 0), slot('kept', 'v1', 2)), NO_RECORDS, NOW);
  const down = serviceView(serving(slot('stable', 'v2', 0), slot('kept', 'v1', 0)), NO_RECORDS, NOW);

  assert.deepEqual([empty.users, empty.condition], ['503: nothing serves yet', 'nothing serves']);
  assert.deepEqual([calm.users, calm.condition], ['100% on v2', 'serving']);
  assert.deepEqual([stoodIn.users, stoodIn.condition], ['100% on v1: v2 is down', 'stable is down']);
  assert.deepEqual([down.users, down.condition], ['503: v2 is down', 'stable is down']);
});
