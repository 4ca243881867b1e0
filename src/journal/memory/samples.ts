import { apartIn, measuredIn, rowsOf, type CountsRow } from '../../traffic/counts-row.ts';
import { MINUTE, minuteOf, sumRows } from '../rollup.ts';
import type { EvidenceRange, SampleBatch, SampleRange, SampleStore } from '../samples.ts';

type Limits = Parameters<SampleStore['compact']>[0];

/** What a service has in memory; rows before `minutesUntil` are minutes. */
type Shelf = {
  cursor: string;
  upToSecond: number;
  minutesUntil: number;
  rows: Map<number, CountsRow>;
};

/** The store for tests and the simulator: the same rules, nothing on disk. */
export function createMemorySamples(): SampleStore {
  const shelves = new Map<string, Shelf>();
  const evidence = new Map<string, Shelf>();
  return {
    append: (batch) => append(shelves, batch),
    flush: () => Promise.resolve(),
    read: (query) => Promise.resolve(read(shelves.get(query.service), query.fromSecond, query.toSecond)),
    cursor: (service) => Promise.resolve(shelves.get(service)?.cursor ?? null),
    compact: (limits) => {
      for (const [service, shelf] of shelves) compactShelf(shelves, service, shelf, limits);
      dropToFit(shelves, limits);
      dropEvidence(evidence, limits.maxEvidenceBytes);
      return Promise.resolve();
    },
    keepEvidence: (range) => {
      const shelf = shelves.get(range.service);
      if (shelf !== undefined && !evidence.has(range.rollout)) keepEvidence(evidence, shelf, range);
      return Promise.resolve();
    },
    readEvidence: ({ rollout, fromSecond, toSecond }) => {
      const shelf = evidence.get(rollout);
      return Promise.resolve(shelf === undefined ? null : read(shelf, fromSecond, toSecond));
    },
    dropEvidence: (rollouts) => {
      for (const rollout of rollouts) evidence.delete(rollout);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

function append(shelves: Map<string, Shelf>, batch: SampleBatch): void {
  let shelf = shelves.get(batch.service);
  if (shelf === undefined) {
    shelf = { cursor: batch.cursor, upToSecond: batch.upToSecond, minutesUntil: 0, rows: new Map() };
    shelves.set(batch.service, shelf);
  }
  shelf.cursor = batch.cursor;
  shelf.upToSecond = Math.max(shelf.upToSecond, batch.upToSecond);
  for (const row of rowsOf(structuredClone(batch))) put(shelf, row);
}

function put(shelf: Shelf, row: CountsRow): void {
  const isLate = row.second < shelf.minutesUntil;
  const second = isLate ? minuteOf(row.second) : row.second;
  const present = shelf.rows.get(second);
  const sum =
    present === undefined && !isLate ? row : sumRows(second, present === undefined ? [row] : [present, row]);
  shelf.rows.set(second, sum);
}

function read(shelf: Shelf | undefined, fromSecond: number, toSecond: number): SampleRange {
  if (shelf === undefined) return { replicas: [], identities: [], upToSecond: null, minutesUntil: null };
  const rows = inOrder(shelf).filter((row) => row.second >= fromSecond && row.second <= toSecond);
  return {
    replicas: rows.flatMap((row) => row.replicas),
    identities: rows.flatMap((row) => row.identities),
    ...apartIn(rows),
    ...measuredIn(rows),
    upToSecond: shelf.upToSecond,
    minutesUntil: shelf.minutesUntil === 0 ? null : shelf.minutesUntil,
  };
}

function compactShelf(shelves: Map<string, Shelf>, service: string, shelf: Shelf, limits: Limits): void {
  const keep = keepFrom(service, limits);
  const before = Math.min(limits.minutesBefore, keep);
  for (const { second } of inOrder(shelf)) {
    const length = second < shelf.minutesUntil ? MINUTE : 1;
    if (second + length <= before) shelf.rows.delete(second);
  }
  if (shelf.rows.size === 0 && shelf.upToSecond < before) shelves.delete(service);
  const boundary = minuteOf(Math.min(limits.secondsBefore, keep));
  const old = inOrder(shelf).filter((row) => row.second >= shelf.minutesUntil && row.second < boundary);
  if (old.length === 0) return;
  for (const row of old) shelf.rows.delete(row.second);
  shelf.minutesUntil = boundary;
  for (const row of old) put(shelf, row);
}

/** Bytes are those of JSON: near enough for a simulator. */
function dropToFit(shelves: ReadonlyMap<string, Shelf>, limits: Limits): void {
  const rows = [...shelves]
    .flatMap(([service, shelf]) =>
      inOrder(shelf).map((row) => ({ shelf, row, isKept: row.second >= keepFrom(service, limits) })),
    )
    .toSorted((one, other) => one.row.second - other.row.second);
  let bytes = rows.reduce((sum, { row }) => sum + JSON.stringify(row).length, 0);
  for (const { shelf, row, isKept } of rows) {
    if (bytes <= limits.maxBytes) return;
    if (isKept) continue;
    shelf.rows.delete(row.second);
    bytes -= JSON.stringify(row).length;
  }
}

function keepEvidence(evidence: Map<string, Shelf>, shelf: Shelf, range: EvidenceRange): void {
  const { rollout, fromSecond, toSecond } = range;
  const isKept = ({ second }: CountsRow): boolean =>
    second >= Math.max(fromSecond, shelf.minutesUntil) && second <= toSecond;
  const rows = new Map(
    inOrder(shelf)
      .filter(isKept)
      .map((row) => [row.second, row]),
  );
  if (rows.size === 0) return;
  const minutesUntil = shelf.minutesUntil > fromSecond ? shelf.minutesUntil : 0;
  const upToSecond = Math.min(shelf.upToSecond, toSecond);
  evidence.set(rollout, { cursor: shelf.cursor, upToSecond, minutesUntil, rows });
}

function dropEvidence(evidence: Map<string, Shelf>, maxBytes: number): void {
  const bytesOf = (shelf: Shelf): number => JSON.stringify(inOrder(shelf)).length;
  let bytes = [...evidence.values()].reduce((sum, shelf) => sum + bytesOf(shelf), 0);
  for (const [rollout, shelf] of evidence) {
    if (bytes <= maxBytes) return;
    evidence.delete(rollout);
    bytes -= bytesOf(shelf);
  }
}

function keepFrom(service: string, limits: Limits): number {
  const ranges = limits.keep.filter((range) => range.service === service);
  return Math.min(Infinity, ...ranges.map((range) => range.fromSecond));
}

function inOrder(shelf: Shelf): readonly CountsRow[] {
  return [...shelf.rows.values()].toSorted((one, other) => one.second - other.second);
}
