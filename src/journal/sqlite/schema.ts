import type { DatabaseSync } from 'node:sqlite';
import { commandMac, signHead, stateMac, type Checkpoint } from '../chain.ts';
import type { ChainHead } from '../journal.ts';

/** `Bjnl`: tells a journal from other programs' databases. */
export const JOURNAL_APPLICATION_ID = 0x426a6e6c;

/** `user_version` of the files that this program writes. */
export const JOURNAL_VERSION = 3;

/**
 * The steps of `migrate`; the first makes the file and signs the empty chain, the second signs the states that are there,
 * the third the end of the chain.
 */
export function journalSteps(
  first: () => Checkpoint,
  keyOf: (database: DatabaseSync) => Uint8Array,
): readonly ((database: DatabaseSync) => void)[] {
  return [
    (database) => {
      database.exec(VERSION_1);
      const { seq, mac, signature } = first();
      database.prepare('INSERT INTO checkpoint VALUES (1, ?, ?, ?)').run(seq, mac, signature);
    },
    (database) => {
      database.exec(VERSION_2);
      signStates(database, keyOf(database));
    },
    (database) => {
      database.exec(VERSION_3);
      signEnd(database, keyOf(database));
    },
  ];
}

const VERSION_1 = `
PRAGMA application_id = ${JOURNAL_APPLICATION_ID};
CREATE TABLE checkpoint (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  seq INTEGER NOT NULL, mac TEXT NOT NULL, signature TEXT NOT NULL
) STRICT;
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, aggregate TEXT NOT NULL, at_ms INTEGER NOT NULL, actor TEXT NOT NULL,
  rollout TEXT, kind TEXT NOT NULL, event TEXT NOT NULL, mac TEXT NOT NULL
) STRICT;
CREATE INDEX events_of_aggregate ON events (aggregate);
CREATE INDEX events_of_rollout ON events (rollout) WHERE rollout IS NOT NULL;
CREATE TABLE aggregates (
  aggregate TEXT PRIMARY KEY, revision INTEGER NOT NULL, state TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- place: the order of arrival. A new row gets the highest plus one, and the highest is never older than another.
CREATE TABLE commands (
  place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, aggregate TEXT NOT NULL, command TEXT NOT NULL
) STRICT;
CREATE TABLE documents (
  place INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, aggregate TEXT NOT NULL,
  value TEXT NOT NULL, UNIQUE (kind, key)
) STRICT;
CREATE INDEX documents_of_kind ON documents (kind);
CREATE INDEX documents_of_aggregate ON documents (kind, aggregate);
`;

const VERSION_2 = `
ALTER TABLE aggregates ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE commands ADD COLUMN mac TEXT NOT NULL DEFAULT '';
`;

const VERSION_3 = `
CREATE TABLE head (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  seq INTEGER NOT NULL, mac TEXT NOT NULL, signature TEXT NOT NULL
) STRICT;
`;

function signEnd(database: DatabaseSync, key: Uint8Array): void {
  const newest =
    database.prepare('SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1').get() ??
    database.prepare('SELECT seq, mac FROM checkpoint').get();
  const { seq, mac, signature } = signHead(key, newest as ChainHead);
  database.prepare('INSERT INTO head VALUES (1, ?, ?, ?)').run(seq, mac, signature);
}

function signStates(database: DatabaseSync, key: Uint8Array): void {
  const states = database.prepare('SELECT aggregate, revision, state FROM aggregates').all();
  const signState = database.prepare('UPDATE aggregates SET mac = ? WHERE aggregate = ?');
  for (const row of states) {
    const { aggregate, revision, state } = row as { aggregate: string; revision: number; state: string };
    signState.run(stateMac(key, aggregate, revision, state), aggregate);
  }
  const commands = database.prepare('SELECT id, aggregate, command FROM commands').all();
  const signCommand = database.prepare('UPDATE commands SET mac = ? WHERE id = ?');
  for (const row of commands) {
    const { id, aggregate, command } = row as { id: string; aggregate: string; command: string };
    signCommand.run(commandMac(key, id, aggregate, command), id);
  }
}
