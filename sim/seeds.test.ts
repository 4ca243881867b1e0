import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELLS, Coverage } from './coverage.ts';
import { SCENARIOS } from './scenarios.ts';
import { onSqlite } from './sqlite.ts';
import { playSeed } from './story.ts';

/**
 * What the simulator once found, each with a seed that finds it again where its fix is taken out:
 * `npm run sim:mutants -- --only="…" --from=SEED --seeds=1`.
 */
const FOUND: readonly (readonly [seed: number, what: string])[] = [
  [17, 'a route of a removed service was applied to the next service of the same name'],
  [19, 'a proxy that lost its doors and routes was given them again only when the controller was restarted'],
  [21, 'what was kept warm was given up while stable was down and it was what users got'],
  [22, 'a start that had been asked for before made a scale that came after it undone'],
  [27, 'a start that an abort overtook failed the next rollout of the same release'],
  [29, 'an abort on a full disk was taken for the next route by the controller that was started after it'],
  [109, 'a proxy that was away for a moment failed the start of a version'],
  [36, 'a deploy stopped what was kept warm while stable was down and it was what users got'],
  [1179, 'a start that an abort overtook gave the next one, which had more replicas, its own number'],
  [63, 'a start of before another boot stood before the start that followed it'],
  [676, 'the health of what ran in a slot before counted for the same release that was about to start there'],
  [2451, 'a way back of a controller that was killed reached the proxy in the middle of the next rollout'],
];
/** Every scenario once. */
const QUICK_SEEDS = SCENARIOS.length;

for (const [seed, what] of FOUND) {
  test(`seed ${seed}: ${what}`, async () => {
    const { breach } = await playSeed(seed, { coverage: new Coverage(), trace: null, openJournal: null });

    assert.equal(breach, null);
  });
}

test('some seeds more, each of at least 200 events', async () => {
  const coverage = new Coverage();
  for (let seed = 1000; seed < 1000 + QUICK_SEEDS; seed += 1) {
    const { breach, events } = await playSeed(seed, { coverage, trace: null, openJournal: null });

    assert.equal(breach, null, `npm run sim -- --seed=${seed}`);
    assert.ok(events >= 200, `seed ${seed}: ${events} events`);
  }
});

test('the real journal, opened again after every kill', async () => {
  for (let seed = 1; seed <= 5; seed += 1) {
    const { breach } = await onSqlite((openJournal) =>
      playSeed(seed, { coverage: new Coverage(), trace: null, openJournal }),
    );

    assert.equal(breach, null, `npm run sim -- --seed=${seed} --sqlite`);
  }
});

test('rollouts that others must agree to', async () => {
  const coverage = new Coverage();
  for (let seed = 5000; seed < 5040; seed += 4) {
    const { breach } = await playSeed(seed, { coverage, trace: null, openJournal: null });

    assert.equal(breach, null, `npm run sim -- --seed=${seed}`);
  }
});

test('a cell that no seed has reached is named', () => {
  const coverage = new Coverage();
  for (const cell of CELLS.slice(1)) coverage.add(cell.row, cell.phase);

  assert.deepEqual(coverage.empty, [CELLS[0]]);
});

async function told(seed: number): Promise<string> {
  const lines: string[] = [];
  await playSeed(seed, { coverage: new Coverage(), trace: (line) => lines.push(line), openJournal: null });
  return lines.join('\n');
}

test('the same seed tells the same story, to the letter', async () => {
  const [first, second] = [await told(7), await told(7)];

  assert.ok(first.length > 5000);
  assert.equal(second, first);
});
