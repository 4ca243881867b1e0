import { messageOf, OperatingError } from '../../lib/errors.ts';

/** Primary result codes, https://sqlite.org/rescode.html */
const BUSY = 5;
const CORRUPT = 11;
const FULL = 13;
const NOT_A_DATABASE = 26;
const CONSTRAINT = 19;

export type SqliteFailure = 'busy' | 'full' | 'corrupt' | 'constraint' | 'io' | 'none';

/** What kind of trouble an error of node:sqlite or node:fs is; `none` for anything else that was thrown. */
export function failureOf(error: unknown): SqliteFailure {
  if (!(error instanceof Error)) return 'none';
  if ('syscall' in error) return 'code' in error && error.code === 'ENOSPC' ? 'full' : 'io';
  if (!('errcode' in error) || typeof error.errcode !== 'number') return 'none';
  switch (error.errcode & 0xff) {
    case BUSY:
      return 'busy';
    case FULL:
      return 'full';
    case CORRUPT:
    case NOT_A_DATABASE:
      return 'corrupt';
    case CONSTRAINT:
      return 'constraint';
    default:
      return 'io';
  }
}

/** Gives the journal's errors their names; leaves what is not SQLite's (bugs, operating errors) as it is. */
export function journalError(error: unknown, attempted: string, file: string): unknown {
  switch (failureOf(error)) {
    case 'full':
      return new OperatingError(
        'JOURNAL_FULL',
        `There is no room for ${attempted} in ${file}; nothing was written. Free some disk space, then try again.`,
        { retryable: true, cause: error },
      );
    case 'corrupt':
      return corruptJournal(file, messageOf(error), error);
    case 'io':
    case 'busy':
      return new OperatingError(
        'JOURNAL_FAILED',
        `${attempted} failed on ${file}: ${messageOf(error)}. What was acknowledged before is safe. Check the disk and the file's permissions, then start the controller again.`,
        { retryable: false, cause: error },
      );
    default:
      return error;
  }
}

export function corruptJournal(file: string, found: string, cause?: unknown): OperatingError {
  return new OperatingError(
    'JOURNAL_CORRUPT',
    `${file} cannot be used as a journal: ${found}. Nothing was changed and traffic goes on as it is. Put back a copy of the whole state directory, or move the directory away to begin anew.`,
    { retryable: false, cause },
  );
}

export function goneJournal(attempted: string, file: string): OperatingError {
  return new OperatingError(
    'JOURNAL_FAILED',
    `${attempted} was not recorded: ${file} was deleted or replaced while this controller uses it. Traffic goes on as it is. Stop the controller, put the state directory back ("bascule restore"), and start it again.`,
    { retryable: false },
  );
}

/** The same for samples. */
export function samplesError(error: unknown, attempted: string, file: string): unknown {
  const found = messageOf(error);
  switch (failureOf(error)) {
    case 'full':
      return new OperatingError(
        'SAMPLES_FULL',
        `${attempted} found no room in ${file}; nothing was written. They are kept in memory and tried again: free some disk space.`,
        { retryable: true, cause: error },
      );
    case 'corrupt':
    case 'busy':
      return new OperatingError(
        'SAMPLES_UNREADABLE',
        `${attempted} failed: ${file} cannot be used (${found}). Stop what uses it, or move it away; only charts of the past are lost.`,
        { retryable: false, cause: error },
      );
    case 'io':
      return new OperatingError(
        'SAMPLES_FAILED',
        `${attempted} failed on ${file}: ${found}. Check the disk and the file's permissions, then start the controller again.`,
        { retryable: false, cause: error },
      );
    default:
      return error;
  }
}
