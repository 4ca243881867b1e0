import type { DatabaseSync } from 'node:sqlite';
import type { Query } from './statements.ts';

/** `Bsmp`: tells samples from other programs' databases. */
export const SAMPLES_APPLICATION_ID = 0x42736d70;

/** The steps of `migrate`. */
export const SAMPLE_STEPS: readonly ((database: DatabaseSync) => void)[] = [
  (database) => database.exec(VERSION_1),
  (database) => database.exec(VERSION_2),
];

export type DataRow = { readonly second: number; readonly data: Uint8Array };

export type ServiceRow = {
  readonly id: number;
  readonly name: string;
  readonly cursor: string;
  readonly upToSecond: number;
  /** Rows before it are in `minutes`, the others in `seconds`. */
  readonly minutesUntil: number;
};

export type EvidenceRow = {
  readonly id: number;
  readonly upToSecond: number;
  readonly minutesUntil: number;
  readonly bytes: number;
};

export type SampleStatements = ReturnType<typeof prepareSampleStatements>;

const VERSION_1 = `
PRAGMA application_id = ${SAMPLES_APPLICATION_ID};
CREATE TABLE services (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cursor TEXT NOT NULL,
  up_to_second INTEGER NOT NULL, minutes_until INTEGER NOT NULL
) STRICT;
CREATE TABLE seconds (
  service INTEGER NOT NULL, second INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (service, second)
) STRICT, WITHOUT ROWID;
CREATE TABLE minutes (
  service INTEGER NOT NULL, second INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (service, second)
) STRICT, WITHOUT ROWID;
`;

/** Evidence is a copy, so that what is compacted needs no list of what may not be. */
const VERSION_2 = `
CREATE TABLE evidence (
  id INTEGER PRIMARY KEY, rollout TEXT NOT NULL UNIQUE, up_to_second INTEGER NOT NULL,
  minutes_until INTEGER NOT NULL, bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE evidence_seconds (
  evidence INTEGER NOT NULL, second INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (evidence, second)
) STRICT, WITHOUT ROWID;
`;

const SERVICE =
  'SELECT id, name, cursor, up_to_second AS upToSecond, minutes_until AS minutesUntil FROM services';

/** Every statement over samples, prepared once. */
export function prepareSampleStatements(database: DatabaseSync) {
  function query<Row>(sql: string): Query<Row> {
    return database.prepare(sql) as unknown as Query<Row>;
  }
  function tableOf(name: 'seconds' | 'minutes') {
    return {
      row: query<DataRow>(`SELECT second, data FROM ${name} WHERE service = ? AND second = ?`),
      put: query<never>(
        `INSERT INTO ${name} VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET data = excluded.data`,
      ),
      between: query<DataRow>(
        `SELECT second, data FROM ${name} WHERE service = ? AND second >= ? AND second < ? ORDER BY second`,
      ),
      removeBefore: query<never>(`DELETE FROM ${name} WHERE service = ? AND second < ?`),
      oldest: query<{ second: number | null }>(`SELECT min(second) AS second FROM ${name} WHERE service = ?`),
      newest: query<{ second: number | null }>(
        `SELECT max(second) AS second FROM ${name} WHERE service = ? AND second < ?`,
      ),
    };
  }
  return {
    seconds: tableOf('seconds'),
    minutes: tableOf('minutes'),
    services: query<ServiceRow>(SERVICE),
    service: query<ServiceRow>(`${SERVICE} WHERE name = ?`),
    putService: query<never>(
      `INSERT INTO services (name, cursor, up_to_second, minutes_until) VALUES (?, ?, ?, 0)
       ON CONFLICT (name) DO UPDATE
       SET cursor = excluded.cursor, up_to_second = max(up_to_second, excluded.up_to_second)`,
    ),
    setMinutesUntil: query<never>('UPDATE services SET minutes_until = ? WHERE id = ?'),
    removeService: query<never>('DELETE FROM services WHERE id = ?'),
    evidence: evidenceStatements(query),
    page: query<DataRow>(
      `SELECT second, data FROM minutes WHERE service = ?1 AND second BETWEEN ?2 AND ?3
       UNION ALL SELECT second, data FROM seconds WHERE service = ?1 AND second BETWEEN ?2 AND ?3
       ORDER BY second LIMIT ?4`,
    ),
  };
}

/** A row's bytes: its data, its key, and what the tree adds. */
const ROW_BYTES = 'length(data) + 20';

function evidenceStatements(query: <Row>(sql: string) => Query<Row>) {
  const ROW = 'SELECT id, up_to_second AS upToSecond, minutes_until AS minutesUntil, bytes FROM evidence';
  return {
    of: query<EvidenceRow>(`${ROW} WHERE rollout = ?`),
    oldest: query<EvidenceRow>(`${ROW} ORDER BY id LIMIT 1`),
    bytes: query<{ bytes: number }>('SELECT coalesce(sum(bytes), 0) AS bytes FROM evidence'),
    add: query<never>(
      'INSERT INTO evidence (rollout, up_to_second, minutes_until, bytes) VALUES (?, ?, ?, 0)',
    ),
    copy: query<never>(
      `INSERT INTO evidence_seconds SELECT ?, second, data FROM seconds
       WHERE service = ? AND second BETWEEN ? AND ?`,
    ),
    measure: query<never>(
      `UPDATE evidence SET bytes = (SELECT coalesce(sum(${ROW_BYTES}), 0) FROM evidence_seconds WHERE evidence = ?1)
       WHERE id = ?1`,
    ),
    remove: query<never>('DELETE FROM evidence WHERE id = ?'),
    removeSeconds: query<never>('DELETE FROM evidence_seconds WHERE evidence = ?'),
    page: query<DataRow>(
      `SELECT second, data FROM evidence_seconds WHERE evidence = ? AND second BETWEEN ? AND ?
       ORDER BY second LIMIT ?`,
    ),
  };
}
