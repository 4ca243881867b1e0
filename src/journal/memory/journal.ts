import { assert } from '../../lib/assert.ts';
import { OperatingError } from '../../lib/errors.ts';
import type { Json } from '../../lib/json.ts';
import {
  chainRow,
  firstCheckpoint,
  headFault,
  signCheckpoint,
  signHead,
  verifyChain,
  type ChainFault,
  type ChainRow,
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

/** What a journal in memory keeps: outlives the journal, as a disk outlives a process. All values are JSON text. */
export type MemoryDisk = {
  readonly key: Uint8Array;
  checkpoint: Checkpoint;
  signedHead: Checkpoint;
  events: ChainRow[];
  readonly aggregates: Map<string, { readonly revision: number; readonly state: string }>;
  readonly commands: Map<string, { readonly aggregate: string; readonly command: string }>;
  readonly documents: Map<string, MemoryDocument>;
  /** Set it to have commits refused with JOURNAL_FULL. */
  isFull: boolean;
};

type MemoryDocument = {
  readonly kind: string;
  readonly key: string;
  readonly aggregate: string;
  readonly value: string;
};

export function createMemoryDisk(): MemoryDisk {
  const key = new Uint8Array(32).fill(7);
  return {
    key,
    checkpoint: firstCheckpoint(key),
    signedHead: signHead(key, firstCheckpoint(key)),
    events: [],
    aggregates: new Map(),
    commands: new Map(),
    documents: new Map(),
    isFull: false,
  };
}

/** The journal for tests and the simulator. No lease: the simulator decides who is alive. */
export function openMemoryJournal(disk: MemoryDisk): Journal {
  return new MemoryJournal(disk);
}

class MemoryJournal implements Journal {
  readonly #disk: MemoryDisk;
  /** What was found of the end of the chain when it was opened. */
  readonly #cut: ChainFault | null;
  #isClosed = false;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
    this.#cut = headFault(disk.key, disk.signedHead, this.head());
  }

  load(): readonly StoredAggregate[] {
    const commands = [...this.#open().commands];
    return [...this.#disk.aggregates]
      .toSorted(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
      .map(([aggregate, { revision, state }]) => ({
        aggregate,
        revision,
        state: parse(state),
        pending: commands
          .filter(([, command]) => command.aggregate === aggregate)
          .map(([id, { command }]) => ({ id, command: parse(command) })),
      }));
  }

  commit(entry: JournalEntry): Committed {
    const disk = this.#open();
    const row = chainRow(disk.key, this.head(), entry);
    const commands = entry.commands.map(({ id, command }) => ({
      id: id.toWellFormed(),
      command: JSON.stringify(command),
    }));
    const finished = new Set(
      entry.finished.map((id) => id.toWellFormed()).filter((id) => this.#owns(row, id)),
    );
    checkEntry(entry, disk.aggregates.get(row.aggregate)?.revision ?? 0);
    if (disk.isFull) throw full();
    const ids = [...disk.commands.keys()].filter((id) => !finished.has(id));
    for (const { id } of commands) ids.push(id);
    assert(new Set(ids).size === ids.length, `event ${entry.kind} of ${row.aggregate} repeats an id`);

    disk.events.push(row);
    if (this.#cut === null) disk.signedHead = signHead(disk.key, row);
    for (const id of finished) disk.commands.delete(id);
    this.#putAggregate(row.aggregate, entry);
    for (const { id, command } of commands) disk.commands.set(id, { aggregate: row.aggregate, command });
    for (const document of entry.documents) this.#putDocument(document);
    return { seq: row.seq, revision: entry.state === null ? 0 : entry.expectedRevision + 1 };
  }

  events({ aggregate, rollout, afterSeq, limit }: EventQuery): readonly StoredEvent[] {
    return this.#open()
      .events.filter(
        (row) =>
          row.seq > afterSeq &&
          (aggregate === null || row.aggregate === aggregate) &&
          (rollout === null || row.rollout === rollout),
      )
      .slice(0, limit)
      .map(({ eventText, ...row }) => ({ ...row, event: parse(eventText) }));
  }

  document(kind: string, key: string): Json | undefined {
    const stored = this.#open().documents.get(documentName(kind, key));
    return stored === undefined ? undefined : parse(stored.value);
  }

  documents({ kind, aggregate, limit, olderThan }: DocumentQuery): readonly { key: string; value: Json }[] {
    const all = [...this.#open().documents.values()];
    const end =
      olderThan === undefined
        ? all.length
        : all.findIndex((stored) => stored.kind === kind && stored.key === olderThan);
    return all
      .slice(0, Math.max(end, 0))
      .filter((stored) => stored.kind === kind && (aggregate === null || stored.aggregate === aggregate))
      .toReversed()
      .slice(0, limit)
      .map(({ key, value }) => ({ key, value: parse(value) }));
  }

  prune(request: Parameters<Journal['prune']>[0]): void {
    const disk = this.#open();
    const last = disk.events.findLast((row) => row.seq <= request.eventsUpToSeq);
    if (last !== undefined) {
      const pruned = disk.events.filter((row) => row.seq <= last.seq);
      const fault = verifyChain(disk.key, disk.checkpoint, pruned);
      if (fault !== null) throw brokenChain(fault);
      disk.checkpoint = signCheckpoint(disk.key, last);
      disk.events = disk.events.filter((row) => row.seq > last.seq);
    }
    for (const { kind, key } of request.documents) disk.documents.delete(documentName(kind, key));
  }

  verify(): ChainFault | null {
    const disk = this.#open();
    return verifyChain(disk.key, disk.checkpoint, disk.events) ?? this.#cut;
  }

  head(): ChainHead {
    const disk = this.#open();
    const { seq, mac } = disk.events.at(-1) ?? disk.checkpoint;
    return { seq, mac };
  }

  close(): void {
    this.#isClosed = true;
  }

  #open(): MemoryDisk {
    assert(!this.#isClosed, 'a journal is used after it was closed');
    return this.#disk;
  }

  #owns(row: ChainRow, id: string): boolean {
    return this.#disk.commands.get(id)?.aggregate === row.aggregate;
  }

  #putAggregate(aggregate: string, entry: JournalEntry): void {
    const { aggregates, commands } = this.#disk;
    if (entry.state !== null) {
      aggregates.set(aggregate, { revision: entry.expectedRevision + 1, state: JSON.stringify(entry.state) });
      return;
    }
    aggregates.delete(aggregate);
    for (const [id, command] of commands) if (command.aggregate === aggregate) commands.delete(id);
  }

  #putDocument(document: JournalEntry['documents'][number]): void {
    const kind = document.kind.toWellFormed();
    const key = document.key.toWellFormed();
    const aggregate = document.aggregate.toWellFormed();
    this.#disk.documents.set(documentName(kind, key), {
      kind,
      key,
      aggregate,
      value: JSON.stringify(document.value),
    });
  }
}

function full(): OperatingError {
  return new OperatingError(
    'JOURNAL_FULL',
    'The journal in memory was told to be full; nothing was written.',
    {
      retryable: true,
    },
  );
}

function documentName(kind: string, key: string): string {
  return JSON.stringify([kind.toWellFormed(), key.toWellFormed()]);
}

function parse(text: string): Json {
  return JSON.parse(text) as Json;
}
