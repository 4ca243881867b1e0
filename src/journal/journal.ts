import type { Json } from '../lib/json.ts';

/**
 * What happened, durably. Opening it takes the lease of the state directory (JOURNAL_HELD with the holder when it is
 * taken); a kill -9 frees it. All calls are synchronous: what has returned is on disk.
 */
export type Journal = {
  /**
   * Everything needed to go on: the latest state of each aggregate and the commands without a result. Error:
   * JOURNAL_CORRUPT when one of them is not as it was written.
   */
  load(): readonly StoredAggregate[];
  /**
   * One transaction: the event at the end of the chain, the aggregate's next state, new commands, commands that are
   * finished by this event, documents. Errors: JOURNAL_CONFLICT when `expectedRevision` is not the stored one (a bug or a
   * second writer), JOURNAL_FULL (disk full; retryable; nothing was written).
   */
  commit(entry: JournalEntry): Committed;
  /** Events after `afterSeq`, oldest first, at most `limit`; of one aggregate or of all. */
  events(query: EventQuery): readonly StoredEvent[];
  document(kind: string, key: string): Json | undefined;
  /** Newest first, by when each was first written: an update keeps its place. */
  documents(query: DocumentQuery): readonly { readonly key: string; readonly value: Json }[];
  /**
   * Deletes events up to `seq` behind a signed checkpoint, and the documents named. Error: JOURNAL_CHAIN when the events
   * to be deleted do not fit their chain; nothing was deleted.
   */
  prune(request: {
    readonly eventsUpToSeq: number;
    readonly documents: readonly { kind: string; key: string }[];
  }): void;
  /** Walks the chain. Returns the first row that does not fit, or null. */
  verify(): { readonly seq: number; readonly why: string } | null;
  /** Sequence and MAC of the newest event: printed into logs and messages so that a cut tail shows. */
  head(): ChainHead;
  /** Frees the lease. Harmless when closed already. */
  close(): void;
};

export type JournalEntry = {
  /** The service's name, or `server`. */
  readonly aggregate: string;
  /** 0 for the first entry. The committed state gets this plus one. */
  readonly expectedRevision: number;
  readonly atMs: number;
  /** Who: `local (unverified)`, `bascule`, a person. */
  readonly actor: string;
  /** Rollout that it concerns, or null. */
  readonly rollout: string | null;
  readonly kind: string;
  readonly event: Json;
  /** Null deletes the aggregate and its pending commands; its events and documents stay. */
  readonly state: Json;
  readonly commands: readonly { readonly id: string; readonly command: Json }[];
  /** Ids of the aggregate's commands that are over with this event; those already gone are ignored. */
  readonly finished: readonly string[];
  readonly documents: readonly {
    readonly kind: string;
    readonly key: string;
    readonly aggregate: string;
    readonly value: Json;
  }[];
};

export type Committed = {
  readonly seq: number;
  /** What the next entry of the aggregate has to expect: 0 after it was deleted. */
  readonly revision: number;
};

export type StoredAggregate = {
  readonly aggregate: string;
  readonly revision: number;
  readonly state: Json;
  /** Oldest first. */
  readonly pending: readonly { readonly id: string; readonly command: Json }[];
};

export type EventQuery = {
  readonly aggregate: string | null;
  readonly rollout: string | null;
  readonly afterSeq: number;
  readonly limit: number;
};

export type StoredEvent = {
  readonly seq: number;
  readonly aggregate: string;
  readonly atMs: number;
  readonly actor: string;
  readonly rollout: string | null;
  readonly kind: string;
  readonly event: Json;
  /** Lowercase hex HMAC-SHA256 over the row and the former row's MAC. */
  readonly mac: string;
};

export type DocumentQuery = {
  readonly kind: string;
  /** Null for all. */
  readonly aggregate: string | null;
  readonly limit: number;
  /** Only what was first written before the document of that kind with this key, so that a page follows on another. */
  readonly olderThan?: string;
};

export type ChainHead = { readonly seq: number; readonly mac: string };
