import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/lib/clock.ts';
import { systemRandom } from '../src/lib/random.ts';
import type { Journal } from '../src/journal/journal.ts';
import { openSqliteJournal } from '../src/journal/sqlite/open.ts';

/** Plays with the real journal on a real disk: every kill abandons it, every start opens it again. */
export async function onSqlite<T>(play: (open: () => Journal) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'bascule-sim-'));
  try {
    return await play(() =>
      openSqliteJournal({
        dir,
        keyFile: join(dir, 'keys', 'journal.key'),
        maxBytes: null,
        clock: systemClock,
        random: systemRandom,
      }),
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
