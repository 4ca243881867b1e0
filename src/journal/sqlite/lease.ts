import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { OperatingError } from '../../lib/errors.ts';
import { failureOf } from './errors.ts';

/** Two controllers that start at once can each stop the other for an instant; so can a kill that is not over yet. */
const PATIENCE_MS = 500;

/** SQLite's own lock is the lease: the kernel frees it when the process is gone, however it went. */
export type Lease = { readonly file: string; readonly holderFile: string };

export type Holder = { readonly pid: number; readonly sinceMs: number };

/**
 * Opens the database and keeps it locked until it is closed. Never open `file` by other means in the same process while
 * it is held: closing any descriptor of it would drop the lock (POSIX record locks).
 * Errors: JOURNAL_HELD, at once if the holder is known and alive.
 */
export function openExclusively(lease: Lease, holder: Holder): DatabaseSync {
  createPrivately(lease.file);
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const database = tryToOpen(lease.file);
    if (database !== null) {
      nameHolder(lease.holderFile, holder);
      return database;
    }
    const other = readHolder(lease.holderFile);
    if (other !== null || performance.now() > deadlineMs) throw held(lease.file, other);
    sleep(10 + (holder.pid % 10));
  }
}

/** Forgets the holder's name, then frees the lock. */
export function release(database: DatabaseSync, lease: Lease): void {
  try {
    rmSync(lease.holderFile, { force: true });
  } catch {
    // On a disk that failed it stays, and names a process that is no more.
  }
  database.close();
}

/** Makes the file, if missing, for this user alone; SQLite gives its side files the same mode. */
export function createPrivately(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Null when another connection has the lock. Changes nothing in the file. */
function tryToOpen(file: string): DatabaseSync | null {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    // Reading alone would share the file while it is not in WAL mode yet.
    database.exec('BEGIN EXCLUSIVE; COMMIT');
    return database;
  } catch (error) {
    database.close();
    if (failureOf(error) === 'busy') return null;
    throw error;
  }
}

/** Only for the message that others get, so that a full disk does not keep a journal from being opened. */
function nameHolder(file: string, holder: Holder): void {
  try {
    writeFileSync(`${file}.tmp`, JSON.stringify(holder), { mode: 0o600 });
    renameSync(`${file}.tmp`, file);
  } catch (error) {
    if (failureOf(error) === 'none') throw error;
    rmSync(file, { force: true });
  }
}

function held(file: string, other: Holder | null): OperatingError {
  const who =
    other === null
      ? 'another process (it left no name)'
      : `process ${other.pid}, since ${new Date(other.sinceMs).toISOString()}`;
  return new OperatingError(
    'JOURNAL_HELD',
    `${file} is in use by ${who}. Nothing was changed. Use the controller that is running, or stop it first.`,
    { retryable: true },
  );
}

/** Null when no one is named, or the one named is no more. */
function readHolder(file: string): Holder | null {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8')) as Holder;
    return isAlive(holder.pid) ? holder : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
