import { readFile } from 'node:fs/promises';
import { writeFileDurably } from '../lib/durable-file.ts';

/** How far a channel is: the notices of event `seq` before `index` are over, and so is every earlier event. */
export type Place = {
  readonly seq: number;
  readonly index: number;
  /** What the service gave for the first message of each rollout, and each trouble, that is not over, oldest first. */
  readonly threads: readonly (readonly [rollout: string, thread: string])[];
};

const MOST_THREADS = 500;

/** Null where there is none, or it cannot be read: then the channel begins with what happens from now on. */
export async function readPlace(file: string): Promise<Place | null> {
  try {
    const { seq, index, threads } = JSON.parse(await readFile(file, 'utf8')) as Place;
    const isSound = Number.isSafeInteger(seq) && Number.isSafeInteger(index) && Array.isArray(threads);
    return isSound ? { seq, index, threads } : null;
  } catch {
    return null;
  }
}

export function writePlace(file: string, place: Place): Promise<void> {
  return writeFileDurably(file, `${JSON.stringify({ schema: 1, ...place })}\n`, 0o600);
}

export function threadOf({ threads }: Place, rollout: string): string | null {
  return threads.find(([one]) => one === rollout)?.[1] ?? null;
}

/** Null: there is nothing more to come in it. */
export function withThread(place: Place, rollout: string, thread: string | null): Place {
  const others = place.threads.filter(([one]) => one !== rollout);
  const threads = thread === null ? others : [...others, [rollout, thread] as const];
  return { ...place, threads: threads.slice(-MOST_THREADS) };
}
