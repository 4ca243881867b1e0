import { assert } from '../lib/assert.ts';
import { OperatingError } from '../lib/errors.ts';
import type { ChainFault } from './chain.ts';
import type { JournalEntry } from './journal.ts';

/** What every journal checks of an entry before it writes any of it. Error: JOURNAL_CONFLICT. */
export function checkEntry(entry: JournalEntry, storedRevision: number): void {
  assert(
    entry.state !== null || entry.commands.length === 0,
    `${entry.kind} deletes ${entry.aggregate}, so it cannot leave commands behind`,
  );
  if (storedRevision === entry.expectedRevision) return;
  throw new OperatingError(
    'JOURNAL_CONFLICT',
    `${entry.aggregate} was to go on from revision ${entry.expectedRevision}, but ${storedRevision} is stored; nothing was written. Load it again and decide anew.`,
    { retryable: false },
  );
}

/** Signing a checkpoint over events that were tampered with would hide it. */
export function brokenChain(fault: ChainFault): OperatingError {
  return new OperatingError(
    'JOURNAL_CHAIN',
    `Event ${fault.seq} of the journal does not fit its chain (${fault.why}); nothing was pruned. Keep a copy of the state directory and find out who changed it.`,
    { retryable: false },
  );
}
