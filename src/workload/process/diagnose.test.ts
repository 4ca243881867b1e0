import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainReplica, type ReplicaFacts } from './diagnose.ts';

const FACTS: ReplicaFacts = {
  replica: 0,
  address: { host: '127.0.0.1', port: 8201 },
  pid: 123,
  upMs: 12_000,
  listens: [],
  crashes: 0,
  lastExit: null,
  retryInMs: null,
  problem: null,
};

const CASES: readonly (readonly [Partial<ReplicaFacts>, readonly string[]])[] = [
  [{}, ['replica 0 (pid 123) still runs after 12s, but listens on nothing yet']],
  [
    { listens: [{ host: '127.0.0.1', port: 8201 }] },
    ['replica 0 (pid 123) listens on 127.0.0.1:8201, as it should'],
  ],
  [
    { listens: [{ host: '0.0.0.0', port: 8080 }] },
    ['replica 0 (pid 123) listens on 8080, not on $PORT (8201): use $PORT in run:'],
  ],
  [
    { listens: [{ host: '::1', port: 8201 }] },
    ['replica 0 (pid 123) listens on [::1]:8201, not on 127.0.0.1:8201'],
  ],
  [
    { pid: null, crashes: 3, lastExit: 'exit code 1', retryInMs: 800 },
    ['replica 0 exited 3 times, last with exit code 1; next start in 0.8s'],
  ],
  [
    { pid: null, crashes: 1, lastExit: 'gone', problem: 'port taken' },
    ['replica 0 exited once, last with gone', 'replica 0 cannot be started again: port taken'],
  ],
  [{ pid: null }, ['replica 0 does not run']],
];

for (const [facts, lines] of CASES) {
  test(`says: ${lines[0]}`, () => {
    assert.deepEqual(explainReplica({ ...FACTS, ...facts }), lines);
  });
}
