import { Coverage, type Counts } from './coverage.ts';
import { onSqlite } from './sqlite.ts';
import { playSeed, type Result, type StoryOptions } from './story.ts';

/** Seeds that are played one after the other by one thread. */
export type Chunk = {
  readonly from: number;
  readonly seeds: number;
  readonly sqlite: boolean;
  /** Ends at the first breach. */
  readonly stop: boolean;
};
export type Played = {
  readonly played: number;
  readonly events: number;
  readonly breaches: readonly Result[];
  readonly counts: Counts;
};

export async function playChunk({ from, seeds, sqlite, stop }: Chunk): Promise<Played> {
  const coverage = new Coverage();
  const breaches: Result[] = [];
  let events = 0;
  let played = 0;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const result = await play(seed, sqlite, { coverage, trace: null });
    events += result.events;
    played += 1;
    if (result.breach !== null) breaches.push(result);
    if (result.breach !== null && stop) break;
  }
  return { played, events, breaches, counts: coverage.counts };
}

export function play(
  seed: number,
  sqlite: boolean,
  told: Omit<StoryOptions, 'openJournal'>,
): Promise<Result> {
  if (!sqlite) return playSeed(seed, { ...told, openJournal: null });
  return onSqlite((openJournal) => playSeed(seed, { ...told, openJournal }));
}
