import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { OperatingError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import { renameDurablySync, writeFileDurablySync } from '../../lib/durable-file.ts';

const KEY_BYTES = 32;

/**
 * Makes the key of a new journal under a temporary name. `finishKey` gives it its own once the journal is signed with it,
 * so that a kill in between leaves neither a journal without a key nor a key that hides the loss of its journal.
 */
export function prepareKey(keyFile: string, random: Random): Uint8Array {
  mkdirSync(dirname(keyFile), { recursive: true, mode: 0o700 });
  const hex = random.hex(KEY_BYTES);
  writeFileDurablySync(preparedName(keyFile), `${hex}\n`, 0o400);
  return Buffer.from(hex, 'hex');
}

export function finishKey(keyFile: string): void {
  if (!existsSync(keyFile) && existsSync(preparedName(keyFile))) {
    renameDurablySync(preparedName(keyFile), keyFile);
  }
}

/** Errors: JOURNAL_KEY when it is missing or is not a key. */
export function readKey(keyFile: string, journalFile: string): Uint8Array {
  if (!existsSync(keyFile)) throw keyError(journalFile, `${keyFile}, which signs it, is missing`);
  const text = readFileSync(keyFile, 'utf8').trim();
  if (!/^[0-9a-f]{64}$/.test(text)) throw keyError(journalFile, `${keyFile} does not hold a key`);
  return Buffer.from(text, 'hex');
}

export function keyError(journalFile: string, found: string): OperatingError {
  return new OperatingError(
    'JOURNAL_KEY',
    `${journalFile} was not opened: ${found}. Nothing was changed. Put the key back from the copy that belongs to this journal; without it, move both away to begin anew.`,
    { retryable: false },
  );
}

function preparedName(keyFile: string): string {
  return `${keyFile}.new`;
}
