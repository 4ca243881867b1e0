import type { DatabaseSync } from 'node:sqlite';
import type { Checkpoint } from '../chain.ts';

/** `Bjnl`: tells a journal from other programs' databases. */
export const JOURNAL_APPLICATION_ID = 0x426a6e6c;

/** `user_version` of the files that this program writes. */
export const JOURNAL_VERSION = 1;

/** The steps of `migrate`; the first makes the file and signs the empty chain. */
export function journalSteps(first: () => Checkpoint): readonly ((database: DatabaseSync) => void)[] {
  return [
    (database) => {
      database.exec(VERSION_1);
      const { seq, mac, signature } = first();
      database.prepare('INSERT INTO checkpoint VALUES (1, ?, ?, ?)').run(seq, mac, signature);
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
