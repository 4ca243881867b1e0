import type { DatabaseSync } from 'node:sqlite';
import { assert } from '../../lib/assert.ts';
import { OperatingError } from '../../lib/errors.ts';
import type { Json } from '../../lib/json.ts';
import { sameFile } from '../../lib/same-file.ts';
import {
  chainRow,
  commandMac,
  headFault,
  sameMac,
  signCheckpoint,
  signHead,
  stateMac,
  verifyChain,
  type ChainFault,
  type Checkpoint,
} from '../chain.ts';
import type {
  ChainHead,
  Committed,
  DocumentQuery,
  EventQuery,
  Journal,
  JournalEntry,
  StoredAggregate,
  StoredEvent,
} from '../journal.ts';
import { brokenChain, checkEntry } from '../refusals.ts';
import { corruptJournal, failureOf, goneJournal, journalError } from './errors.ts';
import { release, type Lease } from './lease.ts';
import { inTransaction } from './migrate.ts';
import { prepareStatements, type EventRow, type Statements } from './statements.ts';

/** A journal over an opened, checked and exclusively locked database; `openSqliteJournal` makes one. */
export class SqliteJournal implements Journal {
  readonly #database: DatabaseSync;
  readonly #lease: Lease;
  readonly #key: Uint8Array;
  readonly #sql: Statements;
  /** SQLite goes on writing into a file that was deleted, and nobody would ever read that again. */
  readonly #isThere: () => boolean;
  #head: ChainHead;
  /** What was found of the end of the chain at the start. Then the signed head stays as it is: it is the evidence. */
  readonly #cut: ChainFault | null;
  /** Set when a write failed in a way that leaves open what is on disk: only a new start can tell. */
  #failure: OperatingError | null = null;

  constructor(database: DatabaseSync, lease: Lease, key: Uint8Array) {
    this.#database = database;
    this.#lease = lease;
    this.#key = key;
    this.#sql = prepareStatements(database);
    this.#isThere = sameFile(lease.file);
    const { seq, mac } = this.#sql.newestEvent.get() ?? this.#checkpoint();
    this.#head = { seq, mac };
    const signed = this.#sql.signedHead.get();
    this.#cut =
      signed === undefined ? { seq, why: 'its signed end is gone' } : headFault(key, signed, this.#head);
  }

  load(): readonly StoredAggregate[] {
    const pending = this.#sql.allCommands.all();
    const states = this.#sql.allAggregates.all();
    const key = this.#key;
    for (const { aggregate, revision, state, mac } of states)
      this.#mustFit(`the state of ${aggregate}`, mac, stateMac(key, aggregate, revision, state));
    for (const { id, aggregate, command, mac } of pending)
      this.#mustFit(`what is to be done next for ${aggregate}`, mac, commandMac(key, id, aggregate, command));
    return states.map((row) => ({
      aggregate: row.aggregate,
      revision: row.revision,
      state: parse(row.state),
      pending: pending
        .filter((command) => command.aggregate === row.aggregate)
        .map((command) => ({ id: command.id, command: parse(command.command) })),
    }));
  }

  commit(entry: JournalEntry): Committed {
    const row = chainRow(this.#key, this.#head, entry);
    const aggregate = row.aggregate;
    this.#write(`event ${entry.kind} of ${aggregate}`, () => {
      checkEntry(entry, this.#sql.revision.get(aggregate)?.revision ?? 0);
      this.#sql.addEvent.run(
        row.seq,
        aggregate,
        row.atMs,
        row.actor,
        row.rollout,
        row.kind,
        row.eventText,
        row.mac,
      );
      for (const id of entry.finished) this.#sql.removeCommand.run(id.toWellFormed(), aggregate);
      this.#putAggregate(aggregate, entry);
      for (const { id, command } of entry.commands) {
        const [name, text] = [id.toWellFormed(), JSON.stringify(command)];
        this.#sql.addCommand.run(name, aggregate, text, commandMac(this.#key, name, aggregate, text));
      }
      for (const document of entry.documents) this.#putDocument(document);
      if (this.#cut === null) {
        const { signature } = signHead(this.#key, row);
        this.#sql.putHead.run(row.seq, row.mac, signature);
      }
    });
    this.#head = { seq: row.seq, mac: row.mac };
    return { seq: row.seq, revision: entry.state === null ? 0 : entry.expectedRevision + 1 };
  }

  events({ aggregate, rollout, afterSeq, limit }: EventQuery): readonly StoredEvent[] {
    const sql = this.#sql;
    if (aggregate === null && rollout === null) return sql.events.all(afterSeq, limit).map(toEvent);
    if (rollout === null) return sql.eventsOfAggregate.all(aggregate, afterSeq, limit).map(toEvent);
    if (aggregate === null) return sql.eventsOfRollout.all(rollout, afterSeq, limit).map(toEvent);
    return sql.eventsOfBoth.all(rollout, aggregate, afterSeq, limit).map(toEvent);
  }

  document(kind: string, key: string): Json | undefined {
    const row = this.#sql.document.get(kind.toWellFormed(), key.toWellFormed());
    return row === undefined ? undefined : parse(row.value);
  }

  documents({ kind, aggregate, limit, olderThan }: DocumentQuery): readonly { key: string; value: Json }[] {
    const end =
      olderThan === undefined
        ? Number.MAX_SAFE_INTEGER
        : (this.#sql.placeOfDocument.get(kind, olderThan)?.place ?? 0);
    const rows =
      aggregate === null
        ? this.#sql.documentsOfKind.all(kind, end, limit)
        : this.#sql.documentsOfAggregate.all(kind, aggregate, end, limit);
    return rows.map((row) => ({ key: row.key, value: parse(row.value) }));
  }

  /** Signing over events that were tampered with would hide it: they are checked first (JOURNAL_CHAIN). */
  prune(request: Parameters<Journal['prune']>[0]): void {
    const upToSeq = Math.min(request.eventsUpToSeq, this.#head.seq);
    this.#write(`pruning up to event ${upToSeq}`, () => {
      if (upToSeq > this.#checkpoint().seq) this.#pruneEvents(upToSeq);
      for (const { kind, key } of request.documents) {
        this.#sql.removeDocument.run(kind.toWellFormed(), key.toWellFormed());
      }
    });
  }

  verify(): ChainFault | null {
    return this.#verifyUpTo(Number.MAX_SAFE_INTEGER) ?? this.#cut;
  }

  head(): ChainHead {
    return this.#head;
  }

  /** A consistent copy in a new file, with what is committed now. Errors: JOURNAL_FULL, JOURNAL_FAILED; the journal goes on. */
  copyTo(path: string): void {
    try {
      this.#database.prepare('VACUUM INTO ?').run(path);
    } catch (error) {
      throw journalError(error, `a copy to ${path}`, this.#lease.file);
    }
  }

  close(): void {
    if (this.#database.isOpen) release(this.#database, this.#lease);
  }

  /** Error: JOURNAL_CORRUPT. What a server goes on from is believed whole, or not at all. */
  #mustFit(what: string, mac: string, expected: string): void {
    if (sameMac(mac, expected)) return;
    throw corruptJournal(this.#lease.file, `${what} was damaged or changed, because its MAC does not fit`);
  }

  #checkpoint(): Checkpoint {
    const row = this.#sql.checkpoint.get();
    assert(row !== undefined, 'a journal was opened without its checkpoint');
    return row;
  }

  #putAggregate(aggregate: string, entry: JournalEntry): void {
    if (entry.state === null) {
      this.#sql.removeAggregate.run(aggregate);
      this.#sql.removeCommands.run(aggregate);
    } else {
      const [revision, text] = [entry.expectedRevision + 1, JSON.stringify(entry.state)];
      this.#sql.putAggregate.run(aggregate, revision, text, stateMac(this.#key, aggregate, revision, text));
    }
  }

  #putDocument(document: JournalEntry['documents'][number]): void {
    this.#sql.putDocument.run(
      document.kind.toWellFormed(),
      document.key.toWellFormed(),
      document.aggregate.toWellFormed(),
      JSON.stringify(document.value),
    );
  }

