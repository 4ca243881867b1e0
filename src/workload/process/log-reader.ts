import { open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SlotName } from '../../release/slot.ts';
import type { LogLine, LogOptions } from '../runtime.ts';
import { LineSplitter } from './line-splitter.ts';
import type { LogFiles } from './log-files.ts';

/** `tail` looks back this far at most, per replica. */
const TAIL_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const POLL_MS = 200;
const TAIL_ATTEMPTS = 5;
const TAIL_PAUSE_MS = 10;

/** One replica's output as far as it was read. */
type Source = LogTarget & {
  readonly path: string;
  readonly lines: LineSplitter;
  offset: number;
  turns: number;
  /** While the older part is read: what of it was left out. */
  skipped: number | null;
};

export type LogTarget = { readonly releaseId: string; readonly label: string; readonly replica: number };

/**
 * The lines of a slot. `targets` says which replicas there are, asked again while following, so that a new release in the slot
 * is followed too. Holds one chunk and one unfinished line per replica.
 */
export async function* readLogs(
  files: LogFiles,
  place: { readonly service: string; readonly slot: SlotName },
  targets: () => Promise<readonly LogTarget[]>,
  options: LogOptions,
): AsyncGenerator<LogLine> {
  const sources = new Map<string, Source>();
  let first = true;
  while (!options.signal.aborted) {
    let quiet = true;
    for (const target of await targets()) {
      const path = files.path({ ...place, ...target });
      let source = sources.get(path);
      if (source === undefined) {
        source = {
          ...target,
          path,
          lines: new LineSplitter(),
          offset: 0,
          turns: files.turns(path),
          skipped: null,
        };
        sources.set(path, source);
        if (first) for (const text of await readTail(files, source, options.tail)) yield lineOf(source, text);
      }
      if (!options.follow) {
        for (const text of source.lines.flush()) yield lineOf(source, text);
        continue;
      }
      const found = await readNew(files, source);
      if (found.length > 0) quiet = false;
      for (const text of found) {
        if (options.signal.aborted) return;
        yield lineOf(source, text);
      }
    }
    first = false;
    if (!options.follow) return;
    // The abort ends the pause; the loop's condition then ends the reading.
    if (quiet) await sleep(POLL_MS, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

/** The last lines, the unfinished one excepted, which stays in the source. */
async function readTail(files: LogFiles, source: Source, count: number): Promise<string[]> {
  for (let attempt = 0; ; attempt += 1) {
    source.turns = files.turns(source.path);
    const current = await readEnd(source.path, TAIL_BYTES);
    const missing = TAIL_BYTES - current.bytes.length;
    const former = missing > 0 && current.whole ? await readEnd(`${source.path}.1`, missing) : NOTHING;
    // Put aside while we read: the two parts do not fit each other.
    if (
      (files.turns(source.path) !== source.turns || files.isMoving(source.path)) &&
      attempt < TAIL_ATTEMPTS
    ) {
      await sleep(TAIL_PAUSE_MS);
      continue;
    }
    source.offset = current.end;
    const lines = [...source.lines.push(former.bytes), ...source.lines.push(current.bytes)];
    return count === 0 ? [] : lines.slice(-count);
  }
}

/** At most one chunk of what is new. */
async function readNew(files: LogFiles, source: Source): Promise<string[]> {
  if (files.isMoving(source.path)) return [];
  const turns = files.turns(source.path);
  const turned = turns !== source.turns;
  if (turned && source.skipped === null) {
    source.skipped = files.skipped(source.path);
    const lost = source.skipped - source.offset;
    source.offset = Math.max(0, -lost);
    if (lost > 0) return [`… (${lost} bytes were dropped before they could be read)`];
  }
  const bytes = await readAt(turned ? `${source.path}.1` : source.path, source.offset, CHUNK_BYTES);
  // Put aside during the read: what we hold may be of the new content. Next time reads the old part to its end.
  if (files.turns(source.path) !== turns || files.isMoving(source.path)) return [];
  if (turned && bytes.length === 0) {
    const lost = turns - source.turns - 1;
    source.turns = turns;
    source.skipped = null;
    source.offset = 0;
    return lost > 0 ? [`… (${lost} full log files were replaced before they could be read)`] : [];
  }
  // A program that opens /dev/stdout anew may cut the file itself.
  if (bytes.length === 0 && (await sizeOf(source.path)) < source.offset) source.offset = 0;
  source.offset += bytes.length;
  return source.lines.push(bytes);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.size,
    () => 0,
  );
}

type End = { readonly bytes: Buffer; readonly end: number; readonly whole: boolean };
const NOTHING: End = { bytes: Buffer.alloc(0), end: 0, whole: true };

/** The last bytes of a file, from the beginning of a line on. */
async function readEnd(path: string, largest: number): Promise<End> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return NOTHING;
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - largest);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const bytes = buffer.subarray(0, bytesRead);
    const lineStart = start === 0 ? 0 : bytes.indexOf(10) + 1;
    return { bytes: bytes.subarray(lineStart), end: start + bytesRead, whole: start === 0 };
  } finally {
    await file.close();
  }
}

async function readAt(path: string, offset: number, largest: number): Promise<Buffer> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return NOTHING.bytes;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(largest), 0, largest, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function lineOf(source: Source, text: string): LogLine {
  return { replica: source.replica, releaseId: source.releaseId, text };
}
