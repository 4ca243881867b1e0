import type { DatabaseSync } from 'node:sqlite';

/**
 * Takes a database from its `user_version` to the number of steps; `steps[n]` leads from version n to n + 1 and is never
 * changed once released. Each step is one transaction. A file from a newer program is left alone.
 */
export function migrate(
  database: DatabaseSync,
  steps: readonly ((database: DatabaseSync) => void)[],
): 'current' | 'newer' {
  const version = readPragma(database, 'user_version');
  if (version > steps.length) return 'newer';
  for (let next = version; next < steps.length; next++) {
    inTransaction(database, () => {
      steps[next]!(database);
      database.exec(`PRAGMA user_version = ${next + 1}`);
    });
  }
  return 'current';
}

export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

export function readPragma(database: DatabaseSync, name: string): number {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return Number(row?.[name]);
}
