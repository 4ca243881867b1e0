import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { assert } from '../lib/assert.ts';
import type { ChainHead, Journal, JournalEntry, StoredEvent } from './journal.ts';

/** An event as it is stored and signed: its payload is the text itself, so that no re-encoding can change a MAC. */
export type ChainRow = Omit<StoredEvent, 'event'> & { readonly eventText: string };

/** Where the chain begins: nothing (seq 0), or the newest event that was pruned, signed with the chain's key. */
export type Checkpoint = ChainHead & { readonly signature: string };

export type ChainFault = { readonly seq: number; readonly why: string };

const GENESIS: ChainHead = { seq: 0, mac: '0'.repeat(64) };

export function firstCheckpoint(key: Uint8Array): Checkpoint {
  return signCheckpoint(key, GENESIS);
}

export function signCheckpoint(key: Uint8Array, head: ChainHead): Checkpoint {
  return { seq: head.seq, mac: head.mac, signature: macOf(key, ['checkpoint', head.seq, head.mac]) };
}

/** Where the chain ends, signed: whoever takes the last records away leaves a head that is ahead of them. */
export function signHead(key: Uint8Array, { seq, mac }: ChainHead): Checkpoint {
  return { seq, mac, signature: macOf(key, ['head', seq, mac]) };
}

/** What the end of a chain says against the head that was signed with it, or null. */
export function headFault(key: Uint8Array, signed: Checkpoint, newest: ChainHead): ChainFault | null {
  if (!sameMac(signed.signature, signHead(key, signed).signature))
    return { seq: signed.seq, why: 'the end of the chain is not signed by its key' };
  if (newest.seq < signed.seq)
    return { seq: newest.seq + 1, why: `the tail is cut: the chain went on to event ${signed.seq}` };
  return newest.seq === signed.seq && sameMac(newest.mac, signed.mac)
    ? null
    : { seq: signed.seq, why: 'the chain does not end where it was signed: records were put in or replaced' };
}

/** False when the checkpoint was edited or belongs to another key. */
export function isSignedBy(key: Uint8Array, checkpoint: Checkpoint): boolean {
  return sameMac(checkpoint.signature, signCheckpoint(key, checkpoint).signature);
}

/** The row that follows `head`. Ill-formed text is mended first: a store would change it and break the MAC. */
export function chainRow(key: Uint8Array, head: ChainHead, entry: JournalEntry): ChainRow {
  assert(Number.isSafeInteger(entry.atMs), `atMs of ${entry.kind} is whole milliseconds, not ${entry.atMs}`);
  const row = {
    seq: head.seq + 1,
    aggregate: entry.aggregate.toWellFormed(),
    atMs: entry.atMs,
    actor: entry.actor.toWellFormed(),
    rollout: entry.rollout?.toWellFormed() ?? null,
    kind: entry.kind.toWellFormed(),
    eventText: JSON.stringify(entry.event),
  };
  return { ...row, mac: rowMac(key, head.mac, row) };
}

/** Signs a state as it is stored, so that one that was damaged is never believed. */
export function stateMac(key: Uint8Array, aggregate: string, revision: number, stateText: string): string {
  return macOf(key, ['state', aggregate, revision, stateText]);
}

/** Signs a command without a result, for the same reason. */
export function commandMac(key: Uint8Array, id: string, aggregate: string, commandText: string): string {
  return macOf(key, ['command', id, aggregate, commandText]);
}

/** Walks rows in order from the checkpoint. Returns the first that does not fit, or null. */
export function verifyChain(
  key: Uint8Array,
  checkpoint: Checkpoint,
  rows: Iterable<ChainRow>,
): ChainFault | null {
  if (!isSignedBy(key, checkpoint)) {
    return { seq: checkpoint.seq, why: 'the checkpoint that the chain begins with is not signed by its key' };
  }
  let former: ChainHead = checkpoint;
  for (const row of rows) {
    if (row.seq !== former.seq + 1) return { seq: former.seq + 1, why: 'the event is missing' };
    if (!sameMac(row.mac, rowMac(key, former.mac, row))) {
      return { seq: row.seq, why: 'the event was edited, moved or put in later: its MAC does not fit' };
    }
    former = row;
  }
  return null;
}

/**
 * Whether the journal still holds what a log line or message once announced as its head: finds a cut or rewritten
 * tail, which the chain alone cannot. A head older than the pruning checkpoint can no longer be compared and passes.
 */
export function verifyAgainst(journal: Journal, announced: ChainHead): ChainFault | null {
  const fault = journal.verify();
  if (fault !== null || announced.seq === 0) return fault;
  const head = journal.head();
  if (head.seq < announced.seq) {
    return { seq: head.seq + 1, why: `the tail is cut: event ${announced.seq} was announced` };
  }
  const [found] = journal.events({
    aggregate: null,
    rollout: null,
    afterSeq: announced.seq - 1,
    limit: 1,
  });
  const present = head.seq === announced.seq ? head : found;
  if (present?.seq !== announced.seq || sameMac(present.mac, announced.mac)) return null;
  return { seq: announced.seq, why: 'another event stands here than the one that was announced' };
}

function rowMac(key: Uint8Array, formerMac: string, row: Omit<ChainRow, 'mac'>): string {
  return macOf(key, [
    formerMac,
    row.seq,
    row.aggregate,
    row.atMs,
    row.actor,
    row.rollout,
    row.kind,
    row.eventText,
  ]);
}

/** JSON keeps the fields apart: no two different lists give the same text. */
function macOf(key: Uint8Array, fields: readonly (string | number | null)[]): string {
  return createHmac('sha256', keyObject(key)).update(JSON.stringify(fields)).digest('hex');
}

const keyObjects = new WeakMap<Uint8Array, KeyObject>();

/** Made once: to make it takes longer than to use it. */
function keyObject(key: Uint8Array): KeyObject {
  const known = keyObjects.get(key);
  if (known !== undefined) return known;
  const made = createSecretKey(key);
  keyObjects.set(key, made);
  return made;
}

export function sameMac(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
