import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import { OperatingError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import { firstCheckpoint, isSignedBy, type Checkpoint } from '../chain.ts';
import { corruptJournal, journalError } from './errors.ts';
import { SqliteJournal } from './journal.ts';
import { finishKey, keyError, prepareKey, readKey } from './key.ts';
import { openExclusively, release, type Lease } from './lease.ts';
import { migrate, readPragma } from './migrate.ts';
import { JOURNAL_APPLICATION_ID, JOURNAL_VERSION, journalSteps } from './schema.ts';

export type SqliteJournalOptions = {
  /** State directory; made if missing, for this user only. The journal is `journal.db` in it. */
  readonly dir: string;
  /** `keys/journal.key`: 32 bytes in hex, mode 0400, made with the journal. Keep a copy elsewhere. */
  readonly keyFile: string;
  /** Most bytes that the database may take, or null for what the disk has. */
  readonly maxBytes: number | null;
  readonly clock: Clock;
  readonly random: Random;
};

/**
 * Opens or makes the journal of a state directory and takes its lease.
 * Errors, all of which leave everything as it was: JOURNAL_HELD, JOURNAL_NEWER, JOURNAL_CORRUPT (torn, emptied, someone
 * else's, or with a state that was damaged), JOURNAL_KEY, JOURNAL_FULL, JOURNAL_FAILED.
 */
export function openSqliteJournal(options: SqliteJournalOptions): SqliteJournal {
  const file = join(options.dir, 'journal.db');
  const lease = { file, holderFile: join(options.dir, 'journal.holder') };
  assertNotLost(file, options.keyFile);
  let database: DatabaseSync | null = null;
  try {
    database = openExclusively(lease, { pid: process.pid, sinceMs: options.clock.nowMs() });
    return openLocked(database, lease, options);
  } catch (error) {
    if (database !== null) release(database, lease);
    throw journalError(error, 'opening the journal', file);
  }
}

/** Before it is opened, because SQLite writes into a file that is empty. Error: JOURNAL_CORRUPT. */
function assertNotLost(file: string, keyFile: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 0 || !existsSync(keyFile)) return;
  throw corruptJournal(file, `it is empty or gone, but ${keyFile} shows that there was one`);
}

function openLocked(database: DatabaseSync, lease: Lease, options: SqliteJournalOptions): SqliteJournal {
  const { keyFile, maxBytes, random } = options;
  const isNew = isEmpty(database);
  if (isNew && existsSync(keyFile)) {
    throw corruptJournal(lease.file, `it is empty, but ${keyFile} shows that there was one`);
  }
  if (!isNew) checkIsJournal(database, lease.file);
  setUp(database, maxBytes);
  // A kill may have come between the journal that was signed and the name of its key.
  if (!isNew) finishKey(keyFile);
  let key: Uint8Array | null = null;
  const checkedKey = (): Uint8Array => {
    key ??= readKey(keyFile, lease.file);
    checkKey(database, key, lease.file);
    return key;
  };
  const first = (): Checkpoint => firstCheckpoint((key = prepareKey(keyFile, random)));
  const version = migrate(database, journalSteps(first, checkedKey));
  assert(version === 'current', 'a newer journal was not refused before it was touched');
  finishKey(keyFile);
  const journal = new SqliteJournal(database, lease, checkedKey());
  // A state that was damaged is refused before anything is opened beside the journal.
  journal.load();
  return journal;
}

function isEmpty(database: DatabaseSync): boolean {
  return (
    readPragma(database, 'user_version') === 0 &&
    database.prepare('SELECT 1 FROM sqlite_schema').all().length === 0
  );
}

function checkIsJournal(database: DatabaseSync, file: string): void {
  if (readPragma(database, 'application_id') !== JOURNAL_APPLICATION_ID) {
    throw corruptJournal(file, 'it is a database of another program');
  }
  const version = readPragma(database, 'user_version');
  if (version > JOURNAL_VERSION) {
    throw new OperatingError(
      'JOURNAL_NEWER',
      `${file} was written by a newer Bascule (format ${version}; this one knows ${JOURNAL_VERSION}). Nothing was changed. Install the newer one again.`,
      { retryable: false },
    );
  }
  const [found] = database.prepare('PRAGMA quick_check(1)').all();
  if (found?.['quick_check'] !== 'ok') {
    throw corruptJournal(file, `it is damaged (${String(found?.['quick_check'])})`);
  }
}

/** One fsync a commit: a third of what a rollback journal needs. Exclusive locking keeps the index of the WAL in memory. */
function setUp(database: DatabaseSync, maxBytes: number | null): void {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  assert(readPragma(database, 'synchronous') === 2, 'SQLite did not take synchronous = FULL');
  if (maxBytes === null) return;
  const pages = Math.max(1, Math.floor(maxBytes / readPragma(database, 'page_size')));
  database.exec(`PRAGMA max_page_count = ${pages}`);
}

function checkKey(database: DatabaseSync, key: Uint8Array, file: string): void {
  const checkpoint = database.prepare('SELECT seq, mac, signature FROM checkpoint').get();
  if (checkpoint !== undefined && isSignedBy(key, checkpoint as unknown as Checkpoint)) return;
  throw keyError(file, 'its first record is not signed by the key beside it: one of the two was changed');
}
