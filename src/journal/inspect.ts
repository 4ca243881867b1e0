import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../lib/errors.ts';
import { readPragma } from './sqlite/migrate.ts';
import { JOURNAL_APPLICATION_ID, JOURNAL_VERSION } from './sqlite/schema.ts';

/** What can be said of a journal that nobody has open. */
export type Inspection =
  | { readonly kind: 'none' }
  | { readonly kind: 'sound'; readonly events: number; readonly bytes: number }
  /** Too large to be looked at in passing. */
  | { readonly kind: 'large'; readonly bytes: number }
  | { readonly kind: 'bad'; readonly why: string };

const MOST_BYTES = 512 * 1024 * 1024;

/**
 * Looks at a copy of the journal of a state directory: opening the journal itself would take its lease, and make files
 * beside it. Its chain of MACs is checked by whoever has its key, not here.
 */
export function inspectJournal(stateDir: string): Inspection {
  const names = ['journal.db', 'journal.db-wal'].filter((name) => existsSync(join(stateDir, name)));
  if (!names.includes('journal.db')) return { kind: 'none' };
  const bytes = names.reduce((sum, name) => sum + statSync(join(stateDir, name)).size, 0);
  if (bytes > MOST_BYTES) return { kind: 'large', bytes };
  const copy = mkdtempSync(join(tmpdir(), 'bascule-doctor-'));
  try {
    for (const name of names) copyFileSync(join(stateDir, name), join(copy, name));
    return lookAt(join(copy, 'journal.db'), bytes);
  } catch (error) {
    return { kind: 'bad', why: messageOf(error) };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function lookAt(file: string, bytes: number): Inspection {
  const database = new DatabaseSync(file);
  try {
    if (readPragma(database, 'application_id') !== JOURNAL_APPLICATION_ID)
      return { kind: 'bad', why: 'it is no journal of Bascule' };
    const version = readPragma(database, 'user_version');
    if (version > JOURNAL_VERSION)
      return { kind: 'bad', why: `a newer Bascule wrote it (format ${version})` };
    const [found] = database.prepare('PRAGMA quick_check(1)').all();
    if (found?.['quick_check'] !== 'ok') return { kind: 'bad', why: String(found?.['quick_check']) };
    const row = database.prepare('SELECT count(*) AS events FROM events').get();
    return { kind: 'sound', events: Number(row?.['events']), bytes };
  } finally {
    database.close();
  }
}
