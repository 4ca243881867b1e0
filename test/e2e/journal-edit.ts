import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { stateMac } from '../../src/journal/chain.ts';

/** Replaces text in the recorded states and signs them again, as only who has the key can. Returns how many changed. */
export function editStates(stateDirectory: string, from: string, to: string): number {
  const key = Buffer.from(readFileSync(join(stateDirectory, 'keys', 'journal.key'), 'utf8').trim(), 'hex');
  const database = new DatabaseSync(join(stateDirectory, 'journal.db'));
  try {
    const rows = database
      .prepare('SELECT aggregate, revision, state FROM aggregates WHERE instr(state, ?) > 0')
      .all(from) as { aggregate: string; revision: number; state: string }[];
    for (const { aggregate, revision, state } of rows) {
      const edited = state.replaceAll(from, to);
      database
        .prepare('UPDATE aggregates SET state = ?, mac = ? WHERE aggregate = ?')
        .run(edited, stateMac(key, aggregate, revision, edited), aggregate);
    }
    return rows.length;
  } finally {
    database.close();
  }
}
