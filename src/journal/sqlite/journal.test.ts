import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '../../lib/clock.ts';
import { systemRandom } from '../../lib/random.ts';
import { journalConformance, type JournalSite, type Tampering } from '../conformance.ts';
import { openSqliteJournal } from './open.ts';

journalConformance('the journal in SQLite', sqliteSite);

function sqliteSite(): JournalSite {
  const dir = mkdtempSync(join(tmpdir(), 'bascule-journal-'));
  return {
    open: () =>
      openSqliteJournal({
        dir,
        keyFile: join(dir, 'keys', 'journal.key'),
        maxBytes: 400_000,
        clock: systemClock,
        random: systemRandom,
      }),
    tamper: (how) => tamper(join(dir, 'journal.db'), how),
    fill: () => {},
    remove: () => rmSync(dir, { recursive: true }),
  };
}

function tamper(file: string, how: Tampering): void {
  const database = new DatabaseSync(file);
  switch (how.kind) {
    case 'edit':
      database.prepare(`UPDATE events SET event = '{"n":99}' WHERE seq = ?`).run(how.seq);
      break;
    case 'delete':
      database.prepare('DELETE FROM events WHERE seq = ?').run(how.seq);
      break;
    case 'swap':
      for (const [from, to] of [
        [how.seq, -1],
        [how.with, how.seq],
        [-1, how.with],
      ]) {
        database.prepare('UPDATE events SET seq = ? WHERE seq = ?').run(to!, from!);
      }
      break;
    case 'cut':
      database.prepare('DELETE FROM events WHERE seq > ?').run(how.seq);
      break;
  }
  database.close();
}
