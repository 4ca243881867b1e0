import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReplicaSecond } from '../counts.ts';
import { DID } from '../identity-filter.ts';
import { Ledger } from './ledger.ts';
import type { ServiceCounts } from './messages.ts';

const NOW = 1_000_000;
const BLUE = 0;

function counted(ok: number, change: Partial<ServiceCounts> = {}): ServiceCounts[] {
  const replica: Omit<ReplicaSecond, 'second'> = {
    slot: 'blue',
    replica: 0,
    attempts: ok,
    requests: ok,
    classes: { ok, clientError: 0, serverError: 0, connectFailure: 0, timeout: 0, clientAbort: 0 },
    latency: [[10, ok]],
  };
  const apart = {
    previews: [],
    overrides: [],
    mirrored: [],
    copied: [],
    mirrorDropped: 0,
    holdRefused: 0,
    malformed: 0,
  };
  return [{ service: 'shop', replicas: [replica], ...apart, rollout: null, identities: [], ...change }];
}

test('what several workers counted in one second is one row', () => {
  const ledger = new Ledger('ab', NOW);
  const { cursor } = ledger.batch('shop', null);
  ledger.add(counted(2));
  ledger.add(counted(3));

  ledger.close(NOW + 1);

  const batch = ledger.batch('shop', cursor);
  assert.deepEqual(batch.replicas, [{ second: NOW + 1, ...counted(5)[0]!.replicas[0] }]);
  assert.deepEqual([batch.upToSecond, batch.lost], [NOW + 1, null]);
});

test('a late word of the former rollout does not make people of this one new again', () => {
  const ledger = new Ledger('ab', NOW);
  const { cursor } = ledger.batch('shop', null);
  for (const rollout of ['r-1', 'r-2', 'r-1', 'r-2'])
    ledger.add(counted(1, { rollout, identities: [[42, BLUE, DID.activeOnBlue | DID.failed, 5]] }));

  ledger.close(NOW + 1);

  const { identities } = ledger.batch('shop', cursor);
  // One of each rollout.
  assert.equal(
    identities.reduce((sum, each) => sum + each.assigned, 0),
    2,
  );
});

test('a second that is open is not delivered, and what comes late goes into it', () => {
  const ledger = new Ledger('ab', NOW);
  const { cursor } = ledger.batch('shop', null);
  ledger.close(NOW + 3);
  ledger.add(counted(1));

  assert.deepEqual(ledger.batch('shop', cursor).replicas, []);
  ledger.close(NOW + 4);
  assert.deepEqual(
    ledger.batch('shop', cursor).replicas.map((each) => each.second),
    [NOW + 4],
  );
});

test('a long absence is delivered in parts, and past ten minutes as lost', () => {
  const ledger = new Ledger('ab', NOW);
  let { cursor } = ledger.batch('shop', null);
  for (let second = NOW + 1; second <= NOW + 1000; second += 1) {
    ledger.add(counted(1));
    ledger.close(second);
  }

  const first = ledger.batch('shop', cursor);
  assert.deepEqual(first.lost, { fromSecond: NOW + 1, toSecond: NOW + 400 });
  let seconds = 0;
  for (let upTo = 0; upTo < NOW + 1000;) {
    const batch = ledger.batch('shop', cursor);
    assert.ok(batch.upToSecond > upTo);
    ({ cursor, upToSecond: upTo } = batch);
    seconds += batch.replicas.length;
  }
  assert.equal(seconds, 600);
});

test('a cursor of a former run brings what is lost, and goes on', () => {
  const before = new Ledger('ab', NOW);
  before.close(NOW + 5);
  const { cursor } = before.batch('shop', null);
  const ledger = new Ledger('cd', NOW + 10);
  ledger.add(counted(1));
  ledger.close(NOW + 11);

  const batch = ledger.batch('shop', cursor);

  assert.deepEqual(batch.lost, { fromSecond: NOW + 6, toSecond: NOW + 10 });
  assert.equal(batch.replicas.length, 1);
  assert.equal(ledger.batch('shop', batch.cursor).lost, null);
});

test('the second in which a worker died is delivered and called lost', () => {
  const ledger = new Ledger('ab', NOW);
  const { cursor } = ledger.batch('shop', null);
  ledger.markLost();
  ledger.add(counted(1));
  ledger.close(NOW + 2);

  const batch = ledger.batch('shop', cursor);

  assert.deepEqual([batch.lost, batch.replicas.length], [{ fromSecond: NOW + 1, toSecond: NOW + 1 }, 1]);
});

test('what is no cursor is refused', () => {
  assert.throws(() => new Ledger('ab', NOW).batch('shop', 'yesterday'), { code: 'TRAFFIC_CURSOR_INVALID' });
});

test('of what failed in one second a few examples are told, whoever counted them', () => {
  const ledger = new Ledger('ab', NOW);
  const { cursor } = ledger.batch('shop', null);
  const failed = Array.from({ length: 4 }, (_, replica) => ({
    slot: 'blue' as const,
    replica,
    kind: 'timeout' as const,
    status: null,
    method: 'GET',
    path: '/',
  }));
  ledger.add(counted(4, { failed }));
  ledger.add(counted(4, { failed }));
  ledger.close(NOW + 1);
  ledger.add(counted(1));
  ledger.close(NOW + 2);

  const batch = ledger.batch('shop', cursor);

  assert.deepEqual(
    batch.failed?.map((one) => [one.second, one.replica]),
    [0, 1, 2, 3, 0].map((replica) => [NOW + 1, replica]),
  );
  assert.equal(ledger.batch('shop', batch.cursor).failed, undefined);
});
