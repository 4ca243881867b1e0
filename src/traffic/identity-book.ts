import { DID, type IdentityNews, ONE_OFF } from './identity-filter.ts';
import type { IdentitySecond } from './counts.ts';
import { SLOT_NAMES } from '../release/slot.ts';

/** Past this many identities a rollout's newcomers go to a Bloom filter. About 24 MiB when full. */
const MAX_IDENTITIES = 1 << 20;
const FIRST_SIZE = 1 << 8;
/** 2 MiB. */
const BLOOM_BITS = 1 << 24;
const BLOOM_HASHES = 4;
const EMPTY = -1;
/** A deed of its own: seen at all. */
const SEEN = 128;
const ACTIVE = DID.activeOnBlue | DID.activeOnGreen;

/** A book for another process: who is in it, in base64. */
export type IdentityBookCopy = {
  readonly rollout: string;
  /** Of each: who (a double), its deeds (a byte), its slowest bucket (two bytes), little-endian. */
  readonly entries: string;
  readonly bloom: string | null;
};

const ENTRY_BYTES = 11;

/**
 * Who did what in one rollout, so that each identity counts once per class. Bounded: past `MAX_IDENTITIES` it may take
 * a newcomer for someone seen before, never the other way round.
 */
export class IdentityBook {
  readonly rollout: string;
  private readonly maxIdentities: number;
  private keys = new Float64Array(FIRST_SIZE).fill(EMPTY);
  private did = new Uint8Array(FIRST_SIZE);
  private slowest = new Int16Array(FIRST_SIZE).fill(-1);
  private size = 0;
  private bloom: Uint8Array | null = null;

  constructor(rollout: string, maxIdentities = MAX_IDENTITIES) {
    this.rollout = rollout;
    this.maxIdentities = maxIdentities;
  }

  copy(): IdentityBookCopy {
    const entries = Buffer.allocUnsafe(this.size * ENTRY_BYTES);
    let at = 0;
    for (const [i, key] of this.keys.entries()) {
      if (key === EMPTY) continue;
      entries.writeDoubleLE(key, at);
      entries.writeUInt8(this.did[i]!, at + 8);
      entries.writeInt16LE(this.slowest[i]!, at + 9);
      at += ENTRY_BYTES;
    }
    const bloom = this.bloom === null ? null : Buffer.from(this.bloom).toString('base64');
    return { rollout: this.rollout, entries: entries.toString('base64'), bloom };
  }

  static from({ rollout, entries, bloom }: IdentityBookCopy): IdentityBook {
    const book = new IdentityBook(rollout);
    const bytes = Buffer.from(entries, 'base64');
    for (let at = 0; at < bytes.length; at += ENTRY_BYTES)
      book.put(bytes.readDoubleLE(at), bytes.readUInt8(at + 8), bytes.readInt16LE(at + 9));
    if (bloom !== null) book.bloom = new Uint8Array(Buffer.from(bloom, 'base64'));
    return book;
  }

  /** Takes in what workers told and adds what is new to `seconds`. */
  take(news: readonly IdentityNews[], counts: IdentityCounts): void {
    for (const [identity, slot, did, bucket] of news) {
      if (identity === ONE_OFF) counts.add({ slot, did, from: -1, to: bucket, isNew: true });
      else this.takeOne(identity, { slot, did, bucket }, counts);
    }
  }

  private takeOne(identity: number, { slot, did, bucket }: Deed, counts: IdentityCounts): void {
    const at = this.find(identity);
    if (this.keys[at] !== identity) {
      if (this.size >= this.maxIdentities) {
        this.takeUnlisted(identity, { slot, did, bucket }, counts);
        return;
      }
      this.insert(identity, { slot, did, bucket }, counts);
      return;
    }
    const newlyDid = did & ~this.did[at]!;
    const from = this.slowest[at]!;
    this.did[at]! |= did;
    if (bucket > from) this.slowest[at] = bucket;
    counts.add({ slot, did: newlyDid, from, to: bucket, isNew: false });
  }

  private put(identity: number, did: number, bucket: number): void {
    if (this.size * 2 >= this.keys.length) this.grow();
    const at = this.find(identity);
    this.keys[at] = identity;
    this.did[at] = did;
    this.slowest[at] = bucket;
    this.size += 1;
  }

  private insert(identity: number, { slot, did, bucket }: Deed, counts: IdentityCounts): void {
    this.put(identity, did, bucket);
    counts.add({ slot, did, from: -1, to: bucket, isNew: true });
  }

