import { decodeRow, encodeRow } from './counts-codec.ts';
import type { CountsRow } from './counts-row.ts';

const CHUNK_SECONDS = 60;
const FIRST_BYTES = 128;
/** Before each row: its second within the chunk, and how many bytes it has. */
const HEAD_BYTES = 5;

/** `length` bytes are in use. */
type Chunk = { bytes: Buffer; length: number };

/** Each minute with its bytes in base64. They are read by the proxy of the next version: what changes them, changes its handover. */
export type PackedSecondsCopy = readonly (readonly [start: number, bytes: string])[];

/**
 * Counts of one service by second, as bytes. A second with one request takes 20 of them; as objects it takes some 500, and
 * of a thousand services ten minutes are kept.
 */
export class PackedSeconds {
  /** By the minute that they begin with. */
  readonly #chunks = new Map<number, Chunk>();
  #newest = Number.NEGATIVE_INFINITY;

  copy(): PackedSecondsCopy {
    return [...this.#chunks].map(([start, { bytes, length }]) => [
      start,
      bytes.toString('base64', 0, length),
    ]);
  }

  static from(copy: PackedSecondsCopy): PackedSeconds {
    const seconds = new PackedSeconds();
    for (const [start, text] of copy) {
      const bytes = Buffer.from(text, 'base64');
      seconds.#chunks.set(start, { bytes, length: bytes.length });
      seconds.#newest = Math.max(seconds.#newest, start);
    }
    return seconds;
  }

  /** A second that comes twice has the rows of both. */
  add(row: CountsRow): void {
    const start = startOf(row.second);
    let chunk = this.#chunks.get(start);
    if (chunk === undefined) {
      chunk = { bytes: Buffer.allocUnsafeSlow(FIRST_BYTES), length: 0 };
      this.#chunks.set(start, chunk);
      this.#trim(start);
    }
    append(chunk, row.second - start, encodeRow(row));
  }

  /** Rows of these seconds, both included, oldest first. */
  between(fromSecond: number, toSecond: number): readonly CountsRow[] {
    const starts = [...this.#chunks.keys()].filter(
      (start) => start + CHUNK_SECONDS > fromSecond && start <= toSecond,
    );
    return starts
      .flatMap((start) => [...rowsIn(this.#chunks.get(start)!, start, { fromSecond, toSecond })])
      .sort((one, other) => one.second - other.second);
  }

  /** In whole minutes: what lies less than one before it may stay. */
  forgetBefore(second: number): void {
    for (const start of this.#chunks.keys()) if (start + CHUNK_SECONDS <= second) this.#chunks.delete(start);
  }

  /** A minute that is over keeps no room for more. */
  #trim(start: number): void {
    const former = this.#chunks.get(this.#newest);
    this.#newest = Math.max(this.#newest, start);
    if (former !== undefined && this.#newest === start) resize(former, former.length);
  }
}

function startOf(second: number): number {
  return Math.floor(second / CHUNK_SECONDS) * CHUNK_SECONDS;
}

function append(chunk: Chunk, offset: number, row: Uint8Array): void {
  const length = chunk.length + HEAD_BYTES + row.length;
  if (length > chunk.bytes.length) resize(chunk, Math.max(length, chunk.bytes.length * 2));
  chunk.bytes.writeUInt8(offset, chunk.length);
  chunk.bytes.writeUInt32LE(row.length, chunk.length + 1);
  chunk.bytes.set(row, chunk.length + HEAD_BYTES);
  chunk.length = length;
}

function resize(chunk: Chunk, size: number): void {
  const bytes = Buffer.allocUnsafeSlow(size);
  bytes.set(chunk.bytes.subarray(0, chunk.length));
  chunk.bytes = bytes;
}

type Range = { readonly fromSecond: number; readonly toSecond: number };

function* rowsIn({ bytes, length }: Chunk, start: number, { fromSecond, toSecond }: Range) {
  for (let at = 0; at < length;) {
    const second = start + bytes.readUInt8(at);
    const from = at + HEAD_BYTES;
    at = from + bytes.readUInt32LE(at + 1);
    if (second >= fromSecond && second <= toSecond) yield decodeRow(second, bytes.subarray(from, at));
  }
}