  #pruneEvents(upToSeq: number): void {
    const fault = this.#verifyUpTo(upToSeq);
    if (fault !== null) throw brokenChain(fault);
    const last = this.#sql.eventMac.get(upToSeq);
    if (last === undefined) throw brokenChain({ seq: upToSeq, why: 'the event is missing' });
    const checkpoint = signCheckpoint(this.#key, { seq: upToSeq, mac: last.mac });
    this.#sql.putCheckpoint.run(checkpoint.seq, checkpoint.mac, checkpoint.signature);
    this.#sql.removeEvents.run(upToSeq);
  }

  #verifyUpTo(seq: number): ChainFault | null {
    const rows = this.#sql.eventsUpTo.iterate(seq);
    return verifyChain(this.#key, this.#checkpoint(), rowsOf(rows));
  }

  #write(attempted: string, work: () => void): void {
    if (this.#failure !== null) throw this.#failure;
    if (!this.#isThere()) throw (this.#failure = goneJournal(attempted, this.#lease.file));
    try {
      inTransaction(this.#database, work);
    } catch (error) {
      assert(failureOf(error) !== 'constraint', `${attempted} repeats an id: ${String(error)}`);
      const named = journalError(error, attempted, this.#lease.file);
      const isOpen = named instanceof OperatingError && /^JOURNAL_(FAILED|CORRUPT)$/.test(named.code);
      if (isOpen) this.#failure = named;
      throw named;
    }
  }
}

function* rowsOf(rows: Iterable<EventRow>): Generator<EventRow & { eventText: string }> {
  for (const row of rows) yield { ...row, eventText: row.event };
}

function toEvent(row: EventRow): StoredEvent {
  return { ...row, event: parse(row.event) };
}

function parse(text: string): Json {
  return JSON.parse(text) as Json;
}
