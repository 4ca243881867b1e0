import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { systemRandom } from '../../lib/random.ts';
import { openSqliteJournal } from './open.ts';

const CHILD = join(import.meta.dirname, '../../../test/fixtures/committing-child.ts');
const ROUNDS = 5;

test(
  'kill -9 at any moment loses nothing that was acknowledged and tears nothing',
  { timeout: 60_000 },
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'bascule-crash-'));
    t.after(() => rmSync(dir, { recursive: true }));
    let former = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const acknowledged = await commitUntilKilled(dir, 1 + Math.floor(Math.random() * 400));

      const journal = openSqliteJournal({
        dir,
        keyFile: join(dir, 'keys', 'journal.key'),
        maxBytes: null,
        clock: systemClock,
        random: systemRandom,
      });
      const { seq } = journal.head();
      assert.ok(acknowledged > former, `round ${round} got nothing done`);
      assert.ok(
        seq === acknowledged || seq === acknowledged + 1,
        `${acknowledged} acknowledged, ${seq} found`,
      );
      assert.equal(journal.verify(), null);
      const [shop] = journal.load();
      assert.equal(shop?.revision, seq);
      assert.equal((shop?.state as { n: number } | undefined)?.n, seq);
      assert.deepEqual(shop?.pending, [{ id: `c${seq}`, command: { n: seq } }]);
      assert.deepEqual(journal.document('rollout', `shop/${seq % 50}`), { n: seq });
      journal.close();
      former = seq;
    }
    t.diagnostic(`${ROUNDS} kills, ${former} commits`);
  },
);

/** Kills after so many commits, wherever the child is by then. Returns the last number that it acknowledged. */
async function commitUntilKilled(dir: string, commits: number): Promise<number> {
  const child = spawn(process.execPath, [CHILD, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  let lines = 0;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    lines += chunk.split('\n').length - 1;
    if (lines >= commits) child.kill('SIGKILL');
  });
  await once(child, 'close');
  assert.equal(child.signalCode, 'SIGKILL');
  return Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1));
}
