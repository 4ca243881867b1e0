import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oldReleases, oldRollouts, type Past } from './forgetting.ts';

/** `r7 shop/v7 done`; without an outcome it goes on. */
function records(...lines: readonly string[]): readonly Past[] {
  return lines.map((line) => {
    const [id = '', releaseId = '', outcome = null] = line.split(' ');
    return { id, releaseId, outcome };
  });
}

const idsOf = (found: ReadonlySet<Past>): readonly string[] => [...found].map(({ id }) => id);

test('beyond the newest, what a rollback may need and what goes on stay', () => {
  const all = records(
    'r8 shop/v5 done',
    'r7 shop/v4 rolled-back',
    'r6 shop/v4 rolled-back',
    'r5 shop/v3',
    'r4 shop/v2 done',
    'r3 shop/v2 done',
    'r2 shop/v2 rolled-back',
    'r1 shop/v1 done',
  );
  const kept = new Set(['shop/v5', 'shop/v2']);

  assert.deepEqual(idsOf(oldRollouts(all, kept, 2)), ['r6', 'r3', 'r1']);
  assert.deepEqual(idsOf(oldRollouts(all, kept, 8)), []);
});

test('a release stays while it is kept or a rollout names it', () => {
  const staying = records('r8 shop/v5 done', 'r7 shop/v4 rolled-back');

  assert.deepEqual(oldReleases(['shop/v5', 'shop/v4', 'shop/v3', 'shop/v2'], new Set(['shop/v2']), staying), [
    'shop/v3',
  ]);
});
