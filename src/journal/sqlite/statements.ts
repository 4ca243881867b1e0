import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { Checkpoint } from '../chain.ts';

/** A prepared statement whose rows have the shape that its SQL gives them. */
export type Query<Row> = {
  get(...values: readonly SQLInputValue[]): Row | undefined;
  all(...values: readonly SQLInputValue[]): Row[];
  iterate(...values: readonly SQLInputValue[]): Iterable<Row>;
  run(...values: readonly SQLInputValue[]): unknown;
};

export type EventRow = {
  readonly seq: number;
  readonly aggregate: string;
  readonly atMs: number;
  readonly actor: string;
  readonly rollout: string | null;
  readonly kind: string;
  /** JSON text. */
  readonly event: string;
  readonly mac: string;
};

export type Statements = ReturnType<typeof prepareStatements>;

const EVENT = 'SELECT seq, aggregate, at_ms AS atMs, actor, rollout, kind, event, mac FROM events';
const PAGE = 'seq > ? ORDER BY seq LIMIT ?';

/** Every statement of the journal, prepared once. */
export function prepareStatements(database: DatabaseSync) {
  function query<Row>(sql: string): Query<Row> {
    return database.prepare(sql) as unknown as Query<Row>;
  }
  return {
    newestEvent: query<{ seq: number; mac: string }>('SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1'),
    eventMac: query<{ mac: string }>('SELECT mac FROM events WHERE seq = ?'),
    addEvent: query<never>('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    removeEvents: query<never>('DELETE FROM events WHERE seq <= ?'),
    eventsUpTo: query<EventRow>(`${EVENT} WHERE seq <= ? ORDER BY seq`),
    events: query<EventRow>(`${EVENT} WHERE ${PAGE}`),
    eventsOfAggregate: query<EventRow>(`${EVENT} WHERE aggregate = ? AND ${PAGE}`),
    eventsOfRollout: query<EventRow>(`${EVENT} WHERE rollout = ? AND ${PAGE}`),
    eventsOfBoth: query<EventRow>(`${EVENT} WHERE rollout = ? AND aggregate = ? AND ${PAGE}`),
    checkpoint: query<Checkpoint>('SELECT seq, mac, signature FROM checkpoint'),
    signedHead: query<Checkpoint>('SELECT seq, mac, signature FROM head'),
    putHead: query<never>('UPDATE head SET seq = ?, mac = ?, signature = ?'),
    putCheckpoint: query<never>('UPDATE checkpoint SET seq = ?, mac = ?, signature = ?'),
    allAggregates: query<{ aggregate: string; revision: number; state: string; mac: string }>(
      'SELECT aggregate, revision, state, mac FROM aggregates ORDER BY aggregate',
    ),
    revision: query<{ revision: number }>('SELECT revision FROM aggregates WHERE aggregate = ?'),
    putAggregate: query<never>(
      `INSERT INTO aggregates VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET revision = excluded.revision, state = excluded.state, mac = excluded.mac`,
    ),
    removeAggregate: query<never>('DELETE FROM aggregates WHERE aggregate = ?'),
    allCommands: query<{ id: string; aggregate: string; command: string; mac: string }>(
      'SELECT id, aggregate, command, mac FROM commands ORDER BY place',
    ),
    addCommand: query<never>('INSERT INTO commands (id, aggregate, command, mac) VALUES (?, ?, ?, ?)'),
    removeCommand: query<never>('DELETE FROM commands WHERE id = ? AND aggregate = ?'),
    removeCommands: query<never>('DELETE FROM commands WHERE aggregate = ?'),
    document: query<{ value: string }>('SELECT value FROM documents WHERE kind = ? AND key = ?'),
    placeOfDocument: query<{ place: number }>('SELECT place FROM documents WHERE kind = ? AND key = ?'),
    documentsOfKind: query<{ key: string; value: string }>(
      'SELECT key, value FROM documents WHERE kind = ? AND place < ? ORDER BY place DESC LIMIT ?',
    ),
    documentsOfAggregate: query<{ key: string; value: string }>(
      'SELECT key, value FROM documents WHERE kind = ? AND aggregate = ? AND place < ? ORDER BY place DESC LIMIT ?',
    ),
    putDocument: query<never>(
      `INSERT INTO documents (kind, key, aggregate, value) VALUES (?, ?, ?, ?)
       ON CONFLICT (kind, key) DO UPDATE SET aggregate = excluded.aggregate, value = excluded.value`,
    ),
    removeDocument: query<never>('DELETE FROM documents WHERE kind = ? AND key = ?'),
  };
}