  /** No room for its own entry: each deed is looked up by itself, and only the first latency is known. */
  private takeUnlisted(identity: number, { slot, did, bucket }: Deed, counts: IdentityCounts): void {
    let newlyDid = 0;
    for (const deed of Object.values(DID)) {
      if ((did & deed) !== 0 && this.isNewToBloom(identity, deed)) newlyDid |= deed;
    }
    const isNew = this.isNewToBloom(identity, SEEN);
    counts.add({ slot, did: newlyDid, from: -1, to: isNew ? bucket : -1, isNew });
  }

  private isNewToBloom(identity: number, deed: number): boolean {
    this.bloom ??= new Uint8Array(BLOOM_BITS / 8);
    const low = mix((identity >>> 0) ^ Math.imul(deed, 0x9e3779b9));
    const step = mix(Math.floor(identity / 4_294_967_296) ^ low) | 1;
    let isNew = false;
    for (let i = 0; i < BLOOM_HASHES; i += 1) {
      const bit = ((low + Math.imul(i, step)) >>> 0) % BLOOM_BITS;
      const mask = 1 << (bit & 7);
      if ((this.bloom[bit >>> 3]! & mask) === 0) isNew = true;
      this.bloom[bit >>> 3]! |= mask;
    }
    return isNew;
  }

  /** Where `identity` is, or the empty place where it would be. */
  private find(identity: number): number {
    const mask = this.keys.length - 1;
    let at = mix(identity >>> 0) & mask;
    while (this.keys[at] !== EMPTY && this.keys[at] !== identity) at = (at + 1) & mask;
    return at;
  }

  private grow(): void {
    const { keys, did, slowest } = this;
    this.keys = new Float64Array(keys.length * 2).fill(EMPTY);
    this.did = new Uint8Array(keys.length * 2);
    this.slowest = new Int16Array(keys.length * 2).fill(-1);
    for (let i = 0; i < keys.length; i += 1) {
      if (keys[i] === EMPTY) continue;
      const at = this.find(keys[i]!);
      this.keys[at] = keys[i]!;
      this.did[at] = did[i]!;
      this.slowest[at] = slowest[i]!;
    }
  }
}

type Deed = { readonly slot: number; readonly did: number; readonly bucket: number };

/** By slot. */
export type IdentityCountsCopy = readonly (Omit<SlotCounts, 'records'> & {
  readonly records: readonly (readonly [key: number, count: number])[];
})[];

/** What identities newly did in one second, per slot. */
export class IdentityCounts {
  private slots = [emptySlot(), emptySlot()];

  copy(): IdentityCountsCopy {
    return this.slots.map((slot) => ({ ...slot, records: [...slot.records] }));
  }

  static from(copy: IdentityCountsCopy): IdentityCounts {
    const counts = new IdentityCounts();
    counts.slots = copy.map((slot) => ({ ...slot, records: new Map(slot.records) }));
    return counts;
  }

  add({ slot, did, from, to, isNew }: Novelty): void {
    const counts = this.slots[slot]!;
    if (isNew) counts.assigned += 1;
    if ((did & ACTIVE) !== 0) counts.active += 1;
    if ((did & DID.failed) !== 0) counts.failed += 1;
    if ((did & DID.clientError) !== 0) counts.clientError += 1;
    if (to <= from) return;
    const key = (from + 1) * 4096 + to;
    counts.records.set(key, (counts.records.get(key) ?? 0) + 1);
  }

  close(second: number): IdentitySecond[] {
    return this.slots
      .map(({ active, assigned, failed, clientError, records }, slot) => ({
        second,
        slot: SLOT_NAMES[slot]!,
        active,
        assigned,
        failed,
        clientError,
        records: [...records].map(([key, count]) => [Math.floor(key / 4096) - 1, key % 4096, count] as const),
      }))
      .filter((each) => each.active + each.failed + each.clientError + each.records.length > 0);
  }
}

type Novelty = {
  readonly slot: number;
  /** What it newly did. */
  readonly did: number;
  /** Its slowest bucket before (-1 for none) and now; `to` not above `from` is no record. */
  readonly from: number;
  readonly to: number;
  /** Never seen before on either slot. */
  readonly isNew: boolean;
};

type SlotCounts = {
  active: number;
  assigned: number;
  failed: number;
  clientError: number;
  readonly records: Map<number, number>;
};

function emptySlot(): SlotCounts {
  return { active: 0, assigned: 0, failed: 0, clientError: 0, records: new Map() };
}

/** MurmurHash3's finaliser. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
