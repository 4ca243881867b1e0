import { DatabaseSync } from 'node:sqlite';
import { OperatingError } from '../../lib/errors.ts';
import { decodeRow, encodeRow } from '../../traffic/counts-codec.ts';
import { minuteOf, sumRows } from '../rollup.ts';
import type { SampleBatch } from '../samples.ts';
import { samplesError } from './errors.ts';
import { createPrivately } from './lease.ts';
import { inTransaction, migrate, readPragma } from './migrate.ts';
import {
  prepareSampleStatements,
  SAMPLE_STEPS,
  SAMPLES_APPLICATION_ID,
  type DataRow,
  type SampleStatements,
  type ServiceRow,
} from './sample-statements.ts';

/** A batch with its rows encoded. */
export type EncodedBatch = Pick<SampleBatch, 'service' | 'cursor' | 'upToSecond'> & {
  readonly rows: readonly DataRow[];
};

export type SamplePage = {
  readonly rows: readonly DataRow[];
  readonly upToSecond: number | null;
  readonly minutesUntil: number | null;
};

/** A page is decoded in one go on the main thread: small enough not to be felt there. */
export const PAGE_ROWS = 500;

/** `samples.db`, used from one thread only. All calls are synchronous. */
export class SampleDatabase {
  readonly database: DatabaseSync;
  readonly sql: SampleStatements;
  readonly #file: string;

  /** Errors: SAMPLES_UNREADABLE, SAMPLES_FULL, SAMPLES_FAILED. */
  constructor(file: string, maxBytes: number | null) {
    this.#file = file;
    try {
      this.database = openDatabase(file, maxBytes);
      this.sql = prepareSampleStatements(this.database);
    } catch (error) {
      throw samplesError(error, 'Opening the samples', file);
    }
  }

  /** All batches in one transaction. */
  write(batches: readonly EncodedBatch[]): void {
    this.transaction('Storing samples', () => {
      for (const batch of batches) this.#writeBatch(batch);
    });
  }

  page(service: string, fromSecond: number, toSecond: number): SamplePage {
    const stored = this.sql.service.get(service);
    if (stored === undefined) return { rows: [], upToSecond: null, minutesUntil: null };
    const rows = this.sql.page.all(stored.id, fromSecond, toSecond, PAGE_ROWS);
    return {
      rows,
      upToSecond: stored.upToSecond,
      minutesUntil: stored.minutesUntil === 0 ? null : stored.minutesUntil,
    };
  }

  cursor(service: string): string | null {
    return this.sql.service.get(service)?.cursor ?? null;
  }

  /** Moves what was committed through the log into the file, with fsync. */
  sync(): void {
    this.database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  }

  close(): void {
    this.database.close();
  }

  transaction<T>(attempted: string, work: () => T): T {
    try {
      return inTransaction(this.database, work);
    } catch (error) {
      throw samplesError(error, attempted, this.#file);
    }
  }

  #writeBatch(batch: EncodedBatch): void {
    this.sql.putService.run(batch.service, batch.cursor, batch.upToSecond);
    const service = this.sql.service.get(batch.service)!;
    for (const row of batch.rows) this.#writeRow(service, row);
  }

  /** A second that comes twice, or after its minute was summed up, is added to what is there. */
  #writeRow(service: ServiceRow, row: DataRow): void {
    const isLate = row.second < service.minutesUntil;
    const table = isLate ? this.sql.minutes : this.sql.seconds;
    const second = isLate ? minuteOf(row.second) : row.second;
    const present = table.row.get(service.id, second);
    const parts = present === undefined ? [row] : [present, row];
    const isWhole = present === undefined && !isLate;
    const data = isWhole ? row.data : sumUp(second, parts);
    table.put.run(service.id, second, data);
  }
}

/** Encoded rows added up into one. */
export function sumUp(second: number, rows: readonly DataRow[]): Uint8Array {
  const parts = rows.map((row) => decodeRow(row.second, row.data));
  return encodeRow(sumRows(second, parts));
}

function openDatabase(file: string, maxBytes: number | null): DatabaseSync {
  createPrivately(file);
  const database = new DatabaseSync(file, { timeout: 500 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = INCREMENTAL');
    checkIsSamples(database, file);
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 1048576',
    );
    if (maxBytes !== null) {
      database.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / readPragma(database, 'page_size'))}`);
    }
    if (migrate(database, SAMPLE_STEPS) === 'newer') throw unreadable(file, 'a newer Bascule wrote it');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function checkIsSamples(database: DatabaseSync, file: string): void {
  const isNew = database.prepare('SELECT 1 FROM sqlite_schema').all().length === 0;
  if (!isNew && readPragma(database, 'application_id') !== SAMPLES_APPLICATION_ID) {
    throw unreadable(file, 'another program wrote it');
  }
}

function unreadable(file: string, found: string): OperatingError {
  return new OperatingError(
    'SAMPLES_UNREADABLE',
    `${file} cannot be used for samples: ${found}. It was left as it is. Move it away; only charts of the past are lost.`,
    { retryable: false },
  );
}
