import assert from 'node:assert/strict';
import { test } from 'node:test';
import { USUAL_OUTLIERS } from '../../../release/resilience.ts';
import { CLASS, type ClassIndex } from '../../tally.ts';
import { OutlierWatch } from './outlier-watch.ts';
import { ReplicaLink } from './replica-link.ts';

const GOOD = [CLASS.ok, 200] as const;
const BROKEN = [CLASS.serverError, 500] as const;
const AWAY = [CLASS.serverError, 503] as const;
const REFUSED = [CLASS.connectFailure, 0] as const;
const LATE = [CLASS.timeout, 0] as const;
const LEFT = [CLASS.clientAbort, 0] as const;

type Outcome = readonly [ClassIndex, number];

/** How often in these outcomes a replica was told of. */
function told(outcomes: readonly Outcome[], rules: Partial<typeof USUAL_OUTLIERS> = {}): number {
  let count = 0;
  const watch = new OutlierWatch({ ...USUAL_OUTLIERS, ...rules }, () => {
    count += 1;
  });
  const replica = new ReplicaLink(
    { host: '127.0.0.1', port: 1, pathPrefix: '' },
    { slot: 'blue', index: 0, protocol: 'http1' },
  );
  for (const [classIndex, status] of outcomes) watch.note(replica, classIndex, status);
  return count;
}

test('five gateway failures in a row are too many, and then five more', () => {
  const mixed = [AWAY, REFUSED, LATE, AWAY, REFUSED];

  assert.equal(told(mixed.slice(1)), 0);
  assert.equal(told(mixed), 1);
  assert.equal(told([...mixed, ...mixed.slice(1)]), 1);
  assert.equal(told([...mixed, ...mixed]), 2);
});

test('a good answer, and one of the client’s fault, begin the row anew', () => {
  assert.equal(told([AWAY, AWAY, GOOD, AWAY, AWAY, AWAY, AWAY]), 0);
  assert.equal(told([AWAY, AWAY, [CLASS.clientError, 404], AWAY, AWAY, AWAY]), 0);
});

test('a client that left says nothing', () => {
  assert.equal(told([AWAY, AWAY, LEFT, AWAY, AWAY, LEFT, AWAY]), 1);
});

test('an error of the application’s own counts only where the file says so', () => {
  const errors = Array.from({ length: 9 }, () => BROKEN);

  assert.equal(told(errors), 0);
  assert.equal(told(errors, { consecutive5xx: 3 }), 3);
  assert.equal(told([BROKEN, AWAY, REFUSED], { consecutive5xx: 3 }), 1);
  assert.equal(told([AWAY, AWAY, BROKEN, AWAY, AWAY, AWAY]), 0, 'and is no gateway failure');
});
